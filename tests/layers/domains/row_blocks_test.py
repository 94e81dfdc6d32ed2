"""Every row stands in a block of its group, in few blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tfctr.layers.domains._row_blocks import (
    KERNEL_ROWS,
    from_blocks,
    row_blocks,
    sizes_are_free,
    sorted_parts,
    take_groups,
    to_blocks,
)


@given(count=st.integers(1, 40), groups=st.lists(st.integers(0, 39), max_size=300), free=st.booleans())
def test_rows_share_a_block_with_their_group_alone(count: int, groups: list[int], free: bool) -> None:
    group = np.array(groups, "int32") % count
    blocks = row_blocks(tf.constant(group), count, free=free)
    number, rows = (int(size) for size in blocks.shape)
    place, owner = np.array(blocks.place), np.array(blocks.owner)
    assert len(owner) == number
    assert len(set(place.tolist())) == len(group)
    np.testing.assert_array_equal(owner[place // rows], group)
    if free:
        assert number == len(set((place // rows).tolist()))  # none is empty
    else:
        assert number <= min(len(group), 4 * count)
        assert number * rows <= 4 / 3 * len(group) + KERNEL_ROWS * count


@pytest.mark.parametrize(
    ("group", "shape"), [([5] * 256, (1, 256)), (list(range(256)), (256, 1)), ([0] * 100 + [1] * 90, (2, 128))]
)
def test_free_blocks_are_as_large_as_their_groups(group: list[int], shape: tuple[int, int]) -> None:
    """Neither does one domain pay for copies of its weights, nor do many pay for rows that are not there."""
    blocks = row_blocks(tf.constant(group, tf.int32), 300, free=True)
    assert tuple(int(size) for size in blocks.shape) == shape


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("group", [[0, 2, 1, 2, 2, 0], [1] * 50, []])
def test_there_and_back(group: list[int], free: bool) -> None:
    rows = np.arange(3 * len(group), dtype="float32").reshape(-1, 3) + 1
    blocks = row_blocks(tf.constant(group, tf.int32), 3, free=free)
    laid = to_blocks(tf.constant(rows), blocks)
    np.testing.assert_array_equal(from_blocks(laid, blocks), rows)
    assert np.count_nonzero(laid) == rows.size  # zeros between them


@pytest.mark.parametrize("group", [[0, 2, 1, 2, 2, 0], [1] * 50, []])
def test_parts_have_the_rows_of_a_group_and_one_of_zeros(group: list[int]) -> None:
    rows = np.arange(3 * len(group), dtype="float32").reshape(-1, 3)
    parts, place = sorted_parts(tf.constant(rows), tf.constant(group, tf.int32), 4)
    for number, part in enumerate(parts):
        np.testing.assert_array_equal(part, [*rows[np.array(group, int) == number], np.zeros(3)])
    np.testing.assert_array_equal(tf.gather(tf.concat(parts, axis=0), place), rows)


def test_sizes_are_free_in_a_plain_graph_alone() -> None:
    found = []

    def look(rows: tf.Tensor) -> tf.Tensor:
        found.append(sizes_are_free(rows))
        return rows

    def compiled() -> Any:
        return tf.function(look, jit_compile=True)

    for step in (look, tf.function(look), compiled(), tf.function(lambda rows: compiled()(rows), autograph=False)):
        step(tf.zeros((2, 3)))
    assert found == [False, True, False, False]


def test_weights_of_groups_have_dense_gradients() -> None:
    weight = tf.Variable(np.arange(24, dtype="float32").reshape(4, 2, 3))
    with tf.GradientTape() as tape:
        taken = take_groups(weight, tf.constant([1, 3, 1]))
        total = tf.reduce_sum(taken)
    np.testing.assert_array_equal(taken, weight.numpy()[[1, 3, 1]])
    gradient = tape.gradient(total, weight)
    assert isinstance(gradient, tf.Tensor)
    np.testing.assert_array_equal(gradient[:, 0, 0], [0, 2, 0, 1])

"""Tables of which single numbers are selected, and those that keep them alone."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.plans.exported import variables_bytes
from tfctr.layers.embedding import FullTable, SoftSelectionTable, SparseTable
from tfctr.layers.embedding._ranked_bits import add_ranked_bits, bytes_of, mask_of, packed, ranked
from tfctr.models import FM
from tfctr.testing._examples import RICH


@pytest.mark.parametrize("size", [1, 63, 64, 65, 1_000])
def test_bits_know_who_is_there_and_how_many_are_before(size: int) -> None:
    mask = np.random.default_rng(size).random(size) < 0.3
    positions = np.random.default_rng(1).integers(0, size, (4, 5))
    there, before = ranked(*packed(mask), positions)
    np.testing.assert_array_equal(there, mask[positions])
    np.testing.assert_array_equal(before, (np.cumsum(mask) - mask)[positions])
    weights = add_ranked_bits(keras.layers.Layer(), "kept", mask)
    np.testing.assert_array_equal(mask_of(weights[0], size), mask)
    assert bytes_of(size) == sum(np.asarray(weight).nbytes for weight in weights)


def drawn(rows: int, dim: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A mask and numbers; some rows have none."""
    rng = np.random.default_rng(seed)
    mask = (rng.random((rows, dim)) < share) & (rng.random((rows, 1)) < 0.5)
    mask[0] = False
    return mask, rng.normal(size=(rows, dim)).astype("float32")


def sparse(mask: np.ndarray, **options: Any) -> SparseTable:
    table = SparseTable(*mask.shape, entries=int(mask.sum()), kept=int(mask.any(axis=1).sum()), **options)
    table.build()
    return table


@pytest.mark.parametrize(("rows", "dim"), [(300, 5), (300, 8), (70, 16), (3, 2)])
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_a_look_up_is_that_of_the_masked_table(rows: int, dim: int, share: float) -> None:
    mask, values = drawn(rows, dim, share)
    table = sparse(mask)
    table.keep(mask, values)
    ids = np.arange(rows)
    np.testing.assert_array_equal(table(ids), np.where(mask, values, 0))
    np.testing.assert_array_equal(table(ids.reshape(1, -1, 1))[0, :, 0], np.where(mask, values, 0))
    np.testing.assert_array_equal(table.kept_numbers(), mask)
    assert table.serving_bytes() == sum(np.asarray(weight).nbytes for weight in table.weights)


def test_without_keep_the_first_rows_have_all_numbers() -> None:
    table = SparseTable(5, 3)
    table.build()
    assert table.kept_numbers()[1:].all()
    assert np.abs(table(np.arange(5))).min(axis=1).tolist()[0] == 0
    assert np.abs(np.asarray(table(np.arange(1, 5)))).min() > 0


def test_it_learns_what_it_keeps_and_nothing_else() -> None:
    mask, values = drawn(40, 4, 0.5)
    table = sparse(mask)
    table.keep(mask, values)
    optimizer = keras.optimizers.SGD(0.5)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = keras.ops.sum(keras.ops.square(table(np.arange(40)) - 1.0)) / 2
    optimizer.apply_gradients([(tape.gradient(loss, table.numbers.value), table.numbers)])
    np.testing.assert_allclose(table(np.arange(40)), np.where(mask, (values + 1) / 2, 0), rtol=1e-6)


def test_it_is_smaller_on_disk_by_what_was_cut(tmp_path: Any) -> None:
    spec = RICH.spec.bind({**RICH.rows, "item": 4_000})
    names = [name for name in spec.rows if name != "item"]
    sizes = {name: spec.rows[name] - 1 for name in names}
    template = SparseTable(
        entries={**{name: 16 * rows for name, rows in sizes.items()}, "item": 3_000}, kept={**sizes, "item": 800}
    )
    paths = [(FM(spec, embedding_dim=16, table=template), "sparse"), (FM(spec, embedding_dim=16), "plain")]
    for model, _ in paths:
        model.build()
    small, whole = (variables_bytes(model, tmp_path / name) for model, name in paths)
    assert whole - small > 0.9 * 4 * (4_000 * 16 - 3_000) - 800 * 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SparseTable(5, 2, entries=9, kept=4), "cannot have 9 numbers"),
        (lambda: SparseTable(5, 2, entries=3, kept=4), "cannot have 3 numbers"),
        (lambda: SparseTable(5, 2_000), "at most 1024 numbers"),
        (lambda: SparseTable(5, 2, precision="int4"), "keep them in int8"),
        (lambda: sparse(drawn(40, 4, 0.5)[0]).keep(np.ones((40, 4), bool)), "and not the padding"),
        (lambda: SoftSelectionTable(blocks=(0.5, 0.6)), "shares that leave a rest, or numbers"),
        (lambda: SoftSelectionTable(blocks=(0.5, 3)), "shares that leave a rest, or numbers"),
        (lambda: SoftSelectionTable(granularity="rows"), "granularity is"),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def selection(**options: Any) -> SoftSelectionTable:
    table = SoftSelectionTable(11, 4, **options)
    table.build()
    return table


def test_at_first_it_is_a_plain_table() -> None:
    table, plain = selection(), FullTable(11, 4)
    plain.build()
    plain.embeddings.assign(table.embeddings)
    np.testing.assert_array_equal(table(np.arange(11)), plain(np.arange(11)))


def test_a_closed_block_says_nothing() -> None:
    table = selection(blocks=(2, 3))
    table.set_counts(np.r_[0, np.arange(10, 0, -1)])
    table.selection.assign([[1] * 4, [0] * 4, [1] * 4])
    silent = (np.asarray(table(np.arange(11))) == 0).all(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(silent), [0, 3, 4, 5])


def test_blocks_go_by_frequency_and_unseen_ids_are_the_last() -> None:
    table = selection(blocks=(2, 3))
    table.set_counts(np.array([0, 1, 9, 5, 5, 0, 2, 8, 1, 1, 7]))
    block_of = np.asarray(table.block_of)
    assert block_of[[2, 7]].tolist() == [0, 0]
    assert block_of[[10, 3, 4]].tolist() == [1, 1, 1]
    assert set(block_of[[1, 5, 6, 8, 9]]) == {2}
    in_order = selection(blocks=(0.2, 0.3))
    assert np.asarray(in_order.block_of).tolist() == [2, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("granularity", "value", "shown"),
    [
        ("block", [[2.3], [4.0], [0.0]], [[1, 1, 0.3, 0], [1, 1, 1, 1], [0, 0, 0, 0]]),
        ("dimension", [[3.0, 1.5, 0.0, 1.0]], [[1, 1, 0, 1], [1, 0.5, 0, 0], [1, 0, 0, 0]]),
    ],
)
def test_the_smaller_spaces_show_prefixes(granularity: Any, value: Any, shown: Any) -> None:
    table = selection(blocks=(2, 3), granularity=granularity)
    assert np.all(np.asarray(table.shown()) == 1)
    table.selection.assign(value)
    np.testing.assert_allclose(table.shown(), shown, atol=1e-6)

"""Raw tensors of every form, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfctr.spec import RawColumn
from tfctr.transform import MISSING_INT
from tfctr.transform.columns import (
    as_sparse,
    first_values,
    latest_values,
    scalar,
    scalar_float,
    scalar_text,
    values_in_window,
)

TEXT = RawColumn("t", "string")
INT = RawColumn("i", "int")
FLOAT = RawColumn("f", "float")
TEXTS = RawColumn("ts", "string", "list")
INTS = RawColumn("is", "int", "list")


def lists(rows: list[list[int]]) -> tf.SparseTensor:
    return tf.ragged.constant(rows, tf.int64, ragged_rank=1).to_sparse()


def test_dense_scalars_lose_their_gaps() -> None:
    sparse = as_sparse(tf.constant(["a", "", "c"]), TEXT)
    assert sparse.indices.numpy().tolist() == [[0, 0], [2, 0]]
    assert as_sparse(tf.constant([[1], [MISSING_INT]], tf.int64), INT).values.numpy().tolist() == [1]
    assert as_sparse(tf.constant([1.0, np.nan, np.inf]), FLOAT).values.numpy().tolist() == [1.0]


def test_dense_lists_lose_their_padding_only_at_the_end() -> None:
    sparse = as_sparse(tf.constant([["a", "", "c", ""], ["", "", "", ""]]), TEXTS)
    assert sparse.values.numpy().tolist() == [b"a", b"", b"c"]
    assert sparse.dense_shape.numpy().tolist()[0] == 2
    pad = MISSING_INT
    assert as_sparse(tf.constant([[0, pad], [7, 8]], tf.int64), INTS).values.numpy().tolist() == [0, 7, 8]


def test_narrow_numbers_are_widened_and_nothing_else() -> None:
    assert as_sparse(tf.constant([1], tf.int32), INT).dtype == tf.int64
    assert as_sparse(tf.constant([1], tf.int64), FLOAT).dtype == tf.float32
    assert as_sparse(tf.constant([1.0], tf.float64), FLOAT).dtype == tf.float32
    for tensor, column in ((tf.constant([1.5]), INT), (tf.constant(["1"]), INT), (tf.constant([1]), TEXT)):
        with pytest.raises(TypeError, match=f"raw column '{column.name}' must be"):
            as_sparse(tensor, column)


@pytest.mark.parametrize("width", [0, 1, 3])
def test_a_scalar_column_without_values_keeps_its_rows(width: int) -> None:
    empty = tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.zeros([0], tf.int64), [4, width])
    assert scalar(empty, -1).numpy().tolist() == [-1] * 4
    assert scalar_text(empty).numpy().tolist() == [b"__missing__"] * 4


def test_a_scalar_column_takes_the_first_of_several_values() -> None:
    assert scalar(lists([[5, 6], [], [7]]), 0).numpy().tolist() == [5, 0, 7]


def test_text_and_numbers() -> None:
    assert scalar_text(lists([[-5], []])).numpy().tolist() == [b"-5", b"__missing__"]
    assert scalar_text(as_sparse(tf.constant([""]), TEXT)).numpy().tolist() == [b"__missing__"]
    values = tf.SparseTensor([[0, 0], [2, 0]], [np.inf, 2.0], [3, 1])
    np.testing.assert_array_equal(scalar_float(values), [np.nan, np.nan, 2.0])


def test_windows() -> None:
    column = lists([[1, 2, 3], [], [4]])
    first = values_in_window(column, first_values(column, 2))
    assert first.dense(first.values, 2).numpy().tolist() == [[1, 2], [0, 0], [4, 0]]
    latest = values_in_window(column, latest_values(column, 2))
    assert latest.dense(latest.values, 4).numpy().tolist() == [[2, 3, 0, 0], [0, 0, 0, 0], [4, 0, 0, 0]]


def test_a_side_column_is_cut_where_its_sequence_is_cut() -> None:
    main = lists([[1, 2, 3], [4, 5], [6]])
    side = lists([[10, 20], [40, 50, 60], []])  # one shorter, one longer, one empty
    kept = values_in_window(side, latest_values(main, 2))
    assert kept.dense(kept.values, 2).numpy().tolist() == [[20, 0], [40, 50], [0, 0]]


def test_no_rows() -> None:
    column = lists([])
    kept = values_in_window(
        tf.sparse.reshape(column, [0, 0]) if column.shape.rank == 1 else column, first_values(column, 2)
    )
    assert kept.dense(kept.values, 2).shape == (0, 2)
    assert scalar(column, 0).shape == (0,)

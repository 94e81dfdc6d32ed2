"""Raw columns as tensors: three forms come in, one form (sparse) is worked on.

A raw column arrives as TFT and `tf.io.parse_example` give it (a `SparseTensor` with a row's values in order),
as a `RaggedTensor`, or dense, as a caller of the `predict` signature sends it. In dense tensors the missing
values are written as ``""``, NaN and `MISSING_INT`; in lists only those at the end of a row are padding.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import tensorflow as tf

from tfctr.spec import MISSING, RawColumn
from tfctr.spec._raw_text import NULL_VALUES, WHOLE_WITH_ZEROS, null_numbers, null_pattern

MISSING_INT = -(2**63)
"""The integer that stands for "no value" (and pads lists) in a dense int64 tensor: the smallest int64."""

RAW_DTYPES = {"string": tf.string, "int": tf.int64, "float": tf.float32}
"""Type of a `RawColumn` -> dtype of its raw tensor."""

RawTensor: TypeAlias = "tf.Tensor | tf.SparseTensor | tf.RaggedTensor"


def as_sparse(tensor: RawTensor, column: RawColumn) -> tf.SparseTensor:
    """Return a raw column as a `SparseTensor` of shape (batch, most values in a row), in the column's dtype.

    Args:
        tensor: Sparse or ragged (batch, values), or dense: (batch,) or (batch, 1) for a scalar column,
            (batch, values) for lists and vectors. A wider dense scalar column keeps its first value.
        column: What the column is; tells the dtype and what padding looks like.

    Raises:
        TypeError: When text is given for a numeric column, or numbers for a text column.
    """
    if isinstance(tensor, tf.SparseTensor):
        return tf.SparseTensor(tensor.indices, _cast(tensor.values, column), tensor.dense_shape)
    if isinstance(tensor, tf.RaggedTensor):
        return tensor.with_flat_values(_cast(tensor.flat_values, column)).to_sparse()
    dense = _cast(tf.convert_to_tensor(tensor), column)
    rows = dense[:, tf.newaxis] if dense.shape.rank == 1 else dense  # (batch, values)
    if column.shape == "list":
        padding = "" if dense.dtype == tf.string else MISSING_INT
        return tf.RaggedTensor.from_tensor(rows, padding=tf.constant(padding, dense.dtype)).to_sparse()
    indices = tf.where(tf.ones_like(rows, tf.bool) if column.shape == "vector" else _present(rows))
    return tf.SparseTensor(indices, tf.gather_nd(rows, indices), tf.shape(rows, tf.int64))


def _present(dense: tf.Tensor) -> tf.Tensor:
    if dense.dtype == tf.string:
        return tf.not_equal(dense, "")
    return tf.not_equal(dense, MISSING_INT) if dense.dtype == tf.int64 else tf.math.is_finite(dense)


def _cast(values: tf.Tensor, column: RawColumn) -> tf.Tensor:
    """Widen numbers of the same sort; text never becomes a number here, nor a fraction an integer."""
    wanted = RAW_DTYPES[column.type]
    found = values.dtype
    fits = found == wanted or (found.is_integer and wanted != tf.string) or (found.is_floating and wanted.is_floating)
    if not fits:
        raise TypeError(f"raw column {column.name!r} must be {wanted.name}, received {found.name}")
    return values if found == wanted else tf.cast(values, wanted)


def scalar(column: tf.SparseTensor, missing: object) -> tf.Tensor:
    """Return the first value of each row as (batch,), with `missing` where a row has none.

    The shape is rebuilt from the number of rows: where all values of a batch are missing the sparse tensor is
    0 wide, and made dense as it is would lose its rows.
    """
    shape = column.dense_shape * (1, 0) + (0, 1)  # (batch, 1), in fewer operations than by slicing
    first = tf.sparse.slice(column, tf.constant([0, 0], tf.int64), shape)
    dense = tf.sparse.to_dense(tf.SparseTensor(first.indices, first.values, shape), default_value=missing)
    return tf.squeeze(tf.ensure_shape(dense, [None, 1]), axis=1)


def text(values: tf.Tensor) -> tf.Tensor:
    """Return values as text: integers as decimal text, text as it is."""
    return values if values.dtype == tf.string else tf.strings.as_string(values)


def scalar_text(column: tf.SparseTensor, null_values: tuple[str, ...] = NULL_VALUES) -> tf.Tensor:
    """Return a scalar column as tokens (batch,), `MISSING` where there is no value."""
    dense = scalar(tf.SparseTensor(column.indices, text(column.values), column.dense_shape), MISSING)
    return tokens_of(dense, null_values) if column.dtype == tf.string else dense


def tokens_of(texts: tf.Tensor, null_values: tuple[str, ...]) -> tf.Tensor:
    """Return texts as the readers of logs take them: 12.0 is 12, null values and empty texts are `MISSING`.

    Of rows that a reader has read this changes none; a request says NULL, or 12.0, as the log did.
    """
    whole = tf.strings.regex_replace(texts, WHOLE_WITH_ZEROS, r"\1")
    return tf.where(tf.strings.regex_full_match(whole, null_pattern(null_values)), MISSING, whole)


def without_null_numbers(column: tf.SparseTensor, null_values: tuple[str, ...]) -> tf.SparseTensor:
    """Leave out the numbers of a scalar column that are null values; mostly there are none to look for."""
    if column.dtype == tf.string:
        return column
    numbers = null_numbers(null_values)
    nulls = numbers if column.dtype.is_floating else [int(n) for n in numbers if n.is_integer()]
    if not nulls:
        return column
    found = tf.reduce_any(column.values[:, tf.newaxis] == tf.constant(nulls, column.dtype), axis=1)
    return tf.sparse.retain(column, ~found)


def scalar_float(column: tf.SparseTensor) -> tf.Tensor:
    """Return a scalar column as float32 (batch,), NaN where there is no finite value."""
    dense = scalar(column, float("nan"))
    return tf.where(tf.math.is_finite(dense), dense, float("nan"))


class Window(NamedTuple):
    """The stretch of each row's list that is kept: positions in ``[start, stop)``, int64 (batch,) each."""

    start: tf.Tensor
    stop: tf.Tensor


def row_lengths(column: tf.SparseTensor) -> tf.Tensor:
    """Return the number of values in each row, int64 (batch,)."""
    rows = column.indices[:, 0]
    return tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, column.dense_shape[0])


def first_values(column: tf.SparseTensor, count: int) -> Window:
    """Return the window over the first `count` values of each row."""
    lengths = row_lengths(column)
    return Window(tf.zeros_like(lengths), tf.minimum(lengths, count))


def latest_values(column: tf.SparseTensor, count: int) -> Window:
    """Return the window over the last `count` values of each row, which in a sequence are the latest."""
    lengths = row_lengths(column)
    return Window(tf.maximum(lengths - count, 0), lengths)


class WindowedValues(NamedTuple):
    """Values inside a window: values (n,), and indices int64 (n, 2) of their (row, position) in the output."""

    values: tf.Tensor
    indices: tf.Tensor
    batch: tf.Tensor

    def dense(self, numbers: tf.Tensor, length: int) -> tf.Tensor:
        """Return `numbers` (n,) at their positions in (batch, length), 0 elsewhere."""
        shape = tf.stack([self.batch, tf.constant(length, tf.int64)])
        return tf.ensure_shape(tf.scatter_nd(self.indices, numbers, shape), [None, length])


def values_in_window(column: tf.SparseTensor, window: Window) -> WindowedValues:
    """Return the values of `column` inside `window`.

    The window may come from another column: side columns and times are cut where their sequence is cut, so
    that what stood side by side stays side by side.
    """
    rows, positions = column.indices[:, 0], column.indices[:, 1]
    start = tf.gather(window.start, rows)
    inside = (positions >= start) & (positions < tf.gather(window.stop, rows))
    kept = tf.where(inside)[:, 0]  # once; each `tf.boolean_mask` would look anew, in a dozen operations
    indices = tf.gather(tf.stack([rows, positions - start], axis=1), kept)
    return WindowedValues(tf.gather(column.values, kept), indices, column.dense_shape[0])

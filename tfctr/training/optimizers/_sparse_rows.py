"""Rows of a gradient and of a variable."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def sum_duplicate_rows(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    """Return the same gradient with each row once."""
    rows, position = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, position, tf.shape(rows)[0])
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def write_rows(variable: Any, rows: Any, values: Any) -> None:
    """Set ``variable[rows] = values`` in place."""
    variable.scatter_update(tf.IndexedSlices(values, rows))


def add_to_rows(variable: Any, rows: Any, values: Any) -> None:
    """Add `values` to ``variable[rows]`` in place; `rows` are distinct.

    Read, add and write back: TensorFlow copies rows much faster than it adds to them one by one.
    """
    write_rows(variable, rows, tf.gather(variable, rows) + values)

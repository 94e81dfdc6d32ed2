"""Gradients at other weights than the model has, and derivatives by finite differences of gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf


def loss_of(model: Any, batch: Any) -> Any:
    """Return the training loss of a batch, a scalar; what the pass would write is thrown away.

    Seeds of dropout and moving averages stay as they are: passes over one batch see the same dropout, so that a
    difference between two of them is that of the weights.

    Args:
        model: Compiled.
        batch: ``(features, labels[, weights])``.
    """
    features, labels, weights = keras.utils.unpack_x_y_sample_weight(batch)
    # Keras asks the scope itself, not the variable, for the value of what has a regularizer.
    penalised = [(v, tf.convert_to_tensor(v.value)) for v in model.trainable_variables if v.regularizer is not None]
    with keras.StatelessScope(penalised, collect_losses=True):
        outputs = model(features, training=True)
        return model.compute_loss(features, labels, outputs, weights, training=True)


def gradients_of(model: Any, batch: Any, variables: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Return the training loss of a batch and its gradients for `variables`, which need not be trainable.

    Gradients of looked-up rows are `tf.IndexedSlices`; of a variable that has no part in the loss None.
    """
    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for value in values:
            tape.watch(value)
        loss = loss_of(model, batch)
    return loss, tape.gradient(loss, values)


@contextlib.contextmanager
def displaced(variables: Sequence[Any], directions: Sequence[Any], by: Any) -> Iterator[None]:
    """Within the block the variables are ``v + by · d``; afterwards they are what they were, to the bit.

    Costs as much as the directions are large: of a table the rows of `tf.IndexedSlices` alone are written.

    Args:
        variables: Keras variables.
        directions: A dense tensor, `tf.IndexedSlices` or None for each.
        by: Scalar.
    """
    undo = []
    for variable, direction in zip(variables, directions, strict=True):
        if direction is None:
            continue
        value = variable.value
        if isinstance(direction, tf.IndexedSlices):
            rows, position = tf.unique(direction.indices)
            change = tf.math.unsorted_segment_sum(direction.values, position, tf.shape(rows)[0])
            before = tf.gather(value, rows)
            value.scatter_update(tf.IndexedSlices(before + tf.cast(by, before.dtype) * change, rows))
            undo.append((value, rows, before))
        else:
            before = tf.identity(value)
            value.assign(before + tf.cast(by, before.dtype) * direction)
            undo.append((value, None, before))
    try:
        yield
    finally:
        for value, rows, before in undo:
            if rows is None:
                value.assign(before)
            else:
                value.scatter_update(tf.IndexedSlices(before, rows))


def norm_of(directions: Sequence[Any]) -> Any:
    """Return the length of all directions together; rows that stand twice in `tf.IndexedSlices` are summed first."""
    squares = []
    for direction in directions:
        if isinstance(direction, tf.IndexedSlices):
            rows, position = tf.unique(direction.indices)
            direction = tf.math.unsorted_segment_sum(direction.values, position, tf.shape(rows)[0])
        if direction is not None:
            squares.append(tf.reduce_sum(tf.square(tf.cast(direction, tf.float32))))
    return tf.sqrt(tf.add_n(squares))

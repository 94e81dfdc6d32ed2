"""The gradients of several batches as one, row by row."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfctr.training.optimizers._mixin import OptimizerMixin
from tfctr.training.optimizers._sparse_rows import add_to_rows, write_rows


class Accumulating(OptimizerMixin):
    """Mixin of row-wise optimizers: with `gradient_accumulation_steps` n, the mean gradient of n batches makes a step.

    Keras' own way makes the gradient of a table dense, so that each batch costs as much as the table is long and a step
    moves all rows. Here a batch adds to the sums of its own rows, and the step is one of the rows that any of the
    batches touched, as if they had been one batch. In memory it takes the sums, as large as the weights, and five bytes
    a row to know which rows have one.

    Raises:
        ValueError: When built with `use_ema`, or where several replicas train: their joint batch is larger already.
    """

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        steps = self.gradient_accumulation_steps
        if steps and self.use_ema:
            raise ValueError("gradient_accumulation_steps and use_ema do not go together here; leave one out")
        if steps and tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ValueError(
                "gradient_accumulation_steps is for one replica; with several, give each a larger batch instead"
            )
        super().build(variables)
        matrices = [index for index, v in enumerate(variables) if steps and len(v.shape) == 2]
        self._touched = {index: TouchedRows(self, variables[index]) for index in matrices}

    def unfinished(self) -> list[Any]:
        """Return the variables that hold a step whose batches have not all been seen."""
        sums = self._accumulated_gradients if self.gradient_accumulation_steps else []
        return [
            *sums,
            *(variable for rows in self._touched.values() for variable in (rows.rows, rows.known, rows.count)),
        ]

    def _backend_apply_gradients(self, grads: list[Any], trainable_variables: list[Any]) -> None:
        steps = self.gradient_accumulation_steps
        if not steps or not any(isinstance(gradient, tf.IndexedSlices) for gradient in grads):
            super()._backend_apply_gradients(grads, trainable_variables)
            return
        indices = [self._get_variable_index(variable) for variable in trainable_variables]
        for gradient, index in zip(grads, indices, strict=True):
            self._add(gradient, index)
        sparse = [isinstance(gradient, tf.IndexedSlices) for gradient in grads]

        def step() -> tf.Tensor:
            means = [self._take_mean(index, rows) for index, rows in zip(indices, sparse, strict=True)]
            means = self._clip_gradients(means)
            self._apply_weight_decay(trainable_variables)
            self._backend_update_step(means, trainable_variables, self.learning_rate)
            return tf.constant(True)

        tf.cond((self._iterations.value + 1) % steps == 0, step, lambda: tf.constant(False))

    def _add(self, gradient: Any, index: int) -> None:
        """Add a batch's gradient to the sum of its weight."""
        total = self._accumulated_gradients[index].value
        if isinstance(gradient, tf.IndexedSlices):
            self._touched[index].add(gradient.indices)
            add_to_rows(total, gradient.indices, tf.cast(gradient.values, total.dtype))
        else:
            total.assign_add(tf.cast(gradient, total.dtype))

    def _take_mean(self, index: int, sparse: bool) -> Any:
        """The mean gradient of a weight, whose sum is 0 again."""
        total = self._accumulated_gradients[index].value
        steps = tf.cast(self.gradient_accumulation_steps, total.dtype)
        if not sparse:
            mean = total / steps
            total.assign(tf.zeros_like(mean))
            return mean
        rows = self._touched[index].take()
        mean = tf.gather(total, rows) / steps
        write_rows(total, rows, tf.zeros_like(mean))
        return tf.IndexedSlices(mean, rows, tf.constant(total.shape.as_list()))


class TouchedRows:
    """Rows of a weight that were touched, each once, kept and found without a look at all rows.

    Args:
        optimizer: Keeps the variables.
        weight: The weight, ``(rows, …)``.
    """

    def __init__(self, optimizer: Any, weight: Any):
        rows, name = weight.shape[:1], weight.path.replace("/", "_")
        self.rows = optimizer.add_variable(rows, dtype="int32", name=f"{name}_touched")
        self.known = optimizer.add_variable(rows, dtype="bool", name=f"{name}_is_touched")
        self.count = optimizer.add_variable((), dtype="int32", name=f"{name}_touched_count")

    def add(self, rows: Any) -> None:
        """Add rows that are distinct among themselves."""
        new = tf.boolean_mask(rows, tf.logical_not(tf.gather(self.known.value, rows)))
        count = self.count.value
        write_rows(self.known.value, new, tf.ones_like(new, tf.bool))
        write_rows(self.rows.value, count + tf.range(tf.size(new)), tf.cast(new, tf.int32))
        count.assign_add(tf.size(new))

    def take(self) -> Any:
        """Return the rows, int32, and forget them."""
        rows = tf.gather(self.rows.value, tf.range(self.count.value))
        write_rows(self.known.value, rows, tf.zeros_like(rows, tf.bool))
        self.count.value.assign(0)
        return rows

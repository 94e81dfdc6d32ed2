"""What row-wise optimizers share: sparse gradients are summed once per row and stay sparse."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfctr.training.optimizers._accumulating import Accumulating
from tfctr.training.optimizers._checked import Checked
from tfctr.training.optimizers._sparse_rows import sum_duplicate_rows


class RowWise(Accumulating, Checked):
    """Mixin of Keras optimizers: gradients of embedding tables touch only the rows looked up.

    On the TensorFlow backend a look-up's gradient is a `tf.IndexedSlices`. Before anything else its
    duplicate rows are summed, so that clipping sees the true norm and every row is updated once. A subclass
    says in `update_rows` what a step does to those rows; dense gradients go to Keras' own rule. On other
    backends, where gradients are dense, all of it is Keras' own rule.

    Rows outside the batch are left alone: neither they nor their moments decay. A dense optimizer would
    decay the moments and keep moving the row; for rare ids this costs little accuracy and saves the pass
    over the table. With every row touched in every step both are equal.
    """

    def reduced(self, grads: list[Any]) -> list[Any]:
        """Sum duplicate rows, then over the replicas, where a row may have been in several."""
        once = _each_row_once(grads)
        joint = super().reduced(once)
        return once if joint is once else _each_row_once(joint)

    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        """Clip without turning sparse gradients into dense ones, as Keras' own version would."""
        if not any(isinstance(g, tf.IndexedSlices) for g in grads):
            return list(super()._clip_gradients(grads))
        if self.global_clipnorm:
            return list(tf.clip_by_global_norm(grads, self.global_clipnorm)[0])
        return [g if g is None else self._clip_one(g) for g in grads]

    def _clip_one(self, gradient: Any) -> Any:
        values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
        if self.clipnorm:
            values = tf.clip_by_norm(values, self.clipnorm)
        elif self.clipvalue:
            values = tf.clip_by_value(values, -self.clipvalue, self.clipvalue)
        if isinstance(gradient, tf.IndexedSlices):
            return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
        return values

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        rate = tf.cast(learning_rate, variable.dtype)
        self.update_rows(tf.cast(gradient.values, variable.dtype), gradient.indices, variable, rate)

    def update_rows(self, gradient: Any, rows: Any, variable: Any, learning_rate: Any) -> None:
        """Update ``variable[rows]``; `rows` are distinct, `gradient` is ``(rows, dim)``."""
        raise NotImplementedError

    def slot(self, slots: list[Any], variable: Any) -> Any:
        """Return the raw variable of one of this optimizer's slots."""
        return slots[self._get_variable_index(variable)].value


def _each_row_once(grads: list[Any]) -> list[Any]:
    return [sum_duplicate_rows(g) if isinstance(g, tf.IndexedSlices) else g for g in grads]


registered = keras.saving.register_keras_serializable(package="tfctr")

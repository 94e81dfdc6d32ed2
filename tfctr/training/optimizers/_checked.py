"""Notice gradients that are not numbers in the step they appear."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import ops

from tfctr.training.optimizers._joint import joint_gradients
from tfctr.training.optimizers._mixin import OptimizerMixin


class Checked(OptimizerMixin):
    """Mixin of Keras optimizers: keeps the sum of the step's gradients, which is NaN when any of them is.

    A NaN need not show in the loss: a ReLU may turn it into 0 and leave a dead network with a finite loss. The
    sum is one cheap pass over the gradients; the fit driver reads it after each step.

    Under a `tf.distribute` strategy the gradients of all replicas are summed first, so that the check and the
    clipping see the gradients of the joint batch, on every replica the same.
    """

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        self._before_slots = len(self.variables)
        super().build(variables)
        self.gradient_sum = self.add_variable((), dtype="float32", name="gradient_sum")

    def load_own_variables(self, store: Any) -> None:
        """Load as Keras does. A model that was saved before its first step has no slots in its file; they stay new."""
        if self.built and len(store.keys()) == self._before_slots:
            for position, variable in enumerate(self.variables[: self._before_slots]):
                variable.assign(store[str(position)])
        else:
            super().load_own_variables(store)

    def reduced(self, grads: list[Any]) -> list[Any]:
        """Return the gradients of the joint batch."""
        return joint_gradients(grads)

    def apply(self, grads: list[Any], trainable_variables: Any = None) -> None:
        if trainable_variables is not None and not self.built:
            self.build(trainable_variables)
        grads = self.reduced(grads)
        values = [g.values if isinstance(g, tf.IndexedSlices) else g for g in grads if g is not None]
        total = sum(ops.cast(ops.sum(value), "float32") for value in values)
        self.gradient_sum.assign(total)
        super().apply(grads, trainable_variables)

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> list[Any]:
        """Keras sums over replicas after clipping; here that is done already, before it."""
        return list(grads_and_vars)

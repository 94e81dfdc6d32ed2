"""Weights of one kind get an optimizer of their own in the same step."""

from __future__ import annotations

from typing import Any

import keras

from tfctr.training.optimizers._row_wise import registered


@registered
class Split(keras.optimizers.Optimizer):
    """Two optimizers in one step: one for weights of a certain name, such as thresholds or gates, one for all others.

    Each clips and counts on its own. The learning rate that is read and set from outside is the main one's.

    Args:
        main: Optimizer of all other weights.
        apart: Optimizer of the weights that are named so.
        names: Names of these weights, the last part of their paths.
    """

    follows_row_rates = True
    built: bool

    def __init__(self, main: Any, apart: Any, names: tuple[str, ...], **kwargs: Any):
        super().__init__(learning_rate=0.0, **kwargs)  # not used: see `learning_rate`
        self.main = keras.optimizers.get(main)
        self.apart = keras.optimizers.get(apart)
        self.names = tuple(names)

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        self.main.build([variable for variable in variables if variable.name not in self.names])
        self.apart.build([variable for variable in variables if variable.name in self.names])
        self.built = True

    def apply(self, grads: list[Any], trainable_variables: Any = None) -> None:
        if trainable_variables is None:
            raise ValueError("Split needs the variables with their gradients: apply(grads, trainable_variables)")
        self.build(list(trainable_variables))
        pairs = list(zip(grads, trainable_variables, strict=True))
        for optimizer, apart in ((self.main, False), (self.apart, True)):
            own = [(gradient, variable) for gradient, variable in pairs if (variable.name in self.names) == apart]
            if own:
                optimizer.apply(*map(list, zip(*own, strict=True)))
        self.iterations.assign_add(1)

    @property
    def variables(self) -> list[Any]:
        """Of both optimizers: what a checkpoint must hold."""
        return [*super().variables, *self.main.variables, *self.apart.variables]

    @property
    def learning_rate(self) -> Any:
        """The main optimizer's."""
        return self.main.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        self.main.learning_rate = rate

    @property
    def gradient_sum(self) -> Any:
        """Sum of all gradients, NaN when any of them is; see `Checked`."""
        return self.main.gradient_sum + self.apart.gradient_sum

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "main": keras.saving.serialize_keras_object(self.main),
            "apart": keras.saving.serialize_keras_object(self.apart),
            "names": list(self.names),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Split:
        return cls(**config)

"""A Keras model whose steps are traced once."""

from __future__ import annotations

from typing import Any

import keras


class TracedOnce(keras.Model):
    """Make weights and optimizer slots before Keras traces a step.

    A trace that makes variables is thrown away and done again, which takes as long as the first steps of many models
    together. Wants a `build` that needs no shape.
    """

    def make_train_function(self, force: bool = False) -> Any:
        self._make_weights()
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    def make_test_function(self, force: bool = False) -> Any:
        self._make_weights()
        return super().make_test_function(force)

    def make_predict_function(self, force: bool = False) -> Any:
        self._make_weights()
        return super().make_predict_function(force)

    def _make_weights(self) -> None:
        if not self.built:
            self.build()

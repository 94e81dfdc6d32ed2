"""All figures of held-out rows after each epoch, GAUC included, in the logs of `fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tfctr.training.evaluation import evaluate

__all__ = ["EvaluationCallback"]


class EvaluationCallback(keras.callbacks.Callback):
    """Evaluates a data set after each epoch and adds the figures to the logs.

    Keras metrics see labels and predictions, never group ids; this callback reads them from the data set. Put it before
    callbacks that read its figures, such as `EarlyStopping(monitor="val_gauc", mode="max")`.

    Args:
        dataset: Finite data set of `(features, labels[, weights])`, with the group ids in `features["meta__group"]`.
        prefix: Put before each name in the logs.
        every: Evaluate after each so many epochs, at least 1.
        evaluate: From model and data set to named figures; by default `tfctr.training.evaluate`: exact, 32 bytes a row.

    Raises:
        ValueError: every is below 1.

    Example:
        model.fit(train, epochs=3, callbacks=[
            EvaluationCallback(valid),
            keras.callbacks.EarlyStopping(monitor="val_gauc", mode="max", patience=1),
        ])
    """

    def __init__(
        self,
        dataset: Any,
        *,
        prefix: str = "val_",
        every: int = 1,
        evaluate: Callable[[Any, Any], dict[str, float]] = evaluate,
    ) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"every must be at least 1. Received: {every}.")
        self.dataset = dataset
        self.prefix = prefix
        self.every = every
        self.evaluate = evaluate

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs is not None and (epoch + 1) % self.every == 0:
            figures = self.evaluate(self.model, self.dataset)
            logs.update({f"{self.prefix}{name}": value for name, value in figures.items()})

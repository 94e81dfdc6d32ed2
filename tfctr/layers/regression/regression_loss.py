"""RegressionLoss: the error of a number, in standard deviations of the label."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Tensor


@keras.saving.register_keras_serializable(package="tfctr")
class RegressionLoss(keras.losses.Loss):
    """``e²`` a row, with ``e = (label - answer) / deviation``; with `delta` Huber's loss of e.

    Huber's is ``e² / 2`` where ``|e| <= d`` and ``d (|e| - d / 2)`` beyond, ``d = delta / deviation``: an error far out
    pulls no harder than one of `delta`. Always answering the mean has a squared error of 1, whatever the label's unit:
    that a learning rate fits stars and dollars alike comes from here.

    With sample weights the loss is their weighted mean, ``sum_i w_i loss_i / sum_i w_i``.

    Args:
        deviation: Standard deviation of the labels, above 0.
        delta: Error in the label's unit from which on it counts linearly; None squares all errors.
        name: Name of the loss.

    Shapes:
        Labels and predictions ``(batch, 1)``, in the label's unit.

    Raises:
        ValueError: When `deviation` or `delta` is not above 0.

    Example:
        >>> import numpy as np
        >>> labels, answers = np.array([[5.0], [1.0]]), np.array([[3.0], [0.0]])
        >>> float(RegressionLoss(2.0)(labels, answers))  # errors of 1 and 0.5 deviations
        0.625
        >>> float(RegressionLoss(2.0, delta=1.0)(labels, answers))
        0.25

    Reference: P. J. Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35, 1964.
    """

    def __init__(self, deviation: float, delta: float | None = None, name: str = "regression", **kwargs: Any) -> None:
        kwargs.setdefault("reduction", "mean_with_sample_weight")
        super().__init__(name=name, **kwargs)
        if not deviation > 0 or (delta is not None and not delta > 0):
            raise ValueError(f"deviation and delta are above 0. Received: deviation={deviation}, delta={delta}")
        self.deviation = float(deviation)
        self.delta = None if delta is None else float(delta)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss ``(batch,)`` of labels ``(batch, 1)`` under predictions ``(batch, 1)``."""
        label, answer = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        error = ops.reshape(label - answer, (-1,)) / self.deviation  # (batch,)
        if self.delta is None:
            return ops.square(error)
        bound, size = self.delta / self.deviation, ops.abs(error)
        return ops.where(size <= bound, ops.square(error) / 2, bound * (size - bound / 2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "deviation": self.deviation, "delta": self.delta}

"""SurvivalLoss: the negative log-likelihood of discrete-time hazards, with censoring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfctr.layers._base import Tensor

_SMALLEST = 1e-30
"""Integrated hazard below which the logarithm is cut: a logit of -69, where float32 ends."""


@keras.saving.register_keras_serializable(package="tfctr")
class SurvivalLoss(keras.losses.Loss):
    """``-sum_l [s_l log(1 - h_l) + d_l log h_l]`` a row: s = interval l was survived, d = the event is in it.

    Intervals are closed on the right, ``(lower, upper]`` (the released code of Gensheimer and Narasimhan closes them on
    the left). An event at t survives the intervals with ``upper < t``; one after the last cut point survives all. A row
    censored at t survives the intervals of which it lived through half, ``t >= (lower + upper) / 2``, and says nothing
    of the others.

    With sample weights the loss is their weighted mean, ``sum_i w_i loss_i / sum_i w_i``: with a click rate as the
    weight this is the paper's weight ``ctr_i / mean(ctr)``, the mean taken over the batch.

    Args:
        cut_points: Upper ends of the intervals, ascending.
        start: Where the first interval begins; rows that ended before say nothing.
        name: Name of the loss.

    Shapes:
        Labels ``(batch, 1)``: the duration, negative where the row is censored (`tfctr.data.signed_durations`).
        Predictions ``(batch, intervals)``: integrated hazards (`integrated_hazards`).

    Raises:
        ValueError: When the cut points do not ascend from `start`.

    Example:
        >>> loss = SurvivalLoss((3, 5, 7, 10), start=1)
        >>> hazard = np.array([[0.1, 0.2, 0.3, 0.4]], "float32")
        >>> print(round(float(loss(np.array([[6.0]]), -np.log(1 - hazard))), 4))  # an event in the third interval
        1.5325

    References: Kitada et al., "Ad Creative Discontinuation Prediction with Multi-Modal Multi-Task Neural Survival
    Networks", Applied Sciences 12(7), 2022; Gensheimer and Narasimhan, PeerJ 2019, equation 2.
    """

    def __init__(
        self, cut_points: Sequence[float], start: float = 0.0, name: str = "survival_nll", **kwargs: Any
    ) -> None:
        kwargs.setdefault("reduction", "mean_with_sample_weight")
        super().__init__(name=name, **kwargs)
        self.cut_points = tuple(float(point) for point in cut_points)
        self.start = float(start)
        if not self.cut_points or (np.diff((self.start, *self.cut_points)) <= 0).any():
            raise ValueError(f"cut_points must ascend from {self.start:g}. Received: {list(self.cut_points)}")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss ``(batch,)`` of labels ``(batch, 1)`` under predictions ``(batch, intervals)``."""
        bounds = np.asarray((self.start, *self.cut_points), "float32")
        lower, upper = bounds[:-1], bounds[1:]  # (intervals,) each
        label = ops.reshape(ops.cast(y_true, "float32"), (-1, 1))  # (batch, 1)
        event, time = label > 0, ops.abs(label)
        survived = ops.where(event, time > upper, time >= (lower + upper) / 2)  # (batch, intervals)
        survived = ops.cast(survived, "float32")
        ended = ops.cast(event & (time > lower) & (time <= upper), "float32")  # (batch, intervals)
        integrated = ops.maximum(ops.cast(y_pred, "float32"), _SMALLEST)
        log_hazard = ops.log(-ops.expm1(-integrated))
        return ops.sum(survived * integrated - ended * log_hazard, axis=1)  # (batch,)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cut_points": list(self.cut_points), "start": self.start}

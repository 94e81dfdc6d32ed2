"""The rows that metrics of durations read: checked once, in one shape and one number type."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics.metric_inputs import Floats


class SurvivalRows(NamedTuple):
    """Durations, whether the event was seen, and weights of the rows that count, ``(rows,)`` each.

    Attributes:
        durations: float64, at least 0.
        events: bool, False = censored.
        weights: float64, above 0.
        kept: Which of the rows given these are, bool ``(rows given,)``.
    """

    durations: Floats
    events: NDArray[np.bool_]
    weights: Floats
    kept: NDArray[np.bool_]


def read_survival(durations: ArrayLike, events: ArrayLike, weights: ArrayLike | None = None) -> SurvivalRows:
    """Check and convert the truth of survival metrics; rows of weight 0 are left out.

    Args:
        durations: Time until the event or until the row was last seen, ``(rows,)``, finite and at least 0.
        events: 1 where the event was seen, 0 where the row is censored, ``(rows,)``.
        weights: Row weights, finite and at least 0; None means 1 each.

    Raises:
        ValueError: For other shapes or values.
    """
    t, e = np.asarray(durations, np.float64).reshape(-1), np.asarray(events, np.float64).reshape(-1)
    w = np.ones_like(t) if weights is None else np.asarray(weights, np.float64).reshape(-1)
    if not len(t) == len(e) == len(w):
        raise ValueError(
            "durations, events and weights must have the same number of rows. "
            f"Received: {len(t)}, {len(e)} and {len(w)}."
        )
    if not (np.isfinite(w) & (w >= 0)).all():
        raise ValueError("weights must be finite and at least 0.")
    kept = w > 0
    t, e, w = t[kept], e[kept], w[kept]
    if not (np.isfinite(t) & (t >= 0)).all():
        raise ValueError("durations must be finite and at least 0.")
    if not ((e == 0) | (e == 1)).all():
        raise ValueError("events must be 0 (censored) or 1.")
    return SurvivalRows(t, e > 0, w, kept)

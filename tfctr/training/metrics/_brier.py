"""Brier score: the mean squared error of a probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics.metric_inputs import read_rows


def brier(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Weighted mean of `(p - y)^2`.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: In [0, 1], same number of rows.
        weights: Row weights, at least 0; None means 1 each.

    Returns:
        In [0, 1]; NaN when there are no rows or a NaN among the probabilities.

    Raises:
        ValueError: Shapes differ, a label is not 0 or 1, a probability is outside [0, 1], or a weight is negative.

    Example:
        >>> brier([1, 0], [0.5, 0.5])
        0.25

    Reference: Brier, "Verification of forecasts expressed in terms of probability", 1950.
    """
    rows = read_rows(labels, probabilities, weights)
    if not len(rows.labels):
        return float("nan")
    return float(np.sum(rows.weights * (rows.scores - rows.labels) ** 2) / rows.total)

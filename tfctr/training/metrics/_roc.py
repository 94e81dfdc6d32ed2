"""The ROC curve: share of positives found against share of negatives let through, for every threshold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics.metric_inputs import Floats, read_rows, reason_of


class ROCCurve(NamedTuple):
    """Points of the curve from (0, 0) to (1, 1), float64 `(points,)` each.

    Args:
        false_positive_rate: Share of the negatives' weight at or above the threshold.
        true_positive_rate: Share of the positives' weight at or above the threshold.
    """

    false_positive_rate: Floats
    true_positive_rate: Floats


def roc_curve(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    max_points: int = 1000,
) -> ROCCurve:
    """Points of the ROC curve; the area below all of them is the AUC.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: Any scores, same number of rows.
        weights: Row weights, at least 0; None means 1 each.
        max_points: Of more points, this many evenly spread ones are kept, for drawing; at least 2.

    Returns:
        The curve; without points where the AUC is undefined.

    Raises:
        ValueError: As `auc`; or max_points is below 2.

    Example:
        >>> [part.tolist() for part in roc_curve([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8])]
        [[0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0]]
    """
    if max_points < 2:
        raise ValueError(f"max_points must be at least 2. Received: {max_points}.")
    rows = read_rows(labels, probabilities, weights, probabilities=False)
    if reason_of(rows) is not None:
        return ROCCurve(np.zeros(0), np.zeros(0))
    order = np.argsort(-rows.scores)
    scores, weight = rows.scores[order], rows.weights[order]
    positive = weight * rows.labels[order]
    last = np.flatnonzero(np.r_[scores[1:] != scores[:-1], True])  # a tie is one step
    true = np.r_[0, np.cumsum(positive)[last]]
    false = np.r_[0, np.cumsum(weight - positive)[last]]
    kept = np.unique(np.linspace(0, len(true) - 1, min(max_points, len(true))).astype(np.int64))
    return ROCCurve(false[kept] / false[-1], true[kept] / true[-1])

"""Logloss and what is derived from it: normalized entropy and relative information gain."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics.metric_inputs import EPSILON, Floats, read_rows

FloatOrFloats = TypeVar("FloatOrFloats", float, Floats)


def logloss(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    epsilon: float = EPSILON,
) -> float:
    """Mean cross entropy in nats: `-sum w (y log p + (1 - y) log(1 - p)) / sum w`.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: In [0, 1], same number of rows.
        weights: Row weights, at least 0; None means 1 each.
        epsilon: Probabilities are cut to [epsilon, 1 - epsilon], so that one sure mistake costs at most
            `-log(epsilon)` = 16.1 nats and not infinity.

    Returns:
        At least 0; NaN when there are no rows or a NaN among the probabilities.

    Raises:
        ValueError: Shapes differ, a label is not 0 or 1, a probability is outside [0, 1], or a weight is negative.

    Example:
        >>> round(logloss([1, 0], [0.5, 0.5]), 6)
        0.693147
    """
    rows = read_rows(labels, probabilities, weights)
    if not len(rows.labels):
        return float("nan")
    return float(np.sum(rows.weights * row_loss(rows.labels, rows.scores, epsilon)) / rows.total)


def normalized_entropy(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    epsilon: float = EPSILON,
) -> float:
    """Logloss over the entropy of the mean label: below 1 is better than always predicting the mean.

    `NE = logloss / H(c)`, `H(c) = -c log c - (1 - c) log(1 - c)`, c = weighted mean label. Unlike the logloss it can
    be compared between data sets of different click rates.

    Returns:
        At least 0; NaN when there are no rows, one class only (H = 0), or a NaN among the probabilities.

    Example:
        >>> normalized_entropy([1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25])
        1.0

    Reference: He et al., "Practical Lessons from Predicting Clicks on Ads at Facebook", ADKDD 2014, Eq. 3.
    """
    rows = read_rows(labels, probabilities, weights)
    if not len(rows.labels):
        return float("nan")
    loss = float(np.sum(rows.weights * row_loss(rows.labels, rows.scores, epsilon)) / rows.total)
    return loss_over_entropy(loss, rows.positives / rows.total)


def relative_information_gain(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    epsilon: float = EPSILON,
) -> float:
    """RIG = 1 - normalized entropy: the share of the label's entropy that the model explains.

    Returns:
        At most 1 (0 = no better than the mean label); NaN as in `normalized_entropy`.

    Example:
        >>> relative_information_gain([1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25])
        0.0
    """
    return 1 - normalized_entropy(labels, probabilities, weights, epsilon=epsilon)


def row_loss(labels: Floats, probabilities: Floats, epsilon: float = EPSILON) -> Floats:
    """Cross entropy of each row, nats, `(rows,)`."""
    p = np.clip(probabilities, epsilon, 1 - epsilon)
    loss: Floats = -np.where(labels > 0, np.log(p), np.log1p(-p))
    return loss


def loss_over_entropy(loss: FloatOrFloats, mean_label: FloatOrFloats) -> FloatOrFloats:
    """Divide a logloss by the entropy of its mean label, numbers or arrays of them; NaN where that entropy is 0."""
    rate = np.asarray(mean_label, np.float64)
    inside = np.where((rate > 0) & (rate < 1), rate, np.nan)
    entropy = -inside * np.log(inside) - (1 - inside) * np.log1p(-inside)
    quotient: Floats = loss / entropy
    return quotient if isinstance(mean_label, np.ndarray) else float(quotient)

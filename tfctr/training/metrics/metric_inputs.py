"""The rows every metric reads: checked once, in one shape and one number type."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Where a probability is cut before a logarithm: Keras's own epsilon, so that training loss and metric agree.
EPSILON = 1e-7


class Rows(NamedTuple):
    """Labels, scores and weights of the rows that count (weight above 0), float64 `(rows,)` each."""

    labels: Floats
    scores: Floats
    weights: Floats

    @property
    def positives(self) -> float:
        """Summed weight of the rows with label 1."""
        return float(np.sum(self.weights * self.labels))

    @property
    def total(self) -> float:
        """Summed weight of all rows."""
        return float(np.sum(self.weights))


def read_rows(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None, *, probabilities: bool = True
) -> Rows:
    """Check and convert the arrays of a metric; rows of weight 0 are left out, as if they were not there.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`, any number type or bool.
        scores: Probabilities (or any score when `probabilities` is False), same number of rows.
            NaN is let through: a metric of it is NaN, so that a broken model fails its gate instead of its job.
        weights: Row weights, finite and at least 0; None means 1 each.
        probabilities: Whether scores outside [0, 1] are an error.

    Raises:
        ValueError: Shapes differ, a label is not 0 or 1, a weight is negative or not finite, or a score is no
            probability where one is needed.
    """
    y, s, w = read_weighted(labels, scores, weights)
    bad = (y != 0) & (y != 1)
    if bad.any():
        raise ValueError(f"labels must be 0 or 1. Received: {_first(y, bad)}.")
    bad = (s < 0) | (s > 1)
    if probabilities and bad.any():
        raise ValueError(
            f"probabilities must be in [0, 1]. Received: {_first(s, bad)}. "
            "Are these logits? Pass them through a sigmoid first."
        )
    return Rows(y, s, w)


def read_weighted(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Rows:
    """Convert the arrays of a metric and leave out the rows of weight 0; labels and scores may be any numbers.

    Raises:
        ValueError: Shapes differ, or a weight is negative or not finite.
    """
    y, s = _column(labels, "labels"), _column(scores, "probabilities")
    w = np.ones_like(y) if weights is None else _column(weights, "weights")
    if not len(y) == len(s) == len(w):
        raise ValueError(
            f"labels, probabilities and weights must have the same number of rows. "
            f"Received: {len(y)}, {len(s)} and {len(w)}."
        )
    bad = ~np.isfinite(w) | (w < 0)
    if bad.any():
        raise ValueError(f"weights must be finite and at least 0. Received: {_first(w, bad)}.")
    keep = w > 0
    return Rows(y, s, w) if keep.all() else Rows(y[keep], s[keep], w[keep])


def read_groups(groups: ArrayLike, weights: ArrayLike | None, rows: int) -> NDArray[Any]:
    """Group keys `(rows,)` of the rows that count; integers stay, everything else is compared as text.

    Args:
        groups: Keys, `(rows,)` or `(rows, 1)`. None and NaN are keys like any other.
        weights: The weights given to `read_rows`.
        rows: How many rows the labels have, before rows of weight 0 are left out.

    Raises:
        ValueError: The number of keys differs from `rows`.
    """
    keys = np.asarray(groups)
    keys = keys.reshape(-1) if keys.ndim == 2 and keys.shape[1] == 1 else keys
    if keys.ndim != 1 or len(keys) != rows:
        raise ValueError(f"groups must have one key a row, shape ({rows},). Received shape: {keys.shape}.")
    if keys.dtype.kind not in "iubUS":
        keys = keys.astype(str)
    if weights is None:
        return keys
    kept: NDArray[Any] = keys[_column(weights, "weights") > 0]
    return kept


def undefined_reason(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> str | None:
    """Say why ranking metrics of these rows are NaN, or None when they are defined.

    Returns:
        "no rows", "N probabilities are NaN", "every label is 0", "every label is 1" or None.

    Example:
        >>> undefined_reason([1, 1], [0.3, 0.4])
        'every label is 1'
    """
    return reason_of(read_rows(labels, probabilities, weights, probabilities=False))


def reason_of(rows: Rows) -> str | None:
    """As `undefined_reason`, for rows already read."""
    if not len(rows.labels):
        return "no rows"
    nans = int(np.isnan(rows.scores).sum())
    if nans:
        return f"{nans} probabilities are NaN"
    if not rows.labels.any():
        return "every label is 0"
    if rows.labels.all():
        return "every label is 1"
    return None


def to_logit(probabilities: Floats, epsilon: float = EPSILON) -> Floats:
    """`log(p / (1 - p))` with p cut to [epsilon, 1 - epsilon]."""
    p = np.clip(probabilities, epsilon, 1 - epsilon)
    logit: Floats = np.log(p) - np.log1p(-p)
    return logit


def _column(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.reshape(-1)
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (rows,) or (rows, 1). Received shape: {array.shape}.")
    return array.astype(np.float64)


def _first(values: Floats, bad: NDArray[np.bool_]) -> str:
    row = int(np.flatnonzero(bad)[0])
    return f"{values[row]} in row {row} ({int(bad.sum())} such rows)"

"""Calibration: does a predicted probability happen as often as it says?"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics.metric_inputs import Floats, Rows, read_rows

Binning = Literal["width", "mass"]
BINS = 15


class CalibrationCurve(NamedTuple):
    """Buckets of rows by predicted probability; empty buckets are left out. Each `(buckets,)`, ascending.

    Args:
        mean_probability, mean_label: Weighted means in the bucket.
        weight: Summed row weight (the number of rows when unweighted).
    """

    mean_probability: Floats
    mean_label: Floats
    weight: Floats


def calibration_ratio(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean prediction over mean label: 1 is right, 1.1 predicts ten percent too many clicks.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: In [0, 1], same number of rows.
        weights: Row weights, at least 0; None means 1 each.

    Returns:
        At least 0; NaN when there are no rows, no positives, or a NaN among the probabilities.

    Raises:
        ValueError: Shapes differ, a label is not 0 or 1, a probability is outside [0, 1], or a weight is negative.

    Example:
        >>> calibration_ratio([1, 0, 0, 1], [0.5, 0.25, 0.25, 0.5])
        0.75
    """
    rows = read_rows(labels, probabilities, weights)
    if not rows.positives:
        return float("nan")
    return float(np.sum(rows.weights * rows.scores) / rows.positives)


def calibration_curve(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    bins: int = BINS,
    binning: Binning = "mass",
) -> CalibrationCurve:
    """Mean prediction and mean label by bucket of the predicted probability.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: In [0, 1], same number of rows.
        weights: Row weights, at least 0; None means 1 each.
        bins: Number of buckets, at least 1.
        binning: "width": bucket b holds p in [b, b + 1) / bins, the last one also p = 1. "mass": buckets of equal
            summed weight: rows of one probability stay together and go to bucket floor(bins * m), with m the share of
            weight below them plus half of theirs.

    Raises:
        ValueError: As `calibration_ratio`; or bins is below 1, or the binning unknown.

    Example:
        >>> curve = calibration_curve([0, 1, 0, 1], [0.1, 0.2, 0.6, 0.9], bins=2)
        >>> [part.round(2).tolist() for part in curve]
        [[0.15, 0.75], [0.5, 0.5], [2.0, 2.0]]
    """
    rows = read_rows(labels, probabilities, weights)
    weight, predicted, observed = bucket_sums(rows, bins, binning)
    full = weight > 0
    return CalibrationCurve(predicted[full] / weight[full], observed[full] / weight[full], weight[full])


def expected_calibration_error(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    bins: int = BINS,
    binning: Binning = "width",
) -> float:
    """ECE: `sum_b (W_b / W) |mean prediction in b - mean label in b|` over buckets b of the predicted probability.

    With click rates of a few percent, equal-width buckets hold nearly all rows in one; equal-mass ones do not.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: In [0, 1], same number of rows.
        weights: Row weights, at least 0; None means 1 each.
        bins: Number of buckets, at least 1; the paper's 15 by default.
        binning: "width" or "mass", as in `calibration_curve`.

    Returns:
        In [0, 1]; NaN when there are no rows or a NaN among the probabilities.

    Raises:
        ValueError: As `calibration_curve`.

    Example:
        >>> round(expected_calibration_error([0, 1, 0, 1], [0.1, 0.2, 0.6, 0.9], bins=2), 6)
        0.3

    Reference: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, Eq. 3 (equal width, 15 bins); Nguyen
    and O'Connor, "Posterior calibration and exploratory analysis for NLP models", EMNLP 2015 (equal mass).
    """
    rows = read_rows(labels, probabilities, weights)
    if not len(rows.labels):
        return float("nan")
    _, predicted, observed = bucket_sums(rows, bins, binning)
    return float(np.sum(np.abs(predicted - observed)) / rows.total)


def bucket_sums(rows: Rows, bins: int, binning: Binning) -> tuple[Floats, Floats, Floats]:
    """Summed weight, weighted prediction and weighted label of each bucket, `(bins,)` each; all NaN if a score is.

    Raises:
        ValueError: bins is below 1, or the binning unknown.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1. Received: {bins}.")
    if binning not in get_args(Binning):
        raise ValueError(f"binning must be one of {get_args(Binning)}. Received: {binning!r}.")
    if np.isnan(rows.scores).any():
        nothing = np.full(bins, np.nan)
        return nothing, nothing, nothing
    index = width_bins(rows.scores, bins) if binning == "width" else _mass_bins(rows, bins)
    return (
        summed_by(index, rows.weights, bins),
        summed_by(index, rows.weights * rows.scores, bins),
        summed_by(index, rows.weights * rows.labels, bins),
    )


def summed_by(index: NDArray[np.int64], values: Floats, bins: int) -> Floats:
    """Sum of the values of each bin, `(bins,)`, also when there are no rows."""
    return np.bincount(index, values, bins).astype(np.float64)


def width_bins(probabilities: Floats, bins: int) -> NDArray[np.int64]:
    """Equal-width bucket of each probability, `(rows,)`."""
    return np.minimum((probabilities * bins).astype(np.int64), bins - 1)


def mass_bins_of_cells(weight: Floats, bins: int) -> NDArray[np.int64]:
    """Equal-mass bucket of each cell of rows that stay together.

    Args:
        weight: Summed weight of each cell, ascending in probability, `(cells,)`.
        bins: Number of buckets.
    """
    if not len(weight):
        return np.zeros(0, np.int64)
    ends = np.cumsum(weight)
    middle = (ends - weight / 2) / ends[-1]
    buckets: NDArray[np.int64] = np.minimum((middle * bins).astype(np.int64), bins - 1)
    return buckets


def _mass_bins(rows: Rows, bins: int) -> NDArray[np.int64]:
    _, cell = np.unique(rows.scores, return_inverse=True)  # (rows,): equal scores share a cell
    return mass_bins_of_cells(summed_by(cell, rows.weights, 0), bins)[cell]

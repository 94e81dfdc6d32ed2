"""How well the order of predictions agrees with that of labels, inside each user's rows.

Each streams by `GroupStream`, as long as the rows of a user come together. Over one long list they do not stream: a
rank is known when all rows are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._kinds_of_rows import ratio
from tfctr.training.metrics._pair_counts import pair_counts
from tfctr.training.metrics.group_mean import GroupedResult, Weighting
from tfctr.training.metrics.group_metric import GroupMetric
from tfctr.training.metrics.metric_inputs import Floats, Rows


def agreement_metrics() -> dict[str, GroupMetric]:
    """Return kendall_tau, spearman, pearson and ndpm by name, for streams and intervals over users."""
    values = {"kendall_tau": _taus, "spearman": _spearmans, "pearson": _pearsons, "ndpm": _ndpms}
    return {name: GroupMetric(name, function, "numbers") for name, function in values.items()}


def kendall_tau(
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    weighting: Weighting = "uniform",
) -> GroupedResult:
    """Kendall's tau-b: `(C - D) / sqrt((N - T_y) (N - T_p))` of C agreeing and D disagreeing among N pairs.

    T_y and T_p are the pairs that labels and predictions tie. In O(rows log rows) time.

    Args:
        labels: Finite numbers, such as stars, `(rows,)`.
        predictions: Any scores, `(rows,)`.
        groups: Key of each row's group, such as the user; None takes all rows as one.
        weights: Only to leave out rows of weight 0, and for the weight of a group.
        weighting: Weight of a group in the mean: "uniform" or "impressions".

    Returns:
        The mean over groups, in [-1, 1]; groups whose labels or predictions are all equal are skipped and counted.

    Raises:
        ValueError: Shapes differ, a label is not finite, or a weight is negative.

    Example:
        >>> round(kendall_tau([5, 3, 1, 4, 2, 4], [4.5, 3.5, 2, 3, 2.5, 4]).value, 6)
        0.828079

    Reference: Kendall, "The treatment of ties in ranking problems", Biometrika 1945.
    """
    return agreement_metrics()["kendall_tau"].result(labels, predictions, groups, weights, weighting=weighting)


def spearman(
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    weighting: Weighting = "uniform",
) -> GroupedResult:
    """Spearman's rho: `pearson` of ranks, ties at their mean rank; arguments, result and errors as in `kendall_tau`.

    Example:
        >>> round(spearman([5, 3, 1, 4, 2, 4], [4.5, 3.5, 2, 3, 2.5, 4]).value, 6)
        0.898645
    """
    return agreement_metrics()["spearman"].result(labels, predictions, groups, weights, weighting=weighting)


def pearson(
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    weighting: Weighting = "uniform",
) -> GroupedResult:
    """Pearson's correlation of labels and predictions; arguments, result and errors as in `kendall_tau`.

    Example:
        >>> round(pearson([5, 3, 1, 4, 2, 4], [4.5, 3.5, 2, 3, 2.5, 4]).value, 6)
        0.907841
    """
    return agreement_metrics()["pearson"].result(labels, predictions, groups, weights, weighting=weighting)


def ndpm(
    labels: ArrayLike,
    predictions: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    weighting: Weighting = "uniform",
) -> GroupedResult:
    """Normalised distance-based performance measure: `(2 D + U) / (2 (N - T_y))`, 0 is best, 1/2 is chance.

    Of the pairs that the labels order, D are ordered the other way by the predictions and U are tied by them. Unlike
    tau it never asks the predictions to tell apart what the labels tie.

    Arguments and errors as in `kendall_tau`.

    Returns:
        The mean over groups, in [0, 1]; groups whose labels are all equal are skipped and counted.

    Example:
        >>> round(ndpm([5, 3, 1, 4, 2, 4], [4.5, 3.5, 2, 3, 2.5, 4]).value, 6)
        0.071429

    Reference: Yao, "Measuring retrieval effectiveness based on user preference of documents", JASIS 1995.
    """
    return agreement_metrics()["ndpm"].result(labels, predictions, groups, weights, weighting=weighting)


def _taus(keys: NDArray[Any], rows: Rows) -> Floats:
    counts = pair_counts(keys, rows)
    below = np.sqrt((counts.pairs - counts.tied_labels) * (counts.pairs - counts.tied_predictions))
    return ratio(counts.concordant - counts.discordant, below)


def _ndpms(keys: NDArray[Any], rows: Rows) -> Floats:
    counts = pair_counts(keys, rows)
    ordered = counts.pairs - counts.tied_labels
    return ratio(2 * counts.discordant + (ordered - counts.concordant - counts.discordant), 2 * ordered)


def _pearsons(keys: NDArray[Any], rows: Rows) -> Floats:
    group = np.unique(keys, return_inverse=True)[1]
    return _correlations(group, rows.labels, rows.scores)


def _spearmans(keys: NDArray[Any], rows: Rows) -> Floats:
    group = np.unique(keys, return_inverse=True)[1]
    return _correlations(group, _mean_ranks(group, rows.labels), _mean_ranks(group, rows.scores))


def _mean_ranks(group: NDArray[np.int64], values: Floats) -> Floats:
    """Rank of each row in the whole order of groups and values, ties at their mean; its offset is that of its group."""
    order = np.lexsort((values, group))
    g, v = group[order], values[order]
    starts = np.flatnonzero(np.r_[True, (g[1:] != g[:-1]) | (v[1:] != v[:-1])])
    sizes = np.diff(np.r_[starts, len(g)])
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(starts + (sizes - 1) / 2, sizes)
    return ranks


def _correlations(group: NDArray[np.int64], first: Floats, second: Floats) -> Floats:
    """Pearson's correlation in each group; NaN where either side is constant."""
    sizes = np.bincount(group)

    def centred(values: Floats) -> Floats:
        deviations: Floats = values - (np.bincount(group, values) / sizes)[group]
        # What rounding leaves of equal values is no spread.
        deviations[np.abs(deviations) <= 1e-12 * np.abs(values)] = 0
        return deviations

    a, b = centred(first), centred(second)
    below = np.sqrt(np.bincount(group, a * a) * np.bincount(group, b * b))
    return np.clip(ratio(np.bincount(group, a * b).astype(np.float64), below), -1, 1)

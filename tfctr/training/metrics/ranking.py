"""NDCG, recall and precision at k inside groups; ties are averaged over all their orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._ranked_groups import RankedGroups, rank_groups
from tfctr.training.metrics.group_mean import GroupedResult, GroupMean, Weighting, group_weights
from tfctr.training.metrics.metric_inputs import Floats, Rows, read_groups, read_rows


@dataclass(frozen=True)
class RankingResult:
    """NDCG, recall and precision at `k` over the same groups."""

    k: int
    ndcg: GroupedResult
    recall: GroupedResult
    precision: GroupedResult


def ranking_at_k(
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: ArrayLike,
    *,
    k: int,
    weights: ArrayLike | None = None,
    weighting: Weighting = "uniform",
) -> RankingResult:
    """Rank the rows of each group by score and look at the first k.

    With y_r the label at rank r (from 1) and P the positives of the group:
    `DCG = sum_{r <= k} y_r / log2(1 + r)`, `NDCG = DCG / (DCG of the best order)`,
    `recall = sum_{r <= k} y_r / P`, `precision = sum_{r <= k} y_r / k` (k even where the group is smaller).
    Rows with equal scores share the mean of their positions' worth: the figure is the expectation over a random order
    of ties, so it does not depend on the order of the rows. Groups without a positive are skipped in all three.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: Any scores: only their order inside a group counts.
        groups: Key of each row's group: integers or text.
        k: How many positions count, at least 1.
        weights: Only to leave out rows of weight 0; the other rows count 1 each, for a place in a
            list is not divisible.
        weighting: Weight of a group in the mean: "uniform", "impressions" or "clicks".

    Raises:
        ValueError: As `gauc`; or k is below 1.

    Example:
        >>> result = ranking_at_k([1, 0, 0, 1], [0.9, 0.5, 0.5, 0.5], [7, 7, 7, 7], k=2)
        >>> round(result.ndcg.value, 4), round(result.recall.value, 4), round(result.precision.value, 4)
        (0.7421, 0.6667, 0.6667)

    Reference: McSherry and Najork, "Computing information retrieval performance measures efficiently in the presence
    of tied scores", ECIR 2008.
    """
    keys = read_groups(groups, weights, len(np.atleast_1d(np.asarray(labels))))
    rows = read_rows(labels, probabilities, weights, probabilities=False)
    return ranking_of_rows(keys, rows, k, weighting)


def ranking_of_rows(keys: NDArray[Any], rows: Rows, k: int, weighting: Weighting = "uniform") -> RankingResult:
    """As `ranking_at_k`, for rows already read."""
    means = ranking_means(keys, rows, k, weighting)
    return RankingResult(k, *(mean.result() for mean in means))


def ranking_means(
    keys: NDArray[Any], rows: Rows, k: int, weighting: Weighting = "uniform"
) -> tuple[GroupMean, GroupMean, GroupMean]:
    """NDCG, recall and precision at k of whole groups, as sums that can be merged with those of other groups."""
    if k < 1:
        raise ValueError(f"k must be at least 1. Received: {k}.")
    if not len(keys):
        return GroupMean(), GroupMean(), GroupMean()
    ranked = rank_groups(keys, rows)
    positives = ranked.group_sum(ranked.labels)
    weights = group_weights(weighting, positives, ranked.sizes - positives)
    return _means(ranking_values(ranked, k), weights, ranked.sizes, bool(np.isnan(rows.scores).any()))


def ranking_values(ranked: RankedGroups, k: int) -> tuple[Floats, Floats, Floats]:
    """NDCG, recall and precision at k of each group, `(groups,)` each; NaN for a group without a positive."""
    hits, positions = ranked.labels, ranked.positions
    positives = ranked.group_sum(hits)
    dcg = ranked.tied_sum(discounts(positions, k), hits)
    found = ranked.tied_sum((positions < k).astype(np.float64), hits)
    known = np.where(positives > 0, positives, np.nan)
    depth = min(k, int(ranked.sizes.max()))
    best = _best_dcg(depth)[np.minimum(positives, depth).astype(np.int64)]
    return np.where(positives > 0, dcg / best, np.nan), found / known, np.where(positives > 0, found / k, np.nan)


def _means(
    values: tuple[Floats, Floats, Floats], weights: Floats, sizes: NDArray[np.int64], broken: bool
) -> tuple[GroupMean, GroupMean, GroupMean]:
    ndcg, recall, precision = (GroupMean().add(value, weights, sizes) for value in values)
    if broken:
        for mean in (ndcg, recall, precision):
            mean.sums[1] = np.nan
    return ndcg, recall, precision


def discounts(positions: NDArray[np.int64], k: int) -> Floats:
    """The worth of a hit at each position, 0 from k on; of the shape of `positions`."""
    return np.where(positions < k, 1 / np.log2(positions + 2.0), 0.0)


def _best_dcg(k: int) -> Floats:
    """DCG at k of a group with 0, 1, 2, ... k positives in the best order, `(k + 1,)`."""
    best: Floats = np.r_[np.inf, np.cumsum(1 / np.log2(np.arange(k) + 2.0))]
    return best

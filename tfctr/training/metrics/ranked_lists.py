"""Figures of each user's ranked list beyond `ranking_at_k`: first hit, all hits, stars, patience of the reader.

Ties are averaged over all their orders, so that no figure depends on the order of the rows. Each streams by
`GroupStream`, as long as the rows of a user come together.
"""

from __future__ import annotations

from functools import partial
from typing import get_args

from numpy.typing import ArrayLike

from tfctr.training.metrics._auc import auc_by_group
from tfctr.training.metrics._list_values import (
    Gain,
    average_precisions,
    graded_ndcgs,
    hit_rates,
    r_scores,
    ranking_value,
    reciprocal_ranks,
)
from tfctr.training.metrics.group_mean import GroupedResult, Weighting
from tfctr.training.metrics.group_metric import GroupMetric


def list_metrics(k: int = 10) -> dict[str, GroupMetric]:
    """Return ndcg, recall, precision, hit_rate, mrr, map and gauc of 0/1 labels, for streams and intervals over users.

    A list without a label of 1 is skipped and counted; for gauc also one without a label of 0.

    Args:
        k: How many places of a list are looked at by the first four; at least 1.

    Raises:
        ValueError: k is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1. Received: {k}.")
    at_k = {
        name: GroupMetric(name, partial(ranking_value, k=k, place=place))
        for place, name in enumerate(("ndcg", "recall", "precision"))
    }
    return at_k | {
        "hit_rate": GroupMetric("hit_rate", partial(hit_rates, k=k)),
        "mrr": GroupMetric("mrr", reciprocal_ranks),
        "map": GroupMetric("map", average_precisions),
        "gauc": GroupMetric("gauc", lambda keys, rows: auc_by_group(keys, rows)[0]),
    }


def graded_list_metrics(
    k: int = 10, *, gain: Gain = "exponential", half_life: float = 5.0, neutral: float = 0.0
) -> dict[str, GroupMetric]:
    """Return graded_ndcg and r_score of labels that are grades, for streams and intervals over users.

    Args:
        k: How many places of a list graded_ndcg looks at, at least 1.
        gain: As in `graded_ndcg`.
        half_life: As in `half_life_utility`.
        neutral: As in `half_life_utility`.

    Raises:
        ValueError: As these functions.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1. Received: {k}.")
    if gain not in get_args(Gain):
        raise ValueError(f"gain must be one of {get_args(Gain)}. Received: {gain!r}.")
    if half_life <= 1:
        raise ValueError(f"half_life is a place behind the first and so above 1. Received: {half_life}.")
    return {
        "graded_ndcg": GroupMetric("graded_ndcg", partial(graded_ndcgs, k=k, gain=gain), "numbers"),
        "r_score": GroupMetric("r_score", partial(r_scores, half_life=half_life, neutral=neutral), "numbers"),
    }


def hit_rate_at_k(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    k: int = 10,
    weighting: Weighting = "uniform",
) -> GroupedResult:
    """Share of lists with a label of 1 among the first k.

    Args:
        labels: 0 or 1, `(rows,)`.
        scores: Any scores: only their order inside a group counts.
        groups: Key of each row's list, such as the user; None takes all rows as one list.
        weights: Only to leave out rows of weight 0, and for the weight of a list.
        k: How many places count, at least 1.
        weighting: Weight of a list in the mean: "uniform", "impressions" or "clicks".

    Returns:
        The mean over lists that have a label of 1, and how many were skipped.

    Raises:
        ValueError: As `gauc`; or k is below 1.

    Example:
        >>> hit_rate_at_k([1, 0, 0, 1], [0.9, 0.2, 0.7, 0.1], ["a", "a", "b", "b"], k=1).value
        0.5
    """
    return list_metrics(k)["hit_rate"].result(labels, scores, groups, weights, weighting=weighting)


def mean_reciprocal_rank(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    weighting: Weighting = "uniform",
) -> GroupedResult:
    """MRR: the mean of 1 over the place of the first label of 1; arguments and errors as in `hit_rate_at_k`.

    Example:
        >>> mean_reciprocal_rank([1, 0, 0, 1], [0.9, 0.2, 0.7, 0.1], ["a", "a", "b", "b"]).value
        0.75

    Reference: Voorhees, "The TREC-8 Question Answering Track Report", 1999.
    """
    return list_metrics()["mrr"].result(labels, scores, groups, weights, weighting=weighting)


def mean_average_precision(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    weighting: Weighting = "uniform",
) -> GroupedResult:
    """MAP: the mean, over the labels of 1 in a list, of the precision at their places; then over lists.

    Unlike `pr_auc` of a user's rows, tied rows are averaged over their orders and do not pass a threshold together.
    Arguments and errors as in `hit_rate_at_k`.

    Example:
        >>> round(mean_average_precision([1, 0, 0, 1, 0, 1], [4.5, 3.5, 2, 3, 2.5, 4]).value, 6)
        0.916667

    Reference: McSherry and Najork, "Computing information retrieval performance measures efficiently in the presence
    of tied scores", ECIR 2008.
    """
    return list_metrics()["map"].result(labels, scores, groups, weights, weighting=weighting)


def graded_ndcg(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    k: int = 10,
    gain: Gain = "exponential",
    weighting: Weighting = "uniform",
) -> GroupedResult:
    """NDCG at k of grades: `sum_(r <= k) gain(y_r) / log2(1 + r)` over that of the best order.

    Args:
        labels: Grades of at least 0, such as stars, `(rows,)`.
        scores: Any scores: only their order inside a group counts.
        groups: Key of each row's list; None takes all rows as one list.
        weights: Only to leave out rows of weight 0, and for the weight of a list.
        k: How many places count, at least 1.
        gain: `exponential` is `2^y - 1`, `linear` is `y`.
        weighting: Weight of a list in the mean: "uniform" or "impressions".

    Returns:
        The mean over lists with a grade above 0, and how many were skipped.

    Raises:
        ValueError: A grade is below 0, or so large that its gain is infinite; k is below 1; the gain is unknown.

    Example:
        >>> round(graded_ndcg([5, 3, 1, 4, 2, 4], [4.5, 3.5, 2, 3, 2.5, 4], k=3).value, 6)
        0.916604

    Reference: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002; the
    exponential gain is that of Burges et al., "Learning to Rank using Gradient Descent", ICML 2005.
    """
    metric = graded_list_metrics(k, gain=gain)["graded_ndcg"]
    return metric.result(labels, scores, groups, weights, weighting=weighting)


def half_life_utility(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    half_life: float = 5.0,
    neutral: float = 0.0,
    weighting: Weighting = "uniform",
) -> GroupedResult:
    """R-score: what a reader who gives up along the list gets of it, over what the best order would give.

    `R = sum_r max(y_r - neutral, 0) / 2^((r - 1) / (half_life - 1))` over that of the best order: at place `half_life`
    the reader is still there with probability one half. The paper divides sums over all users; here each list has its
    share, which makes users alike.

    Args:
        labels: Grades, such as stars, `(rows,)`.
        scores: Any scores: only their order inside a group counts.
        groups: Key of each row's list; None takes all rows as one list.
        weights: Only to leave out rows of weight 0, and for the weight of a list.
        half_life: Place that half of the readers reach, above 1.
        neutral: Grade that is worth nothing; worse ones are not, either.
        weighting: Weight of a list in the mean: "uniform" or "impressions".

    Returns:
        The mean over lists with a grade above the neutral one, in [0, 1], and how many were skipped.

    Raises:
        ValueError: A grade is not finite, or the half-life is not above 1.

    Example:
        >>> round(half_life_utility([1, 0, 0, 1], [0.9, 0.8, 0.7, 0.6], half_life=2).value, 6)
        0.75

    Reference: Breese, Heckerman and Kadie, "Empirical Analysis of Predictive Algorithms for Collaborative Filtering",
    UAI 1998, equations 5 and 6.
    """
    metric = graded_list_metrics(half_life=half_life, neutral=neutral)["r_score"]
    return metric.result(labels, scores, groups, weights, weighting=weighting)

"""The criteria of a study: names, families, which way is better, and what each says of a model's answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfctr.training.metrics import (
    Resampled,
    SumMetric,
    agreement_metrics,
    auc_resampled,
    graded_list_metrics,
    list_metrics,
    pr_auc_resampled,
    probability_metrics,
    rating_metrics,
    threshold_metrics,
)
from tfctr.training.metrics._kinds_of_rows import ratio
from tfctr.training.metrics.group_metric import GroupMetric, resampled_mean
from tfctr.training.metrics.metric_inputs import Floats

Codes = NDArray[np.int64]


class Answers(NamedTuple):
    """What a model answered on rows that it was not trained on; all `(rows,)`.

    Args:
        users: Number of each row's user.
        lists: Number of each row's list: a user in a fold.
        ads: Number of each row's ad.
        rating, click: The truth.
        score: What rows are ordered by.
        probability: Of a click.
        stars: Predicted rating; None of models that predict clicks.
        threshold: Probability from which on a click is expected.
    """

    users: Codes
    lists: Codes
    ads: Codes
    rating: Floats
    click: Floats
    score: Floats
    probability: Floats
    stars: Floats | None
    threshold: float


class Measured(NamedTuple):
    """A criterion of one model's answers.

    Args:
        statistic: Over users that are drawn anew.
        by_user: Of each user, NaN where undefined, `(users,)`; None where a criterion is of all users together.
    """

    statistic: Resampled
    by_user: Floats | None


@dataclass(frozen=True)
class Criterion:
    """A criterion.

    Args:
        name: In files.
        title: In tables.
        family: rating, classification, ranking or beyond accuracy.
        better: Which way is good; "" where neither is.
        shown: Whether it stands in the short tables.
    """

    name: str
    title: str
    family: Literal["rating", "classification", "ranking", "beyond accuracy"]
    better: Literal["higher", "lower", "near 1", ""]
    shown: bool = False


def criteria(k: int) -> dict[str, Criterion]:
    """Return all criteria by name, in the order of tables."""
    made = (
        Criterion("mae", "MAE", "rating", "lower"),
        Criterion("mse", "MSE", "rating", "lower"),
        Criterion("rmse", "RMSE", "rating", "lower", shown=True),
        Criterion("nmae", "NMAE", "rating", "lower"),
        Criterion("r2", "R²", "rating", "higher"),
        Criterion("auc", "AUC", "classification", "higher", shown=True),
        Criterion("pr_auc", "PR-AUC", "classification", "higher"),
        Criterion("logloss", "Log-loss", "classification", "lower", shown=True),
        Criterion("brier", "Brier score", "classification", "lower"),
        Criterion("rig", "Relative information gain", "classification", "higher"),
        Criterion("ece", "Calibration error", "classification", "lower"),
        Criterion("calibration_ratio", "PCOC", "classification", "near 1"),
        Criterion("accuracy", "Accuracy", "classification", "higher"),
        Criterion("precision", "Precision", "classification", "higher"),
        Criterion("recall", "Recall", "classification", "higher"),
        Criterion("false_positive_rate", "False positive rate", "classification", "lower"),
        Criterion("f_beta", "F1", "classification", "higher"),
        Criterion("lift", "Lift of decisions", "classification", "higher"),
        Criterion("gauc", "Grouped AUC", "ranking", "higher", shown=True),
        Criterion("graded_ndcg", f"NDCG@{k} of stars", "ranking", "higher", shown=True),
        Criterion("ndcg", f"NDCG@{k} of clicks", "ranking", "higher"),
        Criterion("precision_at_k", f"Precision@{k}", "ranking", "higher"),
        Criterion("recall_at_k", f"Recall@{k}", "ranking", "higher"),
        Criterion("hit_rate", f"Hit rate@{k}", "ranking", "higher"),
        Criterion("mrr", "MRR", "ranking", "higher"),
        Criterion("map", "MAP", "ranking", "higher"),
        Criterion("r_score", "R-score", "ranking", "higher"),
        Criterion("kendall_tau", "Kendall tau-b", "ranking", "higher"),
        Criterion("spearman", "Spearman", "ranking", "higher"),
        Criterion("ndpm", "NDPM", "ranking", "lower"),
        Criterion("catalogue_coverage", "Catalogue coverage", "beyond accuracy", "higher"),
        Criterion("user_coverage", "User coverage", "beyond accuracy", "higher"),
        Criterion("gini_index", "Gini index", "beyond accuracy", "lower"),
        Criterion("exposure_entropy", "Entropy (nats)", "beyond accuracy", "higher"),
        Criterion("novelty", "Novelty (bits)", "beyond accuracy", ""),
        Criterion("intra_list_diversity", "Intra-list diversity", "beyond accuracy", "higher"),
        Criterion("serendipity", "Serendipity", "beyond accuracy", "higher"),
    )
    return {one.name: one for one in made}


def measure(answers: Answers, k: int, *, neutral: float = 3.0) -> dict[str, Measured]:
    """Return the criteria of ratings, clicks and ranked lists; those of ratings where stars were predicted.

    Args:
        answers: Of one model.
        k: Length of the lists.
        neutral: Stars that are worth nothing in the R-score.
    """
    a = answers
    found: dict[str, Measured] = {}
    if a.stars is not None:
        found |= {name: _of_sums(metric, a, a.rating, a.stars) for name, metric in rating_metrics().items()}
    found["auc"] = Measured(auc_resampled(a.click, a.score, a.users), None)
    found["pr_auc"] = Measured(pr_auc_resampled(a.click, a.score, a.users), None)
    for metrics in (probability_metrics(), threshold_metrics(a.threshold)):
        found |= {name: _of_sums(metric, a, a.click, a.probability) for name, metric in metrics.items()}
    of_clicks = list_metrics(k)
    names = {"precision": "precision_at_k", "recall": "recall_at_k"}
    for name, metric in of_clicks.items():
        weighting: Literal["impressions", "uniform"] = "impressions" if name == "gauc" else "uniform"
        found[names.get(name, name)] = _of_lists(metric, a, a.click, weighting)
    of_stars = graded_list_metrics(k, neutral=neutral) | agreement_metrics()
    del of_stars["pearson"]
    return found | {name: _of_lists(metric, a, a.rating, "uniform") for name, metric in of_stars.items()}


def _of_sums(metric: SumMetric, a: Answers, labels: Floats, predicted: Floats) -> Measured:
    each = metric.resampled(labels, predicted, a.users)
    return Measured(each, each.of_counts(np.eye(each.groups)))


def _of_lists(
    metric: GroupMetric, a: Answers, labels: Floats, weighting: Literal["impressions", "uniform"]
) -> Measured:
    sums = metric.sums_by(a.users, labels, a.score, a.lists, weighting=weighting)
    return Measured(resampled_mean(sums), ratio(sums[:, 0], sums[:, 1]))


def better_by(criterion: Criterion, gain: float) -> str:
    """Say of a difference whether it is a gain: "better", "worse", or "" where no way is good.

    Example:
        >>> better_by(criteria(10)["logloss"], -0.1), better_by(criteria(10)["auc"], -0.1)
        ('better', 'worse')
    """
    ways: Mapping[str, Callable[[float], bool]] = {"higher": lambda d: d > 0, "lower": lambda d: d < 0}
    if criterion.better not in ways or not gain:
        return ""
    return "better" if ways[criterion.better](gain) else "worse"

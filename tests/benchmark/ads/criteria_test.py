"""Criteria of a study against the metrics they are made of, and what is said of gains."""

from __future__ import annotations

import numpy as np
import pytest

from tfctr.benchmark.ads._criteria import Answers, better_by, criteria, measure
from tfctr.benchmark.ads._exposure_criteria import measure_exposure
from tfctr.training import metrics
from tfctr.training.metrics import bootstrap

USERS, ADS, K = 9, 12, 3


@pytest.fixture(scope="module")
def answers() -> Answers:
    """Every user rated every ad; the ads were held out in two folds, so that a user has two lists."""
    rng = np.random.default_rng(0)
    users, ads = np.repeat(np.arange(USERS), ADS), np.tile(np.arange(ADS), USERS)
    rating = rng.integers(1, 6, USERS * ADS).astype(float)
    rating[users == 0] = 2  # a user who clicks on nothing
    stars = np.clip((rating + rng.normal(size=len(rating))).round(1), 1, 5)
    chance = (stars - 1) / 4
    click = (rating >= 4).astype(float)
    return Answers(users, users * 2 + ads % 2, ads, rating, click, stars, chance, stars, 0.625)


def value(measured, name: str) -> float:
    return bootstrap(measured[name].statistic, samples=1).value


def test_criteria_are_the_metrics_of_their_names(answers: Answers) -> None:
    a = answers
    found = measure(a, K)
    lists = (a.click, a.score, a.lists)
    decided = metrics.confusion(a.click, a.probability, threshold=a.threshold)
    ranked = metrics.ranking_at_k(*lists, k=K)
    expected = {
        "mae": metrics.mae(a.rating, a.stars),
        "rmse": metrics.rmse(a.rating, a.stars),
        "r2": metrics.r2(a.rating, a.stars),
        "auc": metrics.auc(a.click, a.score),
        "pr_auc": metrics.pr_auc(a.click, a.score),
        "logloss": metrics.logloss(a.click, a.probability),
        "calibration_ratio": metrics.calibration_ratio(a.click, a.probability),
        "precision": decided.precision,
        "f_beta": decided.f1,
        "gauc": metrics.gauc(*lists).value,
        "precision_at_k": ranked.precision.value,
        "recall_at_k": ranked.recall.value,
        "ndcg": ranked.ndcg.value,
        "map": metrics.mean_average_precision(*lists).value,
        "graded_ndcg": metrics.graded_ndcg(a.rating, a.score, a.lists, k=K).value,
        "r_score": metrics.half_life_utility(a.rating, a.score, a.lists, neutral=3).value,
        "kendall_tau": metrics.kendall_tau(a.rating, a.score, a.lists).value,
    }
    assert {name: value(found, name) for name in expected} == pytest.approx(expected)
    assert "mae" not in measure(a._replace(stars=None), K)


def test_users_are_drawn_and_not_lists(answers: Answers) -> None:
    found = measure(answers, K)
    assert {one.statistic.groups for one in found.values()} == {USERS}
    by_user = found["map"].by_user
    assert np.isnan(by_user[0])
    own = answers.users == 4
    alone = metrics.mean_average_precision(answers.click[own], answers.score[own], answers.lists[own]).value
    assert by_user[4] == pytest.approx(alone)
    mae = found["mae"].by_user
    assert mae[4] == pytest.approx(metrics.mae(answers.rating[own], answers.stars[own]))


def test_what_is_shown(answers: Answers) -> None:
    a = answers
    popularity = (np.bincount(a.ads, a.click) + 1) / (USERS + 2)
    vectors = np.eye(4)[np.arange(ADS) % 4]
    found = measure_exposure(a, K, popularity, vectors)
    lists = metrics.top_lists(a.lists, a.ads, a.score, k=K)
    usual = metrics.top_lists(a.lists, a.ads, popularity[a.ads], k=K)
    counts = metrics.exposures(lists.items, ADS)
    expected = {
        "catalogue_coverage": metrics.catalogue_coverage(lists.items, ADS),
        "gini_index": metrics.gini_index(counts),
        "exposure_entropy": metrics.exposure_entropy(counts),
        "novelty": metrics.novelty(lists.items, popularity).value,
        "intra_list_diversity": metrics.intra_list_diversity(lists.items, vectors).value,
        "serendipity": metrics.serendipity(lists.items, usual.items, lists.of_rows(a.click)).value,
    }
    covered = {
        user for user in range(USERS) if (a.probability[a.users == user] >= a.threshold).any()
    }  # the best rows of a list are in it
    expected["user_coverage"] = len(covered) / USERS
    assert {name: value(found, name) for name in found} == pytest.approx(expected)
    assert set(measure(a, K) | found) == set(criteria(K))


@pytest.mark.parametrize(
    ("name", "gain", "said"),
    [
        ("auc", 0.1, "better"),
        ("auc", -0.1, "worse"),
        ("gini_index", 0.1, "worse"),
        ("novelty", 0.1, ""),
        ("auc", 0, ""),
    ],
)
def test_what_a_gain_is_called(name: str, gain: float, said: str) -> None:
    assert better_by(criteria(K)[name], gain) == said

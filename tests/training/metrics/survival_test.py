"""Metrics of durations against their definitions, scikit-learn's neighbours and lifelines."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import concordance_index as lifelines_concordance

from tfctr.training.metrics import (
    KaplanMeier,
    concordance_index,
    evaluate_survival,
    life_table,
    survival_brier,
    survival_nll,
)
from tfctr.training.metrics._evaluate_survival import restricted_life
from tfctr.training.metrics.survival_curves import integrated_brier

SEEDS = pytest.mark.parametrize("seed", range(6))


def concordance_by_pairs(t: np.ndarray, e: np.ndarray, life: np.ndarray, w: np.ndarray) -> float:
    """The definition, pair by pair."""
    good = pairs = 0.0
    for i in range(len(t)):
        for j in range(len(t)):
            if e[i] and (t[i] < t[j] or (t[i] == t[j] and not e[j])):
                pairs += w[i] * w[j]
                good += w[i] * w[j] * ((life[i] < life[j]) + (life[i] == life[j]) / 2)
    return good / pairs


def brier_by_rows(t: np.ndarray, e: np.ndarray, surviving: np.ndarray, when: float) -> float:
    """The definition, row by row; staying uncensored by the product-limit formula, events before censoring."""

    def uncensored(limit: float, *, strictly: bool) -> float:
        product = 1.0
        for s in np.unique(t[e == 0]):
            if s < limit or (s == limit and not strictly):
                at_risk = np.sum(t > s) + np.sum((t == s) & (e == 0))
                product *= 1 - np.sum((t == s) & (e == 0)) / at_risk
        return product

    total = 0.0
    for i in range(len(t)):
        if t[i] <= when and e[i]:
            total += surviving[i] ** 2 / uncensored(t[i], strictly=True)
        elif t[i] > when:
            total += (1 - surviving[i]) ** 2 / uncensored(when, strictly=False)
    return total / len(t)


def rows(seed: int, count: int = 60, *, whole: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    t = rng.exponential(8, count)
    return (np.ceil(t) if whole else t), (rng.random(count) < 0.6).astype(int), rng.integers(0, 9, count).astype(float)


def test_the_card_s_pairs() -> None:
    t, e, life = [2, 4, 4, 6, 9], [1, 1, 0, 1, 0], np.array([1, 5, 3, 4, 8])
    assert concordance_index(t, e, life) == 0.75
    assert concordance_index(t, e, -life) == 0.25
    assert concordance_index(t, e, np.zeros(5)) == 0.5


@SEEDS
def test_concordance_is_its_definition_with_ties_and_weights(seed: int) -> None:
    t, e, life = rows(seed)
    weights = np.random.default_rng(seed).random(len(t))
    assert concordance_index(t, e, life) == pytest.approx(concordance_by_pairs(t, e, life, np.ones(len(t))), abs=1e-12)
    assert concordance_index(t, e, life, weights) == pytest.approx(concordance_by_pairs(t, e, life, weights), abs=1e-12)


@SEEDS
def test_concordance_and_kaplan_meier_are_lifelines(seed: int) -> None:
    t, e, life = rows(seed, 300, whole=False)
    assert concordance_index(t, e, life) == pytest.approx(lifelines_concordance(t, life, e), abs=1e-12)
    t, e, _ = rows(seed, 300)
    when = np.arange(0, 30, 1.0)
    fitted = KaplanMeierFitter().fit(t, e)
    np.testing.assert_allclose(KaplanMeier(t, e)(when), fitted.predict(when), atol=1e-12)
    np.testing.assert_allclose(KaplanMeier(t, e).before([7]), fitted.predict([6.5]), atol=1e-12)


@SEEDS
def test_brier_is_its_definition(seed: int) -> None:
    t, e, _ = rows(seed)
    times = [2.0, 5.0, 11.0]
    curves = np.sort(np.random.default_rng(seed).random((len(t), 3)), axis=1)[:, ::-1]
    expected = [brier_by_rows(t, e, curves[:, k], when) for k, when in enumerate(times)]
    np.testing.assert_allclose(survival_brier(t, e, curves, times), expected, atol=1e-12)
    figures = evaluate_survival(t, e, curves, times)
    assert figures["brier"] == pytest.approx(integrated_brier(expected, times))
    assert figures["brier@5"] == pytest.approx(expected[1])
    assert figures["c_index"] == pytest.approx(concordance_index(t, e, restricted_life(curves, times)))


def test_cut_points_after_the_last_row_are_left_out_if_it_is_censored() -> None:
    """Beyond day 4 nobody was watched: whoever predicts that all have ended then is not the better for it."""
    t, e, curves = np.array([1.0, 2, 3, 4]), np.array([1, 0, 1, 0]), np.tile([0.8, 0.5, 0.0], (4, 1))
    scores = survival_brier(t, e, curves, [1.5, 3.5, 4])
    assert np.isnan(scores[2])
    figures = evaluate_survival(t, e, curves, (1.5, 3.5, 4))
    assert figures["brier"] == pytest.approx(scores[:2].mean())
    assert evaluate_survival(t, e, curves, (1.5, 4, 5))["brier"] == pytest.approx(scores[0])
    assert not np.isnan(survival_brier(t, [1, 0, 1, 1], curves, [1.5, 3.5, 4])).any()
    curves[2, 2] = np.nan
    assert np.isnan(evaluate_survival(t, e, curves, (1.5, 3.5, 4))["brier"])


def test_without_censoring_the_brier_score_is_the_squared_error() -> None:
    t, _, _ = rows(0)
    curves = np.random.default_rng(0).random((len(t), 1))
    found = survival_brier(t, np.ones(len(t)), curves, [5.0])
    assert found[0] == pytest.approx(np.mean(((t > 5) - curves[:, 0]) ** 2))


def test_censored_rows_are_weighted_out_without_bias() -> None:
    """The score of the true curve under half censoring is that without censoring; ignoring it gives another one."""
    rng = np.random.default_rng(0)
    rate = rng.choice([0.05, 0.3], 40_000)
    life, end = rng.exponential(1 / rate), rng.exponential(8, len(rate))
    t, e = np.minimum(life, end), life <= end
    true = np.exp(-rate * 6)[:, None]
    whole = survival_brier(life, np.ones(len(life)), true, [6.0])[0]
    assert 0.4 < e.mean() < 0.7
    assert survival_brier(t, e, true, [6.0])[0] == pytest.approx(whole, abs=0.005)
    assert abs(survival_brier(t, np.ones(len(t)), true, [6.0])[0] - whole) > 0.05


def test_weights_are_repeated_rows() -> None:
    t, e, _ = rows(1, 30)
    curves = np.sort(np.random.default_rng(1).random((30, 2)), axis=1)[:, ::-1]
    weights = np.random.default_rng(1).integers(0, 4, 30)
    again = np.repeat(np.arange(30), weights)
    weighted = evaluate_survival(t, e, curves, (3, 8), weights)
    repeated = evaluate_survival(t[again], e[again], curves[again], (3, 8))
    for name in ("event_share", "brier", "nll", "brier@3"):
        assert weighted[name] == pytest.approx(repeated[name])
    np.testing.assert_allclose(life_table(t, e, (3, 8), weights), life_table(t[again], e[again], (3, 8)))


def test_a_million_rows_take_seconds() -> None:
    rng = np.random.default_rng(0)
    life = rng.exponential(1, 1_000_000)
    began = time.process_time()
    found = concordance_index(life, rng.random(len(life)) < 0.5, life + rng.normal(0, 0.3, len(life)))
    assert 0.8 < found < 1
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (lambda: concordance_index([1, 2], [0, 0], [1, 2]), None),
        (lambda: concordance_index([2, 2], [1, 1], [1, 2]), None),
        (lambda: concordance_index([1, 2], [1, 1], [1, np.nan]), None),
        (lambda: concordance_index([], [], []), None),
        (lambda: survival_brier([], [], np.zeros((0, 1)), [1])[0], None),
        (lambda: survival_brier([1, 3], [1, 1], [[np.nan], [1]], [2])[0], None),
        (lambda: survival_brier([1, 1], [0, 0], [[0.5], [0.5]], [2])[0], None),
        (lambda: survival_nll([], [], np.zeros((0, 2)), (1, 2)), None),
    ],
)
def test_what_is_undefined_is_nan(metric: Callable[[], float], expected: None) -> None:
    assert np.isnan(metric())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([-1], [1], [1]), "durations must be finite and at least 0"),
        (([1], [2], [1]), "events must be 0"),
        (([1, 2], [1], [1]), "same number of rows"),
        (([1], [1], [1, 2]), "lives must have one number a row"),
    ],
)
def test_wrong_rows_are_refused(arrays: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        concordance_index(*arrays)


def test_curves_have_a_column_a_time() -> None:
    with pytest.raises(ValueError, match=r"curves must have shape \(2, 2\)"):
        survival_brier([1, 2], [1, 1], np.ones((2, 1)), [1, 2])

"""How sure a figure is: intervals over users, exchanges of pairs, DeLong's test."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.metrics.rated_rows import rated
from tests.training.metrics.strategies import samples
from tfctr.training import metrics
from tfctr.training.metrics import bootstrap, list_metrics, rating_metrics

figures = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=8)


@settings(max_examples=15)
@given(rated(), st.integers(0, 99))
@pytest.mark.parametrize("name", ["mae", "rmse", "r2"])
def test_a_resampled_figure_is_that_of_repeated_users(name, rows, seed):
    y, p, _, g = rows
    metric, users = rating_metrics()[name], np.unique(g)
    counts = np.random.default_rng(seed).integers(0, 3, size=(3, len(users)))
    found = metric.resampled(y, p, g).of_counts(counts.astype(float))
    for draw, value in zip(counts, found, strict=True):
        times = draw[np.searchsorted(users, g)]
        expected = metric.value(np.repeat(y, times), np.repeat(p, times))
        assert value == pytest.approx(expected, nan_ok=True, rel=1e-6, abs=1e-6)


@given(rated(), st.integers(0, 99))
def test_a_resampled_mean_of_lists_counts_each_list_as_often_as_it_was_drawn(rows, seed):
    y, p, g = (rows.ratings >= 4).astype(float), rows.predictions, rows.groups
    metric, users = list_metrics(2)["map"], np.unique(g)
    counts = np.random.default_rng(seed).integers(0, 3, size=(2, len(users)))
    found = metric.resampled(y, p, g, weighting="impressions").of_counts(counts.astype(float))
    for draw, value in zip(counts, found, strict=True):
        parts = [
            (metric.result(y[g == u], p[g == u]).value, (g == u).sum() * n) for u, n in zip(users, draw, strict=True)
        ]
        top = sum(v * w for v, w in parts if not math.isnan(v))
        below = sum(w for v, w in parts if not math.isnan(v))
        assert value == pytest.approx(top / below if below else math.nan, nan_ok=True)


def test_users_are_drawn_with_all_their_lists():
    y, p = [1, 0, 0, 1, 1, 0], [0.9, 0.1, 0.8, 0.3, 0.2, 0.4]
    lists, users = [0, 0, 1, 1, 2, 2], ["a", "a", "a", "a", "b", "b"]
    metric = list_metrics()["mrr"]
    np.testing.assert_allclose(metric.sums_by(users, y, p, lists), [[1.5, 2], [0.5, 1]])
    drawn = metric.resampled(y, p, lists, clusters=users)
    assert drawn.groups == 2
    np.testing.assert_allclose(drawn.of_counts(np.array([[1, 1], [2, 0], [0, 1.0]])), [2 / 3, 0.75, 0.5])
    broken = metric.resampled(y, [math.nan, *p[1:]], lists, clusters=users)
    assert math.isnan(bootstrap(broken, samples=3).value)


def test_an_interval_has_the_width_that_theory_says_and_misses_one_time_in_twenty():
    rng = np.random.default_rng(0)
    users, rows, misses = 60, 5, 0
    for trial in range(100):
        shared = rng.normal(size=users).repeat(rows)  # rows of a user are alike
        gaps = 3 + shared + 0.5 * rng.normal(size=users * rows)
        mean = rating_metrics()["mae"].resampled(np.zeros(users * rows), gaps, np.arange(users).repeat(rows))
        interval = bootstrap(mean, samples=200, seed=trial)
        misses += not interval.low <= 3 <= interval.high
        if trial == 0:
            assert interval.standard_error == pytest.approx(math.sqrt((1 + 0.25 / rows) / users), rel=0.25)
            assert interval.low < interval.value < interval.high
    assert 1 <= misses <= 13


def test_seeds_and_what_is_undefined():
    y, p, g = [1, 0, 1, 1], [0.9, 0.1, 0.4, 0.6], [0, 0, 1, 2]
    area = metrics.auc_resampled(y, p, g)
    first, again, other = (bootstrap(area, samples=300, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert first.value == metrics.auc(y, p)
    assert 0 < first.undefined_share == pytest.approx((2 / 3) ** 3, abs=0.1)  # no negative was drawn
    never = bootstrap(metrics.auc_resampled([1, 1], [0.1, 0.2], [0, 1]), samples=5)
    assert (never.undefined_share, math.isnan(never.low)) == (1.0, True)
    empty = bootstrap(rating_metrics()["mae"].resampled([], [], []), samples=5)
    assert math.isnan(empty.value)


def test_differences_and_means_go_over_the_same_draws():
    y, p, g = [1, 2, 3, 4, 5, 1], [1, 3, 3, 3, 4, 3], [0, 0, 1, 1, 2, 2]
    mae = rating_metrics()["mae"]
    one, two = mae.resampled(y, p, g), mae.resampled(y, np.add(p, 1), g)
    none = bootstrap(metrics.difference(one, one), samples=50)
    assert (none.value, none.low, none.high) == (0, 0, 0)
    gap = bootstrap(metrics.difference(two, one), samples=50)
    assert gap.value == pytest.approx(mae.value(y, np.add(p, 1)) - mae.value(y, p))
    both = bootstrap(metrics.mean_of([one, two]), samples=50)
    assert both.value == pytest.approx((bootstrap(one).value + bootstrap(two).value) / 2)
    with pytest.raises(ValueError, match="over the same groups"):
        metrics.difference(one, mae.resampled([1], [1], [0]))
    with pytest.raises(ValueError, match="over the same groups"):
        metrics.mean_of([])
    with pytest.raises(ValueError, match="samples must be at least 1"):
        bootstrap(one, samples=0)
    with pytest.raises(ValueError, match="level must be in"):
        bootstrap(one, level=1.0)


@given(figures, st.integers(0, 9))
def test_small_permutation_tests_go_through_all_exchanges(first, seed):
    second = np.random.default_rng(seed).choice([0.0, 0.25, 0.5, 1.0], len(first))
    gaps = np.array(first) - second
    reached = [abs(sum(sign * gap for sign, gap in zip(signs, gaps, strict=True))) >= abs(gaps.sum()) - 1e-9
               for signs in product((1, -1), repeat=len(gaps))]  # fmt: skip
    found = metrics.paired_permutation_test(first, second)
    assert found.exact
    assert found.p_value == pytest.approx(np.mean(reached))
    assert found.difference == pytest.approx(gaps.mean())


def test_drawn_exchanges_are_near_all_of_them_and_never_0():
    rng = np.random.default_rng(3)
    first, second = rng.normal(0.3, 1, 12), rng.normal(0, 1, 12)
    exact = metrics.paired_permutation_test(first, second)
    drawn = metrics.paired_permutation_test(first, second, samples=3000)
    assert (exact.exact, drawn.exact) == (True, False)
    assert drawn.p_value == pytest.approx(exact.p_value, abs=0.04)
    sure = metrics.paired_permutation_test(np.ones(40), np.zeros(40), samples=99)
    assert sure.p_value == pytest.approx(0.01)


def test_pairs_without_a_figure_are_left_out():
    found = metrics.paired_permutation_test([1, math.nan, 0.5], [0.5, 0.2, math.nan])
    assert (found.pairs, found.difference) == (1, 0.5)
    assert math.isnan(metrics.paired_permutation_test([math.nan], [1]).p_value)
    with pytest.raises(ValueError, match="two sides of equal length"):
        metrics.paired_permutation_test([1], [1, 2])
    with pytest.raises(ValueError, match="samples must be at least 1"):
        metrics.paired_permutation_test([1], [1], samples=0)


def components(labels, scores):
    """Shares of won pairs of each positive and of each negative, pair by pair."""
    pos, neg = ([s for y, s in zip(labels, scores, strict=True) if y == one] for one in (1, 0))
    won = np.array([[1.0 if a > b else 0.5 if a == b else 0.0 for b in neg] for a in pos])
    return won.mean(axis=1), won.mean(axis=0)


@given(samples(min_rows=4), st.integers(0, 99))
def test_delong_equals_its_definition(sample, seed):
    y, first = sample.labels, sample.probabilities
    second = np.random.default_rng(seed).permutation(first)
    found = metrics.delong_test(y, first, second)
    if min((y == 1).sum(), (y == 0).sum()) < 2:
        assert math.isnan(found.p_value)
        return
    (a1, a0), (b1, b0) = components(y, first), components(y, second)
    error = math.sqrt(np.var(a1 - b1, ddof=1) / len(a1) + np.var(a0 - b0, ddof=1) / len(a0))
    assert (found.first, found.second) == pytest.approx((metrics.auc(y, first), metrics.auc(y, second)))
    assert found.standard_error == pytest.approx(error, abs=1e-9)
    if error > 1e-6:
        assert found.z == pytest.approx((a1.mean() - b1.mean()) / error)


def test_delong_keeps_its_level_and_its_corners():
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(200):
        y = np.r_[np.ones(40), np.zeros(40)]
        signal = y + rng.normal(size=80)
        p_values.append(metrics.delong_test(y, signal + rng.normal(size=80), signal + rng.normal(size=80)).p_value)
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.04)
    same = metrics.delong_test([1, 1, 0, 0], [0.9, 0.8, 0.1, 0.2], [0.9, 0.8, 0.1, 0.2])
    assert (same.z, same.p_value) == (0.0, 1.0)
    sure = metrics.delong_test([1, 1, 0, 0], [0.9, 0.8, 0.1, 0.2], [0.1, 0.2, 0.9, 0.8])
    assert (sure.difference, sure.z, sure.p_value) == (1.0, math.inf, 0.0)
    assert math.isnan(metrics.delong_test([1, 1, 0, 0], [0.9, math.nan, 0.1, 0.2], [0.9, 0.8, 0.1, 0.2]).z)

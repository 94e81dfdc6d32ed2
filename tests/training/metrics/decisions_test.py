"""Decisions at a threshold, areas and lifts, against counting by hand and scikit-learn; intervals over users."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from tests.training.metrics.loops import area_under_pr, by_group, mean_of_defined, over_orders
from tests.training.metrics.strategies import samples
from tfctr.training import metrics
from tfctr.training.metrics import Confusion, SumStream, probability_metrics, threshold_metrics

THRESHOLD = 0.5


def counted(y, p, w):
    """True and false positives, false and true negatives."""
    cells = [0.0] * 4
    for label, score, weight in zip(y, p, w, strict=True):
        cells[2 * (score < THRESHOLD) + (label == 0)] += weight
    return cells


def part(above, below):
    return above / below if below > 0 else math.nan


def figures(tp, fp, fn, tn, beta=2.0):
    everything = tp + fp + fn + tn
    return {
        "accuracy": part(tp + tn, everything),
        "precision": part(tp, tp + fp),
        "recall": part(tp, tp + fn),
        "false_positive_rate": part(fp, fp + tn),
        "f_beta": part((1 + beta**2) * tp, (1 + beta**2) * tp + beta**2 * fn + fp),
        "lift": part(part(tp, tp + fp), part(tp + fn, everything)),
    }


@given(samples())
def test_counts_and_what_follows_equal_counting(sample):
    y, p, w, g = sample
    found = metrics.confusion(y, p, w, threshold=THRESHOLD)
    expected = figures(*counted(y, p, w))
    told = {name: getattr(found, name) for name in expected if name != "f_beta"} | {"f_beta": found.f_beta(2.0)}
    assert told == pytest.approx(expected, nan_ok=True)
    assert found.f1 == pytest.approx(found.f_beta(1.0), nan_ok=True)
    for name, metric in threshold_metrics(THRESHOLD, beta=2.0).items():
        assert metric.value(y, p, w) == pytest.approx(expected[name], nan_ok=True)
        users = by_group(lambda a, b, name=name: figures(*counted(a, b, np.ones(len(a))))[name], g, y, p)
        assert metric.by_group(y, p, g).value == pytest.approx(mean_of_defined(users), nan_ok=True)


@given(samples(min_rows=2))
def test_halves_add_up(sample):
    y, p, w, _ = sample
    half = len(y) // 2
    parts = (slice(None, half), slice(half, None))
    first, second = (metrics.confusion(y[s], p[s], w[s], threshold=THRESHOLD) for s in parts)
    assert first + second == metrics.confusion(y, p, w, threshold=THRESHOLD)
    assert first + Confusion() == first


@given(samples())
def test_sums_of_probabilities_equal_the_functions_of_their_names(sample):
    y, p, w, g = sample
    functions = {
        "logloss": metrics.logloss,
        "brier": metrics.brier,
        "calibration_ratio": metrics.calibration_ratio,
        "rig": metrics.relative_information_gain,
        "ece": metrics.expected_calibration_error,
    }
    for name, metric in probability_metrics().items():
        assert metric.value(y, p, w) == pytest.approx(functions[name](y, p, w), nan_ok=True, abs=1e-12)
        users = by_group(functions[name], g, y, p)
        assert metric.by_group(y, p, g).value == pytest.approx(mean_of_defined(users), nan_ok=True, abs=1e-9)
        stream = SumStream(metric).add(y[:3], p[:3], w[:3]).merge(SumStream(metric).add(y[3:], p[3:], w[3:]))
        assert stream.result() == pytest.approx(metric.value(y, p, w), nan_ok=True, abs=1e-9)


@given(samples())
def test_area_under_precision_and_recall(sample):
    y, p, w, _ = sample
    found = metrics.pr_auc(y, p, w)
    assert found == pytest.approx(area_under_pr(y, p, w), nan_ok=True, abs=1e-12)
    if (w * y).sum():
        assert found == pytest.approx(average_precision_score(y, p, sample_weight=w), abs=1e-12)


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from([0.1, 0.5, 0.9])), min_size=1, max_size=6))
def test_lift_is_the_mean_over_the_orders_of_ties(rows):
    y, p = [float(label) for label, _ in rows], [score for _, score in rows]
    for first in range(1, len(y) + 1):
        found = metrics.lift_at(y, p, share=first / len(y))
        if not any(y):
            assert math.isnan(found)
            continue
        assert found == pytest.approx(over_orders(lambda labels, n=first: np.mean(labels[:n]) / np.mean(y), y, p))


def test_a_part_of_a_row_may_be_first():
    assert metrics.lift_at([1, 0, 0], [0.9, 0.8, 0.7], share=0.5) == pytest.approx((1 / 1.5) / (1 / 3))


def test_roc_curve_is_public_and_its_area_is_the_auc():
    curve = metrics.roc_curve([0, 1, 0, 1, 1], [0.1, 0.4, 0.4, 0.8, 0.2])
    area = np.trapezoid(curve.true_positive_rate, curve.false_positive_rate)
    assert area == pytest.approx(metrics.auc([0, 1, 0, 1, 1], [0.1, 0.4, 0.4, 0.8, 0.2]))


@given(samples(), st.integers(0, 99))
def test_resampled_areas_are_those_of_repeated_rows(sample, seed):
    y, p, w, g = sample
    groups = np.unique(g[w > 0])
    assume(len(groups))
    counts = np.random.default_rng(seed).integers(0, 3, size=(2, len(groups)))
    made = {metrics.auc: metrics.auc_resampled, metrics.pr_auc: metrics.pr_auc_resampled}
    for function, resampled in made.items():
        statistic = resampled(y, p, g, w)
        assert statistic.groups == len(groups)
        found = statistic.of_counts(counts.astype(float))
        for draw, value in zip(counts, found, strict=True):
            times = np.where(w > 0, draw[np.searchsorted(groups, g).clip(max=len(groups) - 1)], 0)
            expected = function(np.repeat(y, times), np.repeat(p, times), np.repeat(w, times))
            assert value == pytest.approx(expected, nan_ok=True, abs=1e-12)


def test_nan_scores_make_all_of_it_nan():
    y, p = [0, 1, 1], [0.3, math.nan, 0.2]
    assert math.isnan(metrics.pr_auc(y, p))
    assert math.isnan(metrics.lift_at(y, p))
    assert math.isnan(metrics.confusion(y, p).accuracy)
    assert math.isnan(metrics.bootstrap(metrics.auc_resampled(y, p, [1, 2, 3]), samples=5).value)
    for metric in (*threshold_metrics().values(), *probability_metrics().values()):
        assert math.isnan(metric.value(y, p)), metric.name


@pytest.mark.parametrize("share", [0, 1.1])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\]"):
        metrics.lift_at([1], [0.5], share=share)

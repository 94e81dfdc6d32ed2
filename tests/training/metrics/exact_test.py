"""AUC, logloss, Brier, calibration ratio, ECE and slope against scikit-learn, brute-force loops and hand numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from tests.training.metrics.strategies import Sample, both_classes, samples
from tfctr.training import metrics
from tfctr.training.metrics.metric_inputs import EPSILON, to_logit

PROBABILITY_METRICS = (
    metrics.auc,
    metrics.logloss,
    metrics.normalized_entropy,
    metrics.relative_information_gain,
    metrics.brier,
    metrics.calibration_ratio,
    metrics.expected_calibration_error,
    metrics.calibration_slope,
)


def pairwise_auc(sample: Sample) -> float:
    """The definition, pair by pair."""
    rows = list(zip(sample.labels, sample.probabilities, sample.weights, strict=True))
    wins = pairs = 0.0
    for y, p, w in rows:
        for y2, p2, w2 in rows:
            if y == 1 and y2 == 0:
                pairs += w * w2
                wins += w * w2 * (1.0 if p > p2 else 0.5 if p == p2 else 0.0)
    return wins / pairs if pairs else math.nan


@given(samples())
def test_auc_is_the_share_of_ordered_pairs(sample):
    found = metrics.auc(sample.labels, sample.probabilities, sample.weights)
    assert found == pytest.approx(pairwise_auc(sample), abs=1e-12, nan_ok=True)


@given(samples())
def test_figures_equal_scikit_learn(sample):
    assume(both_classes(sample))
    y, p, w, _ = sample
    assert metrics.auc(y, p, w) == pytest.approx(roc_auc_score(y, p, sample_weight=w), abs=1e-12)
    assert metrics.brier(y, p, w) == pytest.approx(brier_score_loss(y, p, sample_weight=w), abs=1e-12)
    cut = np.clip(p, EPSILON, 1 - EPSILON)
    assert metrics.logloss(y, p, w) == pytest.approx(log_loss(y, cut, sample_weight=w), abs=1e-12)


@given(samples())
def test_normalized_entropy_is_the_logloss_over_that_of_the_mean(sample):
    assume(both_classes(sample))
    y, p, w, _ = sample
    mean = np.full(len(y), np.average(y, weights=w))
    expected = metrics.logloss(y, p, w) / metrics.logloss(y, mean, w)
    assert metrics.normalized_entropy(y, p, w) == pytest.approx(expected, rel=1e-6)
    assert metrics.relative_information_gain(y, p, w) == pytest.approx(1 - expected, rel=1e-6, abs=1e-9)


@given(samples(), st.integers(1, 20))
def test_equal_width_ece_equals_a_loop_over_buckets(sample, bins):
    y, p, w, _ = sample
    assume(w.sum() > 0)
    error = 0.0
    for b in range(bins):
        inside = np.floor(p * bins) == b
        if b == bins - 1:
            inside |= p == 1
        if w[inside].sum():
            gap = np.average(p[inside], weights=w[inside]) - np.average(y[inside], weights=w[inside])
            error += w[inside].sum() / w.sum() * abs(gap)
    assert metrics.expected_calibration_error(y, p, w, bins=bins) == pytest.approx(error, abs=1e-12)


def test_equal_mass_buckets_are_even_and_keep_ties_together():
    rng = np.random.default_rng(0)
    p = rng.random(3000)
    curve = metrics.calibration_curve(rng.random(3000) < p, p, bins=10)
    assert curve.weight.tolist() == [300.0] * 10
    assert np.abs(curve.mean_label - curve.mean_probability).max() < 0.1
    tied = metrics.calibration_curve([0, 1, 1, 0], [0.2, 0.2, 0.2, 0.7], bins=4)
    assert tied.mean_probability == pytest.approx([0.2, 0.7])
    assert tied.weight.tolist() == [3.0, 1.0]


@given(samples(min_rows=5))
def test_recalibration_is_the_top_of_the_likelihood(sample):
    y, p, w, _ = sample
    fit = metrics.recalibration(y, p, w)
    x = to_logit(p)
    positive, negative = x[(w > 0) & (y == 1)], x[(w > 0) & (y == 0)]
    overlap = (
        len(positive) > 0 and len(negative) > 0 and negative.max() > positive.min() and positive.max() > negative.min()
    )
    assert math.isnan(fit.slope) != overlap
    if overlap:
        # The likelihood is concave: where its gradient is 0 it has its only maximum.
        rest = w * (y - 1 / (1 + np.exp(-(fit.intercept + fit.slope * x))))
        assert [rest.sum(), rest @ x] == pytest.approx([0, 0], abs=1e-6 * w.sum())


def test_recalibration_equals_scikit_learn():
    rng = np.random.default_rng(4)
    p, w = rng.random(500), rng.random(500)
    y = rng.random(500) < p**2
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000, solver="newton-cholesky")
    oracle.fit(to_logit(p)[:, None], y, sample_weight=w)
    fit = metrics.recalibration(y, p, w)
    assert [fit.slope, fit.intercept] == pytest.approx([oracle.coef_[0, 0], oracle.intercept_[0]], abs=1e-5)


def test_recalibration_finds_the_distortion_that_was_put_in():
    rng = np.random.default_rng(3)
    truth = rng.normal(-2, 1.5, 400_000)
    y = rng.random(len(truth)) < 1 / (1 + np.exp(-truth))
    predicted = 1 / (1 + np.exp(-(truth - 0.3) / 0.8))  # so truth = 0.3 + 0.8 * logit(predicted)
    fit = metrics.recalibration(y, predicted)
    assert fit.slope == pytest.approx(0.8, abs=0.01)
    assert fit.intercept == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]), ([1, 1, 0], [0.1, 0.2, 0.2]), ([0, 1], [0.5, 0.5])],
)
def test_slope_does_not_exist_where_a_threshold_separates(labels, probabilities):
    assert math.isnan(metrics.calibration_slope(labels, probabilities))


@given(samples(), st.randoms(use_true_random=False))
def test_row_order_and_integer_weights_as_repeats(sample, random):
    y, p, _, _ = sample
    w = np.array([random.randint(0, 3) for _ in y])
    order = np.array(random.sample(range(len(y)), len(y)))
    for metric in PROBABILITY_METRICS:
        expected = metric(np.repeat(y, w), np.repeat(p, w))
        assert metric(y[order], p[order], w[order]) == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("labels", "probabilities", "weights", "reason"),
    [
        ([], [], None, "no rows"),
        ([1, 0], [0.2, 0.3], [0, 0], "no rows"),
        ([1, 1], [0.2, 0.3], None, "every label is 1"),
        ([0, 1], [0.2, 0.3], [1, 0], "every label is 0"),
        ([0, 1], [0.2, np.nan], None, "1 probabilities are NaN"),
    ],
)
def test_undefined_is_nan_with_a_reason(labels, probabilities, weights, reason):
    assert metrics.undefined_reason(labels, probabilities, weights) == reason
    for metric in (metrics.auc, metrics.normalized_entropy, metrics.calibration_slope):
        assert math.isnan(metric(labels, probabilities, weights))
    if reason == "no rows" or "NaN" in reason:
        assert all(math.isnan(metric(labels, probabilities, weights)) for metric in PROBABILITY_METRICS)


def test_one_class_leaves_what_needs_no_second_class():
    assert metrics.logloss([0, 0], [0.5, 0.5]) == pytest.approx(math.log(2))
    assert metrics.expected_calibration_error([0, 0], [0.5, 0.5]) == 0.5
    assert math.isnan(metrics.calibration_ratio([0, 0], [0.5, 0.5]))


def test_a_sure_mistake_costs_the_logarithm_of_epsilon():
    assert metrics.logloss([1], [0.0]) == pytest.approx(-math.log(1e-7))
    assert metrics.logloss([1], [0.0], epsilon=1e-3) == pytest.approx(-math.log(1e-3))


def test_auc_takes_logits_and_columns():
    assert metrics.auc([[0], [1], [1]], [[-3.0], [-3.5], [8.0]]) == 0.5


@pytest.mark.parametrize(
    ("labels", "probabilities", "weights", "message"),
    [
        ([0, 2], [0.1, 0.2], None, "labels must be 0 or 1. Received: 2.0 in row 1"),
        ([0, np.nan], [0.1, 0.2], None, "labels must be 0 or 1"),
        ([0, 1], [0.1, 1.2], None, "Are these logits"),
        ([0, 1], [0.1, -np.inf], None, "probabilities must be in"),
        ([0, 1], [0.1, 0.2], [1, -1], "weights must be finite"),
        ([0, 1], [0.1, 0.2], [1, np.inf], "weights must be finite"),
        ([0, 1], [0.1], None, "2, 1 and 2"),
        (np.zeros((2, 2)), np.zeros((2, 2)), None, r"Received shape: \(2, 2\)"),
        (0, 0.5, None, r"Received shape: \(\)"),
    ],
)
def test_bad_rows_are_named(labels, probabilities, weights, message):
    with pytest.raises(ValueError, match=message):
        metrics.logloss(labels, probabilities, weights)


def test_a_masked_row_may_hold_anything():
    assert metrics.logloss([0, np.nan], [0.5, 7.0], [1, 0]) == pytest.approx(math.log(2))


@pytest.mark.parametrize(("bins", "binning"), [(0, "width"), (5, "depth")])
def test_bad_buckets_are_named(bins, binning):
    with pytest.raises(ValueError, match=r"bins must be at least 1|binning must be one of"):
        metrics.expected_calibration_error([0, 1], [0.1, 0.2], bins=bins, binning=binning)


def test_evaluate_arrays_gives_every_figure_under_its_name():
    rng = np.random.default_rng(1)
    p, groups = rng.random(500), rng.integers(0, 40, 500)
    y, w = rng.random(500) < p, rng.random(500)
    figures = metrics.evaluate_arrays(y, p, groups, w, ks=(5,))
    gauc, top = metrics.gauc(y, p, groups, w), metrics.ranking_at_k(y, p, groups, k=5, weights=w)
    fit = metrics.recalibration(y, p, w)
    assert figures == pytest.approx(
        {
            "rows": 500,
            "mean_label": np.average(y, weights=w),
            "mean_prediction": np.average(p, weights=w),
            "auc": metrics.auc(y, p, w),
            "logloss": metrics.logloss(y, p, w),
            "normalized_entropy": metrics.normalized_entropy(y, p, w),
            "rig": metrics.relative_information_gain(y, p, w),
            "brier": metrics.brier(y, p, w),
            "ece": metrics.expected_calibration_error(y, p, w),
            "ece_mass": metrics.expected_calibration_error(y, p, w, binning="mass"),
            "calibration_ratio": metrics.calibration_ratio(y, p, w),
            "calibration_slope": fit.slope,
            "calibration_intercept": fit.intercept,
            "gauc": gauc.value,
            "gauc_skipped_groups_share": gauc.skipped_groups_share,
            "gauc_skipped_rows_share": gauc.skipped_rows_share,
            "ndcg@5": top.ndcg.value,
            "recall@5": top.recall.value,
            "precision@5": top.precision.value,
        }
    )


def test_evaluate_arrays_of_nothing_is_nan_not_an_error():
    figures = metrics.evaluate_arrays([], [], groups=[])
    assert figures.pop("rows") == 0
    assert all(math.isnan(value) for value in figures.values())

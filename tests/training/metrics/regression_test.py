"""Errors of numbers: against scikit-learn, in parts, at their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from tfctr.training.metrics import RegressionSums, evaluate_regression, mae, r2, rmse

RANDOM = np.random.default_rng(3)
LABELS = 20_000 + RANDOM.normal(0, 40, 300)
PREDICTIONS = LABELS + RANDOM.normal(5, 20, 300)
WEIGHTS = RANDOM.integers(0, 4, 300).astype(float)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_figures_are_scikit_learn_s(weights: np.ndarray | None) -> None:
    figures = evaluate_regression(LABELS, PREDICTIONS[:, None], weights)
    squared = mean_squared_error(LABELS, PREDICTIONS, sample_weight=weights)
    explained = r2_score(LABELS, PREDICTIONS, sample_weight=weights)
    assert figures["rmse"] == pytest.approx(math.sqrt(squared)) == pytest.approx(rmse(LABELS, PREDICTIONS, weights))
    assert figures["mae"] == pytest.approx(mean_absolute_error(LABELS, PREDICTIONS, sample_weight=weights))
    assert figures["r2"] == pytest.approx(explained) == pytest.approx(r2(LABELS, PREDICTIONS, weights))
    assert figures["relative_error"] == pytest.approx(math.sqrt(1 - explained))
    assert figures["rows"] == (300 if weights is None else np.count_nonzero(weights))
    assert figures["mean_label"] == pytest.approx(np.average(LABELS, weights=weights))
    assert figures["mean_prediction"] == pytest.approx(np.average(PREDICTIONS, weights=weights))


@pytest.mark.parametrize("cuts", [[1], [100, 200], [0, 299]])
def test_parts_merge_into_the_whole(cuts: list[int]) -> None:
    total = RegressionSums()
    for part in zip(*(np.split(column, cuts) for column in (LABELS, PREDICTIONS, WEIGHTS)), strict=True):
        total.merge(RegressionSums.from_state(RegressionSums().add(*part).state()))
    whole = RegressionSums().add(LABELS, PREDICTIONS, WEIGHTS)
    for name in ("rmse", "mae", "r2", "relative_error", "mean_label", "mean_prediction"):
        assert getattr(total, name)() == pytest.approx(getattr(whole, name)(), rel=1e-12), name
    assert total.rows == whole.rows


def test_always_the_mean_explains_nothing_and_the_truth_all() -> None:
    figures = evaluate_regression(LABELS, np.full(300, LABELS.mean()))
    assert figures["r2"] == pytest.approx(0, abs=1e-12)
    assert figures["relative_error"] == pytest.approx(1)
    assert evaluate_regression(LABELS, LABELS)["r2"] == 1


@pytest.mark.parametrize("rows", [0, 3])
def test_without_a_row_that_counts_nothing_is_defined(rows: int) -> None:
    figures = evaluate_regression(LABELS[:rows], PREDICTIONS[:rows], np.zeros(rows))
    assert figures.pop("rows") == 0
    assert all(math.isnan(value) for value in figures.values())


def test_labels_that_are_all_alike_have_errors_and_no_share_explained() -> None:
    figures = evaluate_regression([0.1] * 7, [0.3] * 7)
    assert figures["rmse"] == pytest.approx(0.2)
    assert math.isnan(figures["r2"])
    assert math.isnan(figures["relative_error"])


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_prediction_that_is_no_number_is_never_good(broken: float) -> None:
    figures = evaluate_regression(LABELS, np.r_[PREDICTIONS[:-1], broken])
    assert all(math.isnan(figures[name]) for name in ("rmse", "mae", "r2", "mean_prediction"))
    assert figures["mean_label"] == pytest.approx(LABELS.mean())
    with np.errstate(all="raise"):
        assert math.isfinite(mae(LABELS, np.r_[PREDICTIONS[:-1], broken], np.r_[np.ones(299), 0]))  # it does not count


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"labels must be finite numbers\. Received: nan"):
        rmse([1, math.nan], [1, 2])
    with pytest.raises(ValueError, match="labels, probabilities and weights must have the same number of rows"):
        mae([1, 2], [1])
    with pytest.raises(ValueError, match="weights must be finite and at least 0"):
        r2([1, 2], [1, 2], [1, -1])

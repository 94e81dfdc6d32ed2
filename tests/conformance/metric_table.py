"""The table's metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfctr.testing._recipe import MetricRecipe
from tfctr.training import metrics
from tfctr.training.metrics import keras_metrics


def of_rows(metric: Any) -> MetricRecipe:
    """A function of labels and probabilities that gives a number or a tuple of arrays."""
    return MetricRecipe(metric, lambda y, p, g: np.concatenate([np.ravel(part) for part in _parts(metric(y, p))]))


def _parts(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, tuple) else (result,)


def of_keras(metric: Any) -> MetricRecipe:
    def figures(y: Any, p: Any, g: Any) -> Any:
        state = metric()
        state.update_state(y, p)
        return np.atleast_1d(np.asarray(state.result(), "float64"))

    return MetricRecipe(metric, figures)


def ranking(y: Any, p: Any, g: Any) -> Any:
    result = metrics.ranking_at_k(y, p, g, k=2)
    return np.array([result.ndcg.value, result.recall.value, result.precision.value])


def sums(y: Any, p: Any, g: Any) -> Any:
    half = len(y) // 2
    sums = metrics.BinarySums().add(y[:half], p[:half]).merge(metrics.BinarySums().add(y[half:], p[half:]))
    return np.array([sums.logloss(), sums.brier(), sums.calibration_ratio(), sums.expected_calibration_error()])


def histogram(y: Any, p: Any, g: Any) -> Any:
    return np.array([metrics.LogitHistogram().add(y, p).auc().value])


def mean_of_groups(y: Any, p: Any, g: Any) -> Any:
    mean = metrics.GroupMean().add(p.astype("float64"), np.ones(len(p)), np.ones(len(p), "int64"))
    return np.array([mean.result().value])


def of_numbers(metric: Any) -> MetricRecipe:
    """A metric of numbers and what was predicted of them."""

    def figures(y: Any, p: Any, g: Any) -> Any:
        found = metric(y + g, p + g / 2)
        return np.array(list(found.values())) if isinstance(found, dict) else np.atleast_1d(found)

    return MetricRecipe(metric, figures)


def number_sums(y: Any, p: Any, g: Any) -> Any:
    half = len(y) // 2
    sums = metrics.RegressionSums().add(y[:half] + g[:half], p[:half])
    sums.merge(metrics.RegressionSums().add(y[half:] + g[half:], p[half:]))
    return np.array([sums.rmse(), sums.mae(), sums.r2(), sums.relative_error()])


def domains(y: Any, p: Any, g: Any) -> Any:
    found = metrics.figures_by_domain(y, p, g)
    return np.array([*(value for _, figures in found.rows() for value in figures.values()), found.mean_auc])


def of_durations(metric: Any, *, curves: bool = True) -> MetricRecipe:
    """A metric of durations, events and curves over three intervals."""

    def figures(y: Any, p: Any, g: Any) -> Any:
        found = metric(
            g + p, y, *([np.stack([1 - p / 4, 1 - p / 2, 1 - p], axis=1)] if curves else []), (1.2, 2.5, 3.5)
        )
        return np.array(list(found.values())) if isinstance(found, dict) else np.atleast_1d(found)

    return MetricRecipe(metric, figures)


METRICS = (
    MetricRecipe(metrics.concordance_index, lambda y, p, g: np.array([metrics.concordance_index(g + p, y, -p * g)])),
    MetricRecipe(metrics.KaplanMeier, lambda y, p, g: metrics.KaplanMeier(g + p, y)([1.5, 2.5])),
    of_durations(metrics.life_table, curves=False),
    of_durations(metrics.survival_brier),
    of_durations(metrics.survival_nll),
    of_durations(metrics.evaluate_survival),
    of_numbers(metrics.rmse),
    of_numbers(metrics.mae),
    of_numbers(metrics.r2),
    of_numbers(metrics.evaluate_regression),
    MetricRecipe(metrics.RegressionSums, number_sums),
    MetricRecipe(metrics.figures_by_domain, domains),
    of_rows(metrics.auc),
    of_rows(metrics.brier),
    of_rows(metrics.calibration_curve),
    of_rows(metrics.calibration_ratio),
    of_rows(metrics.calibration_slope),
    of_rows(metrics.expected_calibration_error),
    of_rows(metrics.logloss),
    of_rows(metrics.normalized_entropy),
    of_rows(metrics.recalibration),
    of_rows(metrics.relative_information_gain),
    MetricRecipe(metrics.undefined_reason, lambda y, p, g: np.array([metrics.undefined_reason(y, p) is None])),
    MetricRecipe(metrics.gauc, lambda y, p, g: np.array([metrics.gauc(y, p, g).value])),
    MetricRecipe(metrics.ranking_at_k, ranking),
    MetricRecipe(
        metrics.evaluate_arrays, lambda y, p, g: np.array(list(metrics.evaluate_arrays(y, p, g, ks=(1,)).values()))
    ),
    MetricRecipe(metrics.BinarySums, sums),
    MetricRecipe(metrics.LogitHistogram, histogram),
    MetricRecipe(metrics.GroupSample, lambda y, p, g: np.array([metrics.GroupSample().add(y, p, g).gauc().value])),
    MetricRecipe(
        metrics.OrderedGroups,
        lambda y, p, g: np.array([metrics.OrderedGroups().add(y, p, g).result().value]),
        ordered=True,
    ),
    MetricRecipe(
        metrics.StreamingEvaluation,
        lambda y, p, g: np.array(list(metrics.StreamingEvaluation().add(y, p, g).result(ks=(1,)).values())),
    ),
    MetricRecipe(metrics.GroupMean, mean_of_groups),
    of_keras(keras_metrics.StreamingAUC),
    of_keras(keras_metrics.NormalizedEntropy),
    of_keras(keras_metrics.ExpectedCalibrationError),
    of_keras(keras_metrics.CalibrationRatio),
)

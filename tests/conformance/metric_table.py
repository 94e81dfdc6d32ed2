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


def grouped(metric: Any, **options: Any) -> MetricRecipe:
    """A function of labels, predictions and groups that gives a mean over groups."""
    return MetricRecipe(metric, lambda y, p, g: np.array([metric(y, p, g, **options).value]))


def by_name(make: Any) -> MetricRecipe:
    """What makes metrics by name: each of rows, and as a mean over groups."""

    def figures(y: Any, p: Any, g: Any) -> Any:
        made = make().values()
        if isinstance(next(iter(made)), metrics.SumMetric):
            return np.array([value for one in made for value in (one.value(y, p), one.by_group(y, p, g).value)])
        return np.array([one.result(y, p, g).value for one in made])

    return MetricRecipe(make, figures)


def of_lists(metric: Any, figure: Any) -> MetricRecipe:
    """A metric of what is shown: the better half of the rows, by group."""

    def figures(y: Any, p: Any, g: Any) -> Any:
        lists = metrics.top_lists(g, np.round(p * 20).astype(int), p, k=2)
        found = figure(lists, lists.of_rows(y))
        return np.atleast_1d(getattr(found, "value", found))

    return MetricRecipe(metric, figures)


def decided(y: Any, p: Any, g: Any) -> Any:
    counts = metrics.confusion(y, p, threshold=0.4)
    return np.array(
        [counts.accuracy, counts.precision, counts.recall, counts.false_positive_rate, counts.f1, counts.lift]
    )


def sure(statistic: Any) -> Any:
    interval = metrics.bootstrap(statistic, samples=20)
    return np.array([interval.value, interval.low, interval.high])


def stream(make: Any, metric: Any) -> Any:
    """The figure of a stream of two halves, cut between groups."""

    def figures(y: Any, p: Any, g: Any) -> Any:
        one, two = make(metric), make(metric)
        for part, rows in ((one, g < 2), (two, g >= 2)):
            part.add(*(column[rows] for column in ((y, p, g) if make is metrics.GroupStream else (y, p))))
        found = one.merge(two).result()
        return np.array([getattr(found, "value", found)])

    return figures


MAE = metrics.rating_metrics()["mae"]
HITS = metrics.list_metrics(2)["hit_rate"]
SHARES, CIRCLE = np.linspace(0.1, 0.9, 21), np.array([[np.cos(at), np.sin(at)] for at in range(21)])

METRICS = (
    of_rows(metrics.mse),
    of_rows(metrics.nmae),
    MetricRecipe(metrics.confusion, decided),
    of_rows(metrics.pr_auc),
    of_rows(metrics.lift_at),
    MetricRecipe(metrics.roc_curve, lambda y, p, g: np.sort(np.concatenate(metrics.roc_curve(y, p)))),
    grouped(metrics.hit_rate_at_k, k=1),
    grouped(metrics.mean_reciprocal_rank),
    grouped(metrics.mean_average_precision),
    grouped(metrics.graded_ndcg, k=2),
    grouped(metrics.half_life_utility),
    grouped(metrics.kendall_tau),
    grouped(metrics.spearman),
    grouped(metrics.pearson),
    grouped(metrics.ndpm),
    by_name(metrics.rating_metrics),
    by_name(metrics.threshold_metrics),
    by_name(metrics.probability_metrics),
    by_name(metrics.list_metrics),
    by_name(metrics.graded_list_metrics),
    by_name(metrics.agreement_metrics),
    MetricRecipe(metrics.SumMetric, lambda y, p, g: np.array([MAE.by_group(y, p, g).value])),
    MetricRecipe(metrics.GroupMetric, lambda y, p, g: np.array([HITS.result(y, p, g).value])),
    MetricRecipe(metrics.SumStream, stream(metrics.SumStream, MAE)),
    MetricRecipe(metrics.GroupStream, stream(metrics.GroupStream, HITS)),
    of_lists(metrics.top_lists, lambda lists, hits: lists.items.astype(float)),
    of_lists(metrics.exposures, lambda lists, hits: metrics.exposures(lists.items, 21)),
    of_lists(metrics.catalogue_coverage, lambda lists, hits: metrics.catalogue_coverage(lists.items, 21)),
    of_lists(metrics.user_coverage, lambda lists, hits: metrics.user_coverage(lists.items)),
    of_lists(metrics.gini_index, lambda lists, hits: metrics.gini_index(metrics.exposures(lists.items, 21))),
    of_lists(
        metrics.exposure_entropy, lambda lists, hits: metrics.exposure_entropy(metrics.exposures(lists.items, 21))
    ),
    of_lists(metrics.novelty, lambda lists, hits: metrics.novelty(lists.items, SHARES)),
    of_lists(metrics.intra_list_diversity, lambda lists, hits: metrics.intra_list_diversity(lists.items, CIRCLE)),
    of_lists(metrics.serendipity, lambda lists, hits: metrics.serendipity(lists.items, [18], hits)),
    of_lists(metrics.ExposureCounts, lambda lists, hits: metrics.ExposureCounts(21).add(lists.items).gini_index()),
    MetricRecipe(metrics.bootstrap, lambda y, p, g: sure(MAE.resampled(y, p, g))),
    MetricRecipe(metrics.resample, lambda y, p, g: metrics.resample(MAE.resampled(y, p, g), samples=3)),
    MetricRecipe(
        metrics.interval_of,
        lambda y, p, g: np.array([metrics.interval_of(0.5, p).low, metrics.interval_of(0.5, p).high]),
    ),
    MetricRecipe(metrics.auc_resampled, lambda y, p, g: sure(metrics.auc_resampled(y, p, g))),
    MetricRecipe(metrics.pr_auc_resampled, lambda y, p, g: sure(metrics.pr_auc_resampled(y, p, g))),
    MetricRecipe(
        metrics.difference, lambda y, p, g: sure(metrics.difference(MAE.resampled(y, p, g), MAE.resampled(y, p / 2, g)))
    ),
    MetricRecipe(metrics.mean_of, lambda y, p, g: sure(metrics.mean_of([MAE.resampled(y, p, g)] * 2))),
    MetricRecipe(
        metrics.paired_permutation_test,
        lambda y, p, g: np.array([metrics.paired_permutation_test(y, p, samples=5000).p_value]),
    ),
    MetricRecipe(metrics.delong_test, lambda y, p, g: np.array([metrics.delong_test(y, p, p * g).p_value])),
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

"""The package's metrics on Beam: TFMA metrics for the Evaluator, its slices and its gate.

Name a class and this module in the EvalConfig (`from tensorflow_model_analysis.proto import config_pb2`):

    config_pb2.MetricsSpec(
        metrics=[config_pb2.MetricConfig(
            class_name="GAUC",
            module="tfctr.training.metrics.tfma_metrics",
            config='{"weighting": "impressions"}',
            threshold=config_pb2.MetricThreshold(value_threshold=...),
        )],
        query_key="user_id",
    )

Each gives the number of its numpy function: GAUC, normalized entropy, calibration ratio and ECE exactly, the
calibration slope within a bound that is far below 1e-6. What is undefined (no rows, one class, NaN predictions) is NaN,
and TFMA holds a threshold on NaN for not met. Not imported by `tfctr.training.metrics`, because it loads TFMA and Beam.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics.metric_types import register_metric
from tensorflow_model_analysis.proto import config_pb2

from tfctr.training.metrics._tfma_combiners import AccumulatorCombiner, GroupCombiner, QueryCombiner
from tfctr.training.metrics.calibration import BINS
from tfctr.training.metrics.group_mean import GroupedResult, Weighting
from tfctr.training.metrics.streaming.histogram import LogitHistogram
from tfctr.training.metrics.streaming.sums import BinarySums

__all__ = ["GAUC", "CalibrationRatio", "CalibrationSlope", "ExpectedCalibrationError", "NormalizedEntropy"]

# Bins of the logit histogram behind the calibration slope: 0.5 MB a slice, error of the slope about 1e-9.
_HISTOGRAM_BINS = 8192


class NormalizedEntropy(tfma.metrics.Metric):
    """Logloss over the entropy of the mean label: lower is better, below 1 beats predicting the mean.

    Equals `tfctr.training.metrics.normalized_entropy`.

    Args:
        name: Name of the metric in results.
    """

    def __init__(self, name: str = "normalized_entropy") -> None:
        super().__init__(_sums_metric(BinarySums.normalized_entropy), name=name)


class CalibrationRatio(tfma.metrics.Metric):
    """Mean prediction over mean label: 1 is right. Equals `tfctr.training.metrics.calibration_ratio`.

    Args:
        name: Name of the metric in results.
    """

    def __init__(self, name: str = "calibration_ratio") -> None:
        super().__init__(_sums_metric(BinarySums.calibration_ratio), name=name)


class ExpectedCalibrationError(tfma.metrics.Metric):
    """ECE with equal-width buckets: lower is better. Equals `tfctr.training.metrics.expected_calibration_error`.

    Args:
        bins: Number of buckets.
        name: Name of the metric in results.
    """

    def __init__(self, bins: int = BINS, name: str = "expected_calibration_error") -> None:
        super().__init__(_sums_metric(BinarySums.expected_calibration_error), bins=bins, name=name)


class CalibrationSlope(tfma.metrics.Metric):
    """Slope of the logistic recalibration: 1 is right, below 1 the predictions are too extreme.

    Within `<name>_error` of `tfctr.training.metrics.calibration_slope`. Also gives `<name>_intercept` and
    `<name>_error`, the bound.

    Args:
        name: Name of the metric in results.
    """

    def __init__(self, name: str = "calibration_slope") -> None:
        super().__init__(tfma.metrics.merge_per_key_computations(_slope_computations), name=name)


class GAUC(tfma.metrics.Metric):
    """AUC inside each group, averaged over groups. Equals `tfctr.training.metrics.gauc`.

    Also gives `<name>_skipped_groups_share` and `<name>_skipped_rows_share`. The group comes from one of two places:

    - `query_key` of the MetricsSpec: TFMA brings the rows of a group together on one worker, and only nine sums are
      kept: exact for any number of rows. TFMA puts a whole group into every slice that any of its rows is in, so use it
      unsliced, or with slices by columns that are constant inside a group (country of the user).
    - `group_key` in this metric's config: the rows themselves are kept, so that any slice is right. Exact up to
      `max_held_rows` rows a slice; beyond, a hashed sample of groups, and `<name>_standard_error` is above 0.

    Args:
        weighting: Weight of a group: "impressions", "clicks" or "uniform".
        min_rows: Smallest group that counts, in rows.
        max_rows: Largest group that counts; None means no limit.
        group_key: Column of the examples with the group; empty means that the MetricsSpec has a query_key.
        max_held_rows: Rows held a slice with `group_key`, 24 bytes each.
        name: Name of the metric in results. Two GAUCs of different settings need different names.

    Raises:
        ValueError: When the evaluation is built: neither or both of query_key and group_key are given.
    """

    def __init__(
        self,
        weighting: Weighting = "impressions",
        min_rows: int = 1,
        max_rows: int | None = None,
        group_key: str = "",
        max_held_rows: int = 1_000_000,
        name: str = "gauc",
    ) -> None:
        super().__init__(
            tfma.metrics.merge_per_key_computations(_gauc_computations),
            weighting=weighting,
            min_rows=min_rows,
            max_rows=max_rows,
            group_key=group_key,
            max_held_rows=max_held_rows,
            name=name,
        )


for _metric in (GAUC, NormalizedEntropy, CalibrationRatio, ExpectedCalibrationError, CalibrationSlope):
    register_metric(_metric)


# --- computations: TFMA calls them by the names of their arguments ------------------


def _sums_metric(figure: Callable[[BinarySums], float]) -> Callable[..., Any]:
    def computations(
        name: str,
        bins: int = BINS,
        eval_config: config_pb2.EvalConfig | None = None,
        model_name: str = "",
        output_name: str = "",
        example_weighted: bool = False,
    ) -> list[Any]:
        keys = partial(_key, model_name, output_name, example_weighted)
        source = keys(f"_binary_sums_{bins}")  # shared by all metrics of the same buckets
        combiner = AccumulatorCombiner(source, partial(BinarySums, bins=bins), eval_config)
        return _derive(source, combiner, lambda sums: {keys(name): figure(sums)}, [keys(name)])

    merged: Callable[..., Any] = tfma.metrics.merge_per_key_computations(computations)
    return merged


def _slope_computations(
    name: str,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> list[Any]:
    keys = partial(_key, model_name, output_name, example_weighted)
    slope, intercept, error = keys(name), keys(f"{name}_intercept"), keys(f"{name}_error")

    def figures(histogram: LogitHistogram) -> dict[Any, float]:
        fit = histogram.recalibration()
        return {slope: fit.slope, intercept: fit.intercept, error: fit.slope_error}

    source = keys("_logit_histogram")
    combiner = AccumulatorCombiner(source, partial(LogitHistogram, bins=_HISTOGRAM_BINS), eval_config)
    return _derive(source, combiner, figures, [slope, intercept, error])


def _gauc_computations(
    name: str,
    weighting: Weighting,
    min_rows: int,
    max_rows: int | None,
    group_key: str,
    max_held_rows: int,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
    query_key: str = "",
) -> list[Any]:
    if bool(query_key) == bool(group_key):
        raise ValueError(
            "GAUC needs to know its groups: give either query_key in the MetricsSpec or group_key in the metric's "
            f"config. Received: query_key={query_key!r}, group_key={group_key!r}."
        )
    keys = partial(_key, model_name, output_name, example_weighted)
    value, standard_error = keys(name), keys(f"{name}_standard_error")
    skipped_groups, skipped_rows = keys(f"{name}_skipped_groups_share"), keys(f"{name}_skipped_rows_share")

    def figures(result: GroupedResult) -> dict[Any, float]:
        return {
            value: result.value,
            standard_error: result.standard_error,
            skipped_groups: result.skipped_groups_share,
            skipped_rows: result.skipped_rows_share,
        }

    source = keys(f"_{name}_groups")
    options = (weighting, min_rows, max_rows)
    if query_key:
        combiner: Any = QueryCombiner(source, options, eval_config)
        preprocessors = None
    else:
        combiner = GroupCombiner(source, options, group_key, max_held_rows, eval_config)
        preprocessors = [tfma.metrics.FeaturePreprocessor(feature_keys=[group_key])]
    return _derive(source, combiner, figures, [value, standard_error, skipped_groups, skipped_rows], preprocessors)


def _key(model_name: str, output_name: str, example_weighted: bool, name: str) -> Any:
    return tfma.metrics.MetricKey(
        name=name, model_name=model_name, output_name=output_name, example_weighted=example_weighted
    )


def _derive(
    source: Any,
    combiner: Any,
    figures: Callable[[Any], dict[Any, float]],
    keys: list[Any],
    preprocessors: list[Any] | None = None,
) -> list[Any]:
    """One private computation (TFMA runs equal ones once) and the public figures read from its output."""

    def result(metrics: dict[Any, Any]) -> dict[Any, float]:
        return figures(metrics[source])

    return [
        tfma.metrics.MetricComputation(keys=[source], preprocessors=preprocessors, combiner=combiner),
        tfma.metrics.DerivedMetricComputation(keys=keys, result=result),
    ]

"""AUC on Beam as the gate needs it, and figures of large slices alone.

TFMA's own AUC (and its calibration plot) stop the whole evaluation at a prediction that is not a number, and take a
row at a time. These read the same rows into tfctr's `LogitHistogram`: NaN predictions and rows of one class give NaN,
which fails any bound, and the error against the exact AUC is far below 1e-4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util

from tfctr.training.metrics._tfma_combiners import AccumulatorCombiner
from tfctr.training.metrics.regression_sums import RegressionSums
from tfctr.training.metrics.streaming import LogitHistogram
from tfctr.training.metrics.tfma_regression import number_sums

AUC, LARGE_SLICE_AUC, LARGE_SLICE_RMSE = "auc", "large_slice_auc", "large_slice_rmse"
_BINS = 65_536


class StreamedAUC(metric_types.Metric):
    """Area under the ROC curve, one pass over the rows, 3.7 MB a slice.

    Args:
        name: Name of the metric.
    """

    def __init__(self, name: str = AUC):
        super().__init__(metric_util.merge_per_key_computations(_auc), name=name)


class LargeSliceAUC(metric_types.Metric):
    """AUC of slices with enough rows and both classes; 1 for all others, so that those never veto.

    TFMA's thresholds hold for every slice they name, and TFMA's `min_slice_size` makes small slices fail with
    "metric not found" instead of passing. The plain AUC stands beside this one for people to read.

    Args:
        rows_min: Slices with fewer rows pass.
        name: Name of the metric.
    """

    def __init__(self, rows_min: int = 1000, name: str = LARGE_SLICE_AUC):
        super().__init__(metric_util.merge_per_key_computations(_large_slice_auc), name=name, rows_min=rows_min)


class LargeSliceRMSE(metric_types.Metric):
    """RMSE of slices with enough rows; 0 for all others, so that those never veto. See `LargeSliceAUC`.

    A large slice with a prediction that is no number has NaN, which breaks any bound.

    Args:
        rows_min: Slices with fewer rows pass.
        name: Name of the metric.
    """

    def __init__(self, rows_min: int = 1000, name: str = LARGE_SLICE_RMSE):
        super().__init__(metric_util.merge_per_key_computations(_large_slice_rmse), name=name, rows_min=rows_min)


for _metric in (StreamedAUC, LargeSliceAUC, LargeSliceRMSE):
    metric_types.register_metric(_metric)


def _auc(
    name: str,
    eval_config: tfma.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    """TFMA calls this by the names of its arguments."""
    names = {"model_name": model_name, "output_name": output_name, "example_weighted": example_weighted}
    key, histogram = metric_types.MetricKey(name=name, **names), _histogram(eval_config, names)

    def result(metrics: dict[metric_types.MetricKey, Any]) -> dict[metric_types.MetricKey, Any]:
        return {key: metrics[histogram.keys[0]].auc().value}

    return [histogram, metric_types.DerivedMetricComputation(keys=[key], result=result)]


def _large_slice_auc(
    rows_min: int,
    name: str,
    eval_config: tfma.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    names = {"model_name": model_name, "output_name": output_name, "example_weighted": example_weighted}

    def auc(rows: float, histogram: LogitHistogram) -> float:
        value = histogram.auc().value
        return value if rows >= rows_min and not math.isnan(value) else 1.0

    return _of_large_slices(name, names, _histogram(eval_config, names), auc)


def _large_slice_rmse(
    rows_min: int,
    name: str,
    eval_config: tfma.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    names = {"model_name": model_name, "output_name": output_name, "example_weighted": example_weighted}

    def rmse(rows: float, sums: RegressionSums) -> float:
        return sums.rmse() if rows >= rows_min and sums.rows else 0.0

    return _of_large_slices(name, names, number_sums(eval_config, names), rmse)


def _of_large_slices(
    name: str, names: dict[str, Any], source: metric_types.MetricComputation, figure: Callable[[float, Any], float]
) -> metric_types.MetricComputations:
    """A figure of a slice's rows and of what `source` made of them."""
    key = metric_types.MetricKey(name=name, **names)
    rows = tfma.metrics.ExampleCount(name=f"_{name}_rows").computations(
        model_names=[names["model_name"]], output_names=[names["output_name"]]
    )

    def result(metrics: dict[metric_types.MetricKey, Any]) -> dict[metric_types.MetricKey, Any]:
        return {key: figure(float(metrics[rows[-1].keys[-1]]), metrics[source.keys[0]])}

    return [source, *rows, metric_types.DerivedMetricComputation(keys=[key], result=result)]


def _histogram(eval_config: tfma.EvalConfig | None, names: dict[str, Any]) -> metric_types.MetricComputation:
    """The rows by logit; TFMA makes one of equal computations."""
    key = metric_types.MetricKey(name="_gate_histogram", **names)
    combiner = AccumulatorCombiner(key, partial(LogitHistogram, bins=_BINS), eval_config)
    return metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)

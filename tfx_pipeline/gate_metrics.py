"""Metrics that TFMA lacks and the gate needs."""

from __future__ import annotations

from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util

LARGE_SLICE_AUC = "large_slice_auc"


class LargeSliceAUC(metric_types.Metric):
    """AUC of slices with enough rows and both classes; 1 for all others, so that those never veto.

    TFMA's thresholds hold for every slice they name, and TFMA's `min_slice_size` makes small slices fail with
    "metric not found" instead of passing. The plain AUC stands beside this one for people to read.

    Args:
        rows_min: Slices with fewer rows pass.
        name: Name of the metric.
    """

    def __init__(self, rows_min: int = 1000, name: str = LARGE_SLICE_AUC):
        computations = metric_util.merge_per_key_computations(_large_slice_auc)
        super().__init__(computations, name=name, rows_min=rows_min)


metric_types.register_metric(LargeSliceAUC)


def _large_slice_auc(
    rows_min: int,
    name: str,
    eval_config: tfma.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    key = metric_types.MetricKey(
        name=name, model_name=model_name, output_name=output_name, example_weighted=example_weighted
    )

    def parts(metric: metric_types.Metric, weighted: bool) -> metric_types.MetricComputations:
        return metric.computations(
            eval_config=eval_config, model_names=[model_name], output_names=[output_name], example_weighted=weighted
        )

    auc = parts(tfma.metrics.AUC(name=f"_{name}"), example_weighted)
    labels = parts(tfma.metrics.MeanLabel(name=f"_{name}_label"), example_weighted)
    rows = parts(tfma.metrics.ExampleCount(name=f"_{name}_rows"), False)
    auc_key, label_key, rows_key = auc[-1].keys[-1], labels[-1].keys[-1], rows[-1].keys[-1]

    def result(metrics: dict[metric_types.MetricKey, Any]) -> dict[metric_types.MetricKey, Any]:
        counts = float(metrics[rows_key]) >= rows_min and 0 < float(metrics[label_key]) < 1
        return {key: float(metrics[auc_key]) if counts else 1.0}

    return [*auc, *labels, *rows, metric_types.DerivedMetricComputation(keys=[key], result=result)]

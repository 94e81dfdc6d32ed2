"""Errors of numbers on Beam: TFMA metrics for the Evaluator, its slices and its gate.

Each equals its numpy function exactly, in eight sums a slice. What is undefined (no rows, predictions that are no
numbers, for R² labels that are all alike) is NaN, and TFMA holds a threshold on NaN for not met. Not imported by
`tfctr.training.metrics`, because it loads TFMA and Beam.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics.metric_types import register_metric
from tensorflow_model_analysis.proto import config_pb2

from tfctr.training.metrics._tfma_combiners import AccumulatorCombiner
from tfctr.training.metrics.regression_sums import RegressionSums

__all__ = ["RegressionMAE", "RegressionR2", "RegressionRMSE", "number_sums"]


class RegressionRMSE(tfma.metrics.Metric):
    """Root mean squared error in the label's unit: lower is better. Equals `tfctr.training.metrics.rmse`.

    Also gives ``mean_label`` and ``mean_prediction``.

    Args:
        name: Name of the metric in results.
    """

    def __init__(self, name: str = "rmse") -> None:
        means = {"mean_label": RegressionSums.mean_label, "mean_prediction": RegressionSums.mean_prediction}
        super().__init__(_figures(RegressionSums.rmse, means), name=name)


class RegressionMAE(tfma.metrics.Metric):
    """Mean absolute error in the label's unit: lower is better. Equals `tfctr.training.metrics.mae`.

    Args:
        name: Name of the metric in results.
    """

    def __init__(self, name: str = "mae") -> None:
        super().__init__(_figures(RegressionSums.mae), name=name)


class RegressionR2(tfma.metrics.Metric):
    """Share of the labels' variance explained: higher is better, 0 is their mean. Equals `tfctr.training.metrics.r2`.

    Args:
        name: Name of the metric in results.
    """

    def __init__(self, name: str = "r2") -> None:
        super().__init__(_figures(RegressionSums.r2), name=name)


for _metric in (RegressionRMSE, RegressionMAE, RegressionR2):
    register_metric(_metric)


def number_sums(eval_config: config_pb2.EvalConfig | None, names: dict[str, Any]) -> Any:
    """Return the computation of a slice's `RegressionSums`; TFMA makes one of equal computations.

    Args:
        eval_config: As TFMA hands it to a metric.
        names: Names of model and output, and whether rows are weighted, as TFMA hands them to a metric.
    """
    key = tfma.metrics.MetricKey(name="_regression_sums", **names)
    combiner = AccumulatorCombiner(key, RegressionSums, eval_config)
    return tfma.metrics.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)


Figure = Callable[[RegressionSums], float]


def _figures(figure: Figure, others: Mapping[str, Figure] | None = None) -> Callable[..., Any]:
    """A figure under the metric's name, and others under their own."""

    def computations(  # TFMA calls it by the names of its arguments
        name: str,
        eval_config: config_pb2.EvalConfig | None = None,
        model_name: str = "",
        output_name: str = "",
        example_weighted: bool = False,
    ) -> list[Any]:
        names = {"model_name": model_name, "output_name": output_name, "example_weighted": example_weighted}
        sums = number_sums(eval_config, names)
        all_figures = {name: figure, **(others or {})}
        keys = {tfma.metrics.MetricKey(name=public, **names): one for public, one in all_figures.items()}

        def result(metrics: dict[Any, Any]) -> dict[Any, float]:
            return {key: one(metrics[sums.keys[0]]) for key, one in keys.items()}

        return [sums, tfma.metrics.DerivedMetricComputation(keys=list(keys), result=result)]

    merged: Callable[..., Any] = tfma.metrics.merge_per_key_computations(computations)
    return merged

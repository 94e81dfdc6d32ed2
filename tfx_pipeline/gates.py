"""Bounds of a spec as a TFMA config: TFMA is the gate, and the only one.

Every model is held to a finite logloss (RMSE, Brier score), whatever the spec says, so a model that predicts NaN is
never blessed: a NaN fails any bound.
"""

from __future__ import annotations

import json
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from tfctr.spec import FeatureSpec, Gates, RegressionTask, SurvivalTask
from tfctr.spec.gates import bound_for
from tfctr.training.metrics.tfma_metrics import GAUC
from tfctr.training.metrics.tfma_regression import RegressionMAE, RegressionR2, RegressionRMSE
from tfctr.training.metrics.tfma_survival import CIndex, IntegratedBrier
from tfx_pipeline.components.outcomes import Outcome, outcomes_of
from tfx_pipeline.gate_metrics import (
    AUC,
    LARGE_SLICE_AUC,
    LARGE_SLICE_RMSE,
    LargeSliceAUC,
    LargeSliceRMSE,
    StreamedAUC,
)

FINITE = 1e6
"""Bound of the logloss where the spec has none; clipped probabilities cannot reach it, NaN and inf break it."""

FINITE_NUMBER = 1e60
"""The same of an RMSE: no float32 is so far from another."""

_HIGHER, _LOWER = tfma.MetricDirection.HIGHER_IS_BETTER, tfma.MetricDirection.LOWER_IS_BETTER
_OVERALL = tfma.SlicingSpec()


def eval_config(spec: FeatureSpec) -> tfma.EvalConfig:
    """Return the evaluator's config: predictions through `serving_default`, metrics, slices and bounds."""
    outcomes = outcomes_of(spec)
    several = len(outcomes) > 1
    return tfma.EvalConfig(
        model_specs=[_model_spec(outcomes)],
        slicing_specs=[_OVERALL, *_slicing(slice_columns(spec))],
        metrics_specs=[
            tfma.MetricsSpec(metrics=_metrics_of(outcome, spec), output_names=[outcome.name] if several else [])
            for outcome in outcomes
        ],
    )


def columns_read(config: tfma.EvalConfig) -> set[str]:
    """Return the columns that an evaluator with this config looks at: labels, weights, slices and groups."""
    wanted: set[str] = set()
    for model in config.model_specs:
        wanted |= {model.label_key, model.example_weight_key, *model.label_keys.values()}
        wanted |= set(model.example_weight_keys.values())
    for slices in config.slicing_specs:
        wanted |= set(slices.feature_keys)
    for metrics in config.metrics_specs:
        settings = (json.loads(metric.config) for metric in metrics.metrics if metric.config)
        wanted |= {found["group_key"] for found in settings if "group_key" in found}
    return wanted - {""}


def _metrics_of(outcome: Outcome, spec: FeatureSpec) -> list[tfma.MetricConfig]:
    if isinstance(outcome.task, SurvivalTask):
        return _survival_metrics(outcome.task, spec.gates)
    if isinstance(outcome.task, RegressionTask):
        return _regression_metrics(outcome.task, spec.gates)
    return _metrics(spec)


def slice_columns(spec: FeatureSpec) -> tuple[tuple[str, ...], ...]:
    """Columns of every slice: those of the gates, and the domain where there is one, which unnamed cannot veto."""
    domain = ((spec.meta.domain,),) if spec.meta.domain else ()
    return tuple(dict.fromkeys((*spec.gates.slices, *domain)))


def _slicing(columns: tuple[tuple[str, ...], ...]) -> list[tfma.SlicingSpec]:
    return [tfma.SlicingSpec(feature_keys=list(names)) for names in columns]


def _model_spec(outcomes: tuple[Outcome, ...]) -> tfma.ModelSpec:
    if len(outcomes) == 1:
        only = outcomes[0]
        return tfma.ModelSpec(
            signature_name="serving_default",
            prediction_key=only.name,
            label_key=only.label_column,
            example_weight_key=only.weight_column or "",
        )
    weights = {outcome.name: outcome.weight_column for outcome in outcomes if outcome.weight_column}
    return tfma.ModelSpec(
        signature_name="serving_default",
        prediction_keys={outcome.name: outcome.name for outcome in outcomes},
        label_keys={outcome.name: outcome.label_column for outcome in outcomes},
        example_weight_keys=weights,
    )


def _metrics(spec: FeatureSpec) -> list[tfma.MetricConfig]:
    gates = spec.gates
    metrics = [
        tfma.MetricConfig(class_name="ExampleCount"),
        tfma.MetricConfig(class_name="MeanLabel"),
        tfma.MetricConfig(class_name="MeanPrediction"),
        _bounded(
            "StreamedAUC",
            name=AUC,
            module=StreamedAUC.__module__,
            value=_at_least(gates.auc_min),
            change=_change(gates.auc_drop_max, _HIGHER),
        ),
        _bounded(
            "BinaryCrossEntropy",
            name="logloss",
            value=_at_most(gates.logloss_max, FINITE),
            change=_change(gates.logloss_rise_max, _LOWER),
        ),
        _bounded("Calibration", value=_between(gates.calibration_min, gates.calibration_max)),
    ]
    if spec.meta.group:
        config = json.dumps({"group_key": spec.meta.group})
        metrics.append(tfma.MetricConfig(class_name=GAUC.__name__, module=GAUC.__module__, config=config))
    if gates.slice_auc_min is not None:
        metrics.append(_of_slices(LargeSliceAUC, LARGE_SLICE_AUC, gates, _at_least(gates.slice_auc_min)))
    return metrics


def _of_slices(
    metric: type[tfma.metrics.Metric], name: str, gates: Gates, bound: tfma.GenericValueThreshold
) -> tfma.MetricConfig:
    """Return a metric whose bound holds for the slices that the gates name."""
    threshold = tfma.MetricThreshold(value_threshold=bound)
    named = _slicing(gates.slices)
    return tfma.MetricConfig(
        class_name=metric.__name__,
        module=metric.__module__,
        config=json.dumps({"rows_min": gates.slice_rows_min, "name": name}),
        per_slice_thresholds=[config_pb2.PerSliceMetricThreshold(slicing_specs=named, threshold=threshold)]
        if named
        else [],
    )


def _regression_metrics(task: RegressionTask, gates: Gates) -> list[tfma.MetricConfig]:
    """R², RMSE and MAE; each is NaN, and breaks its bound, where a prediction is not a number."""
    rmse_max, mae_max, slice_max = (
        bound_for(bound, task.name) for bound in (gates.rmse_max, gates.mae_max, gates.slice_rmse_max)
    )
    module = RegressionR2.__module__
    metrics = [
        tfma.MetricConfig(class_name="ExampleCount"),
        _bounded(
            RegressionR2.__name__,
            name="r2",
            module=module,
            value=_at_least(gates.r2_min),
            change=_change(gates.r2_drop_max, _HIGHER),
        ),
        _bounded(RegressionRMSE.__name__, name="rmse", module=module, value=_at_most(rmse_max, FINITE_NUMBER)),
        _bounded(RegressionMAE.__name__, name="mae", module=module, value=_at_most(mae_max, FINITE_NUMBER)),
    ]
    if slice_max is not None:
        metrics.append(_of_slices(LargeSliceRMSE, LARGE_SLICE_RMSE, gates, _at_most(slice_max, FINITE_NUMBER)))
    return metrics


def _survival_metrics(task: SurvivalTask, gates: Gates) -> list[tfma.MetricConfig]:
    """C-index and Brier score; either is NaN, and breaks its bound, where a prediction is not a number."""
    settings = {"cut_points": list(task.grid)}
    return [
        tfma.MetricConfig(class_name="ExampleCount"),
        _bounded(
            CIndex.__name__,
            name="c_index",
            module=CIndex.__module__,
            settings=settings,
            value=_at_least(gates.c_index_min),
            change=_change(gates.c_index_drop_max, _HIGHER),
        ),
        _bounded(
            IntegratedBrier.__name__,
            name="brier",
            module=IntegratedBrier.__module__,
            settings=settings,
            value=_at_most(gates.brier_max, FINITE),
        ),
    ]


def _bounded(
    class_name: str,
    *,
    name: str = "",
    module: str = "",
    settings: dict[str, Any] | None = None,
    value: tfma.GenericValueThreshold | None,
    change: tfma.GenericChangeThreshold | None = None,
) -> tfma.MetricConfig:
    """Return a metric whose bounds hold on the whole; a bare `threshold` would hold for every slice."""
    config = {**(settings or {}), **({"name": name} if name else {})}
    metric = tfma.MetricConfig(class_name=class_name, module=module, config=json.dumps(config) if config else "")
    if value is not None or change is not None:
        threshold = tfma.MetricThreshold(value_threshold=value, change_threshold=change)
        metric.per_slice_thresholds.append(
            config_pb2.PerSliceMetricThreshold(slicing_specs=[_OVERALL], threshold=threshold)
        )
    return metric


def _at_least(bound: float | None) -> tfma.GenericValueThreshold | None:
    return None if bound is None else tfma.GenericValueThreshold(lower_bound={"value": bound})


def _at_most(bound: float | None, otherwise: float) -> tfma.GenericValueThreshold:
    return tfma.GenericValueThreshold(upper_bound={"value": otherwise if bound is None else bound})


def _between(low: float | None, high: float | None) -> tfma.GenericValueThreshold | None:
    if low is None and high is None:
        return None
    threshold = tfma.GenericValueThreshold()
    if low is not None:
        threshold.lower_bound.value = low
    if high is not None:
        threshold.upper_bound.value = high
    return threshold


def _change(bound: float | None, direction: int) -> tfma.GenericChangeThreshold | None:
    """Return the bound of new minus last blessed: a drop counts downwards, a rise upwards."""
    if bound is None:
        return None
    signed = -bound if direction == _HIGHER else bound
    return tfma.GenericChangeThreshold(direction=direction, absolute={"value": signed})


__all__ = ["FINITE", "eval_config", "slice_columns"]

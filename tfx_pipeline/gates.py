"""Bounds of a spec as a TFMA config: TFMA is the gate, and the only one.

Every model is held to a finite logloss, whatever the spec says, so a model that predicts NaN is never blessed:
a NaN fails any bound.
"""

from __future__ import annotations

import json
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from tfctr.spec import FeatureSpec, Gates, SurvivalTask
from tfctr.training.metrics.tfma_metrics import GAUC
from tfctr.training.metrics.tfma_survival import CIndex, IntegratedBrier
from tfx_pipeline.components.outcomes import Outcome, outcomes_of
from tfx_pipeline.gate_metrics import AUC, LARGE_SLICE_AUC, LargeSliceAUC, StreamedAUC

FINITE = 1e6
"""Bound of the logloss where the spec has none; clipped probabilities cannot reach it, NaN and inf break it."""

_HIGHER, _LOWER = tfma.MetricDirection.HIGHER_IS_BETTER, tfma.MetricDirection.LOWER_IS_BETTER
_OVERALL = tfma.SlicingSpec()


def eval_config(spec: FeatureSpec) -> tfma.EvalConfig:
    """Return the evaluator's config: predictions through `serving_default`, metrics, slices and bounds."""
    outcomes = outcomes_of(spec)
    slices = [tfma.SlicingSpec(feature_keys=list(columns)) for columns in slice_columns(spec)]
    several = len(outcomes) > 1
    return tfma.EvalConfig(
        model_specs=[_model_spec(outcomes)],
        slicing_specs=[_OVERALL, *slices],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=_survival_metrics(outcome.task, spec.gates)
                if isinstance(outcome.task, SurvivalTask)
                else _metrics(spec, slices),
                output_names=[outcome.name] if several else [],
            )
            for outcome in outcomes
        ],
    )


def slice_columns(spec: FeatureSpec) -> tuple[tuple[str, ...], ...]:
    """Columns of every slice: those of the gates, and the domain where there is one."""
    domain = ((spec.meta.domain,),) if spec.meta.domain else ()
    return tuple(dict.fromkeys((*spec.gates.slices, *domain)))


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


def _metrics(spec: FeatureSpec, slices: list[tfma.SlicingSpec]) -> list[tfma.MetricConfig]:
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
            "BinaryCrossEntropy", name="logloss", value=_at_most(gates), change=_change(gates.logloss_rise_max, _LOWER)
        ),
        _bounded("Calibration", value=_between(gates.calibration_min, gates.calibration_max)),
    ]
    if spec.meta.group:
        config = json.dumps({"group_key": spec.meta.group})
        metrics.append(tfma.MetricConfig(class_name=GAUC.__name__, module=GAUC.__module__, config=config))
    if slices and gates.slice_auc_min is not None:
        threshold = tfma.MetricThreshold(value_threshold=_at_least(gates.slice_auc_min))
        metrics.append(
            tfma.MetricConfig(
                class_name=LargeSliceAUC.__name__,
                module=LargeSliceAUC.__module__,
                config=json.dumps({"rows_min": gates.slice_rows_min, "name": LARGE_SLICE_AUC}),
                per_slice_thresholds=[config_pb2.PerSliceMetricThreshold(slicing_specs=slices, threshold=threshold)],
            )
        )
    return metrics


def _survival_metrics(task: SurvivalTask, gates: Gates) -> list[tfma.MetricConfig]:
    """C-index and Brier score; either is NaN, and breaks its bound, where a prediction is not a number."""
    settings = {"cut_points": list(task.grid)}
    brier_max = FINITE if gates.brier_max is None else gates.brier_max
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
            value=tfma.GenericValueThreshold(upper_bound={"value": brier_max}),
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


def _at_most(gates: Gates) -> tfma.GenericValueThreshold:
    bound = FINITE if gates.logloss_max is None else gates.logloss_max
    return tfma.GenericValueThreshold(upper_bound={"value": bound})


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

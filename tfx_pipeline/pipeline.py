"""The DAG: from prepared rows to a pushed model, on one page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx.components import (
    ExampleValidator,
    Pusher,
    StatisticsGen,
    Trainer,
)
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2
from tfx.types import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from tfctr.data import load_split, with_cut_points
from tfctr.spec import FeatureSpec, Gates, Problem, SpecError
from tfx_pipeline.components.anomaly_gate import AnomalyGate
from tfx_pipeline.components.curated_schema import CuratedSchema
from tfx_pipeline.components.evaluator import Evaluator
from tfx_pipeline.components.last_blessed import LastBlessedElsewhere, LastBlessedOther
from tfx_pipeline.components.parity import Parity
from tfx_pipeline.components.parquet_example_gen import parquet_example_gen
from tfx_pipeline.components.transform import Transform
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.fingerprint import code_of, package_versions
from tfx_pipeline.gates import eval_config
from tfx_pipeline.model_check import check_settings

_MODULES = "tfx_pipeline.modules"
_COMPONENTS = "tfx_pipeline.components"
_METRICS = (
    "tfctr.training.metrics.tfma_metrics:GAUC",
    "tfctr.training.metrics.tfma_survival:CIndex",
    "tfctr.training.metrics.tfma_regression:RegressionRMSE",
)


def create_pipeline(
    config: PipelineConfig, prepared: str, *, root: str | None = None, for_kubeflow: bool = False
) -> Pipeline:
    """Return the pipeline of a run.

    Args:
        config: What to run.
        prepared: Folder of the prepared splits, one folder of Parquet files each.
        root: Where artifacts are kept; None takes ``workdir/pipeline``. A storage URI for Kubeflow.
        for_kubeflow: Whether the DAG will be compiled for Kubeflow Pipelines, whose specification knows no
            other resolver than "latest blessed model".

    Raises:
        SpecError: When the spec is wrong, or model or plan are unknown or need what the spec lacks.
    """
    spec = _cut(config.read_spec(), prepared, for_kubeflow)
    check_settings(config, spec)
    # What data, transform and training do not depend on is left out, lest a new bound re-runs them.
    lean = _without_gates(spec).model_dump_json()

    example_gen = parquet_example_gen(prepared, lean)
    examples = example_gen.outputs["examples"]
    statistics_gen = StatisticsGen(examples=examples)
    curated_schema = CuratedSchema(spec=lean)
    schema = curated_schema.outputs["schema"]
    validator = ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema)
    anomaly_gate = AnomalyGate(anomalies=validator.outputs["anomalies"])

    transform = Transform(examples=examples, schema=schema, spec=lean)
    transform.add_upstream_node(anomaly_gate)
    transformed, graph = transform.outputs["transformed_examples"], transform.outputs["transform_graph"]

    base = _base_model(graph, for_kubeflow) if config.warm_start else None
    training_code = code_of(f"{_MODULES}.trainer_module", f"tfctr.models:{config.model}", f"tfctr.plans:{config.plan}")
    trainer = Trainer(
        examples=transformed,
        transform_graph=graph,
        run_fn=f"{_MODULES}.trainer_module.run_fn",
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["valid"]),
        base_model=base.outputs["model"] if base else None,
        custom_config=trainer_settings(config, spec) | {"code": training_code},
    )
    model = trainer.outputs["model"]

    last_blessed = _last_blessed(model, for_kubeflow)
    evaluator = Evaluator(
        examples=examples,
        model=model,
        baseline_model=last_blessed.outputs["model"],
        schema=schema,
        eval_config=eval_config(spec),
        example_splits=["test"],
    )
    parity = Parity(
        examples=examples,
        transformed_examples=transformed,
        transform_graph=graph,
        model=model,
        model_run=trainer.outputs["model_run"],
        spec=lean,
        rows=config.parity_rows,
        tolerance=config.parity_tolerance,
    )
    pusher = Pusher(
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=parity.outputs["blessing"],  # holds the model with the parity report beside it
        push_destination=_destination(config, spec),
    )

    _stamp(example_gen, code_of(f"{_COMPONENTS}.parquet_example_gen"))
    _stamp(curated_schema, code_of(f"{_COMPONENTS}.curated_schema"))
    _stamp(anomaly_gate, code_of(f"{_COMPONENTS}.anomaly_gate"))
    _stamp(transform, code_of(f"{_COMPONENTS}.transform"))
    _stamp(trainer, training_code)
    _stamp(evaluator, code_of(f"{_COMPONENTS}.evaluator", "tfx_pipeline.gate_metrics", *_METRICS))
    _stamp(parity, code_of(f"{_COMPONENTS}.parity"))

    steps = [example_gen, statistics_gen, curated_schema, validator, anomaly_gate, transform]
    steps += [base, trainer, last_blessed] if base else [trainer, last_blessed]
    return Pipeline(
        pipeline_name=spec.name.replace("_", "-"),
        pipeline_root=root or str(config.workdir.absolute() / "pipeline"),
        components=[*steps, evaluator, parity, pusher],
        enable_cache=config.cache,
        metadata_connection_config=sqlite_metadata_connection_config(str(config.metadata_path.absolute())),
        beam_pipeline_args=list(config.beam_args),
    )


def trainer_settings(config: PipelineConfig, spec: FeatureSpec) -> dict[str, Any]:
    """Return what the trainer module is told of a run."""
    return {
        "spec": _without_gates(spec).model_dump_json(),
        "model": config.model,
        "hyperparameters": config.hyperparameters,
        "plan": config.plan,
        "plan_settings": config.plan_settings,
        "table_precision": config.table_precision,
        "fit": config.fit,
        "batch_size": config.batch_size,
        "seed": config.seed,
        "warm_start": config.new_rows if config.warm_start else None,
    }


def _cut(spec: FeatureSpec, prepared: str, for_kubeflow: bool) -> FeatureSpec:
    """The spec with cut points for quantiles of survival tasks, from the prepared training rows."""
    keys = [f"tasks.{i}.quantiles" for i, task in enumerate(spec.tasks) if getattr(task, "quantiles", None)]
    if keys and for_kubeflow:
        message = "are found in training rows, which are not read here; give cut_points"
        raise SpecError([Problem(message, key) for key in keys])
    return with_cut_points(spec, load_split(Path(prepared) / "train")) if keys else spec


def _without_gates(spec: FeatureSpec) -> FeatureSpec:
    return spec.model_copy(update={"gates": Gates(), "description": ""})


def _last_blessed(model: Channel, for_kubeflow: bool) -> Resolver:
    strategy: dict[str, Any] = {"strategy_class": LastBlessedOther, "candidate": model}
    return _blessed(strategy, for_kubeflow).with_id("LastBlessed")


def _base_model(transform_graph: Channel, for_kubeflow: bool) -> Resolver:
    strategy: dict[str, Any] = {"strategy_class": LastBlessedElsewhere, "data": transform_graph}
    return _blessed(strategy, for_kubeflow).with_id("BaseModel")


def _blessed(strategy: dict[str, Any], for_kubeflow: bool) -> Resolver:
    if for_kubeflow:
        strategy = {"strategy_class": LatestBlessedModelStrategy}
    return Resolver(**strategy, model=Channel(type=Model), model_blessing=Channel(type=ModelBlessing))


def _destination(config: PipelineConfig, spec: FeatureSpec) -> pusher_pb2.PushDestination:
    folder = config.serving.absolute() / spec.name
    return pusher_pb2.PushDestination(filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(folder)))


def _stamp(component: BaseComponent, files: dict[str, str]) -> None:
    """Add the code a step runs, and the versions below it, to its execution properties.

    TFX hashes a `module_file`, but not an importable module, and nothing of what either imports.
    """
    stamp = {"files": files, "packages": package_versions()}
    component.spec.exec_properties["code"] = json.dumps(stamp, sort_keys=True)

"""The same DAG as a Kubeflow Pipelines v2 specification, made without network."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from kfp import components
from typer.testing import CliRunner

from tfx_pipeline.commands import app
from tfx_pipeline.compile import compile_pipeline
from tfx_pipeline.config import PipelineConfig

TASKS = {
    "ExampleGen", "StatisticsGen", "CuratedSchema", "ExampleValidator", "AnomalyGate", "Transform", "Trainer",
    "LastBlessed-model-blessing-resolver", "LastBlessed-model-resolver", "Evaluator", "Parity", "Pusher",
}  # fmt: skip


@pytest.fixture(scope="module")
def compiled(settings: Callable[..., PipelineConfig], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("compiled")
    make = lambda suffix: compile_pipeline(  # noqa: E731
        settings(), "gs://bucket/prepared", "gs://bucket/runs", "registry/tfctr:1", folder / f"pipeline.{suffix}"
    )
    return {suffix: make(suffix) for suffix in ("yaml", "json")}


def test_kfp_loads_it(compiled: dict[str, Path]) -> None:
    pipeline = components.load_component_from_file(str(compiled["yaml"]))
    assert pipeline.name == "simulated-ads"
    assert set(pipeline.pipeline_spec.root.dag.tasks) == TASKS


def test_every_step_runs_the_given_image(compiled: dict[str, Path]) -> None:
    job = json.loads(compiled["json"].read_text())
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    images = {name: e["container"]["image"] for name, e in executors.items() if "container" in e}
    assert set(images.values()) == {"registry/tfctr:1"}
    assert len(images) == 10
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/runs"


def test_order_of_the_steps(compiled: dict[str, Path]) -> None:
    pipeline = components.load_component_from_file(str(compiled["yaml"])).pipeline_spec
    tasks = pipeline.root.dag.tasks
    assert "AnomalyGate" in tasks["Transform"].dependent_tasks
    assert {"Evaluator", "Parity"} <= set(tasks["Pusher"].dependent_tasks)


def test_a_warm_start_takes_the_last_blessed_model(settings: Callable[..., PipelineConfig], tmp_path: Path) -> None:
    config = settings(warm_start=True)
    written = compile_pipeline(config, "gs://bucket/prepared", "gs://bucket/runs", "r/tfctr:1", tmp_path / "p.yaml")
    tasks = components.load_component_from_file(str(written)).pipeline_spec.root.dag.tasks
    assert set(tasks) == TASKS | {"BaseModel-model-blessing-resolver", "BaseModel-model-resolver"}
    base = tasks["Trainer"].inputs.artifacts["base_model"].task_output_artifact
    assert base.producer_task == "BaseModel-model-resolver"


def test_the_command(settings: Callable[..., PipelineConfig], tmp_path: Path) -> None:
    output = tmp_path / "pipeline.yaml"
    arguments = ["compile", "--spec", str(settings().spec), "--prepared", "/data", "--root", "/runs", "--image", "i:1"]
    answer = CliRunner().invoke(app, [*arguments, "--output", str(output)])
    assert answer.exit_code == 0, answer.output
    assert output.exists()


def test_an_unknown_model_is_said(settings: Callable[..., PipelineConfig], tmp_path: Path) -> None:
    arguments = ["compile", "--spec", str(settings().spec), "--prepared", "/d", "--root", "/r", "--image", "i:1"]
    answer = CliRunner().invoke(app, [*arguments, "--model", "FinalMPL", "--output", str(tmp_path / "p.yaml")])
    assert answer.exit_code == 1
    assert "did you mean 'FinalMLP'" in answer.output

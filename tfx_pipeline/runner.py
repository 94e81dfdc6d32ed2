"""Runs the DAG on this machine and says what happens, a line a step."""

from __future__ import annotations

import datetime
import shutil
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from absl import flags
from ml_metadata.proto import metadata_store_pb2 as pb
from rich.console import Console
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx_bsl.coders import batch_util

from tfctr.data._locks import locked
from tfctr.data._prepare import prepare
from tfctr.spec import FeatureSpec
from tfx_pipeline import terminal
from tfx_pipeline.components.anomaly_gate import AnomaliesFound
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.console import quiet
from tfx_pipeline.explain import History, Step, explain
from tfx_pipeline.files import SPLITS
from tfx_pipeline.model_check import check_settings
from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.report import domains_of_run, write_report
from tfx_pipeline.results import Results, read_results
from tfx_pipeline.run_record import RunRecord, StepReport


class StepFailed(Exception):
    """A step of the pipeline failed; the message says which and why in short, the log has the rest."""

    def __init__(self, node: str, cause: str, log: Path, anomalies: AnomaliesFound | None = None):
        self.node, self.cause, self.log, self.anomalies = node, cause, log, anomalies
        super().__init__(f"{node} failed: {cause}\nThe whole log: {log}")


@dataclass
class RunReport:
    """What a run did and what came of it.

    Attributes:
        steps: In order.
        results: Verdict, parity, where it was pushed.
        page: The HTML report.
        log: The frameworks' log.
        seconds: Of the whole run.
    """

    log: Path
    steps: list[StepReport] = field(default_factory=list)
    results: Results | None = None
    page: Path | None = None
    seconds: float = 0.0


def run(config: PipelineConfig) -> RunReport:
    """Prepare the data, run every step, write the report.

    Raises:
        SpecError: When the spec or the gates are wrong, or do not fit the model.
        DataError: When another process runs in the work folder.
        StepFailed: When a step fails; the steps before it are kept, and the next run goes on there.
    """
    spec = config.read_spec()
    check_settings(config, spec)
    with locked(config.workdir, wait_seconds=0):
        return _run(config, spec)


def _run(config: PipelineConfig, spec: FeatureSpec) -> RunReport:
    config.write()
    cut_batches_by_size()
    log = config.workdir / "logs" / f"run-{datetime.datetime.now():%Y%m%d-%H%M%S}.log"
    report, began, started = RunReport(log), time.time(), time.perf_counter()
    with quiet(log) as console:
        terminal.headline(console, spec.name, config)
        folder = _prepare(config, spec, report, console)
        _forget_deleted_versions(config)
        pipeline = create_pipeline(config, folder)
        for step in _run_steps(pipeline, config, log, console):
            report.steps.append(step)
            terminal.step_line(console, step.node, step.cached, step.seconds, step.why)
        RunRecord(began, time.perf_counter() - started, str(log), tuple(report.steps)).write(config.workdir)
        report.results = read_results(config, spec)
        report.page = write_report(config, spec, report.results)
        report.seconds = time.perf_counter() - started
        terminal.outcome(console, report.results, domains_of_run(config), spec.meta.domain)
        console.print(f"Report: {report.page}\nLog:    {log}\nTotal:  {report.seconds:.1f} s", style="dim")
    return report


def cut_batches_by_size() -> None:
    """Let TFX's steps cut rows into batches by their bytes, not by how long the last batches took.

    What TFT adds up, means and quantiles, depends in the last digits on where batches end: with batches of the
    clock's making two runs of one seed learn from numbers that differ, and end with different models.
    """
    flags.FLAGS.set_default(batch_util._USE_BYTE_SIZE_BATCHING.name, True)


def _prepare(config: PipelineConfig, spec: FeatureSpec, report: RunReport, console: Console) -> str:
    """Read the raw log, build histories, split. Returns the folder of the splits."""
    with _failing("prepare", report.log), terminal.working(console, "prepare"):
        started = time.perf_counter()
        prepared = prepare(spec, config.source_of(spec), config.prepared, seed=config.seed)
        seconds = time.perf_counter() - started
    rows = ", ".join(f"{name} {prepared.rows[name]:,}" for name in SPLITS)
    report.steps.append(StepReport("prepare", prepared.cached, seconds, rows))
    terminal.step_line(console, "prepare", prepared.cached, seconds, rows)
    return str(prepared.folder.absolute())


def _forget_deleted_versions(config: PipelineConfig) -> None:
    """Drop the archive of pushed versions that somebody deleted, so that the cache does not take them for pushed."""
    steps = History(config.metadata_path).steps("Pusher") if config.metadata_path.exists() else []
    for step in steps:
        destination = step.properties("pushed_model").get("pushed_destination")
        if destination and not Path(destination).exists():
            shutil.rmtree(step.outputs["pushed_model"][0], ignore_errors=True)


def _run_steps(pipeline: Pipeline, config: PipelineConfig, log: Path, console: Console) -> Iterator[StepReport]:
    """Launch one node after another, as TFX's LocalDagRunner does, with a report after each."""
    ir = compiler.Compiler().compile(pipeline)
    run_id = datetime.datetime.now().isoformat()
    runtime_parameter_utils.substitute_runtime_parameter(ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id})
    deployment = runner_utils.extract_local_deployment_config(ir)
    connection = deployment.metadata_connection_config
    connection = getattr(connection, connection.WhichOneof("connection_config"))
    for node in ir.nodes:
        name = node.pipeline_node.node_info.id
        started = time.perf_counter()
        with _failing(name, log), terminal.working(console, name):
            launcher.Launcher(
                pipeline_node=node.pipeline_node,
                mlmd_connection=metadata.Metadata(connection),
                pipeline_info=ir.pipeline_info,
                pipeline_runtime_spec=ir.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, name),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name),
            ).launch()
            steps = History(config.metadata_path).steps(name)
            _demand_success(steps)
        yield StepReport(name, steps[-1].cached, time.perf_counter() - started, explain(steps))


def _demand_success(steps: list[Step]) -> None:
    """TFX records a step whose inputs are missing as failed and goes on; here the run stops."""
    if not steps or steps[-1].state in (pb.Execution.FAILED, pb.Execution.CANCELED):
        raise RuntimeError("its inputs could not be found")


@contextmanager
def _failing(node: str, log: Path) -> Iterator[None]:
    """Turn whatever goes wrong into a short `StepFailed`, the traceback into the log."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()  # descriptor 2 is the log
        anomalies = error if isinstance(error, AnomaliesFound) else None
        raise StepFailed(node, _short(error), log, anomalies) from error


def _short(error: Exception) -> str:
    """The message of an error, Beam's list of frames and notes left out."""
    text = str(error).strip() or type(error).__name__
    lines = [line for line in text.splitlines() if line.strip() and "[while running" not in line]
    return "\n".join(lines[:40])

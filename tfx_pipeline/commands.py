"""The pipeline's verbs of the `tfctr` command: run, compile, report, why, evaluate, index, export.

``python -m tfx_pipeline`` has them too. TFX is imported when a command needs it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, NoReturn

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # TFT, TFMA and TFX want tf.keras to be Keras 2
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console

from tfctr.spec import SpecError, load_spec
from tfx_pipeline.config import LOCAL_BEAM, PipelineConfig

FAILED, NOT_PUSHED = 1, 3
"""Exit codes: a step failed or the settings are wrong; all went well but the model was not good enough."""

app = typer.Typer(
    help="The production pipeline: data, transform, training, gate, push.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SpecOption = Annotated[Path, typer.Option(help="Feature spec: a YAML file or a shipped name.")]
ModelOption = Annotated[str, typer.Option(help="Name of the model; `tfctr models` lists them.")]
PlanOption = Annotated[str, typer.Option(help="Name of the plan; `tfctr models` lists them.")]
WorkdirOption = Annotated[Path, typer.Option(help="Folder for everything a run makes.")]
GatesOption = Annotated[Path | None, typer.Option(help="YAML file with bounds in place of the spec's.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Hyperparameter, name=value; repeat.")]
WarmOption = Annotated[bool, typer.Option(help="Train on from the last blessed model.")]
NewRowsOption = Annotated[str, typer.Option(help="What new ids start from then: oov or popularity.")]
PlanSetOption = Annotated[list[str] | None, typer.Option("--plan-set", help="Plan's setting, name=value; repeat.")]
TablePrecisionOption = Annotated[str | None, typer.Option(help="Keep trained tables in int8 or int4.")]
FitOption = Annotated[list[str] | None, typer.Option("--fit", help="Training setting, name=value; repeat.")]


@app.command()
def run(
    spec: SpecOption,
    model: ModelOption = "FinalMLP",
    plan: PlanOption = "Fit",
    data: Annotated[str | None, typer.Option(help="File, glob or registered data set; the spec's if left out.")] = None,
    workdir: WorkdirOption = Path("runs/pipeline"),
    serving_dir: Annotated[Path | None, typer.Option(help="Folder of the served models.")] = None,
    gates: GatesOption = None,
    hyperparameters: SetOption = None,
    plan_settings: PlanSetOption = None,
    table_precision: TablePrecisionOption = None,
    fit: FitOption = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows in a training batch.")] = 1024,
    warm_start: WarmOption = False,
    new_rows: NewRowsOption = "oov",
    seed: Annotated[int, typer.Option(help="Seeds weights, order of rows, splits.")] = 0,
    cache: Annotated[bool, typer.Option(help="Take unchanged steps from the last run.")] = True,
    beam_arg: Annotated[list[str] | None, typer.Option(help="Flag for Beam, such as --beam-arg=--runner=...")] = None,
) -> None:
    """Run the pipeline on this machine.

    Ends with 0 when the model was pushed, 3 when it was not good enough, 1 when a step failed.

    Example: tfctr run --spec movielens_100k --model DCNv2 --set embedding_dim=16 --fit epochs=5
    """
    config = _config(
        spec=spec,
        model=model,
        plan=plan,
        data=data,
        workdir=workdir,
        serving_dir=serving_dir,
        gates=gates,
        hyperparameters=_pairs(hyperparameters),
        plan_settings=_pairs(plan_settings),
        table_precision=table_precision,
        fit=_pairs(fit),
        batch_size=batch_size,
        warm_start=warm_start,
        new_rows=new_rows,
        seed=seed,
        cache=cache,
        beam_args=tuple(beam_arg) if beam_arg else LOCAL_BEAM,
    )
    from tfx_pipeline.console import quiet

    try:
        config.read_spec()
        with quiet(config.workdir / "logs" / "import.log"):
            from tfctr.data import DataError
            from tfx_pipeline.runner import StepFailed
            from tfx_pipeline.runner import run as run_pipeline
    except (SpecError, OSError, ModuleNotFoundError) as error:
        _fail(error)
    try:
        report = run_pipeline(config)
    except (SpecError, DataError) as error:
        _fail(error)
    except StepFailed as error:
        if error.anomalies is not None:
            from tfx_pipeline.terminal import anomalies_table

            Console(stderr=True).print(anomalies_table(error.anomalies))
        _fail(error)
    if report.results is None or report.results.pushed_to is None:
        raise typer.Exit(NOT_PUSHED)


@app.command(name="compile")
def compile_command(
    spec: SpecOption,
    prepared: Annotated[str, typer.Option(help="URI of the prepared splits, readable by the cluster.")],
    root: Annotated[str, typer.Option(help="URI where artifacts are kept.")],
    image: Annotated[str, typer.Option(help="Container image, see tfx_pipeline/deploy/Dockerfile.")],
    output: Annotated[Path, typer.Option(help="File to write, .yaml (for kfp) or .json.")] = Path("pipeline.yaml"),
    serving_dir: Annotated[Path, typer.Option(help="Folder of the served models, mounted in the cluster.")] = Path(
        "/models"
    ),
    model: ModelOption = "FinalMLP",
    plan: PlanOption = "Fit",
    gates: GatesOption = None,
    hyperparameters: SetOption = None,
    plan_settings: PlanSetOption = None,
    table_precision: TablePrecisionOption = None,
    fit: FitOption = None,
    warm_start: WarmOption = False,
    new_rows: NewRowsOption = "oov",
    beam_arg: Annotated[list[str] | None, typer.Option(help="Flag for Beam, such as --beam-arg=--runner=...")] = None,
) -> None:
    """Write the same pipeline for Kubeflow Pipelines v2; needs no network.

    Example: tfctr compile --spec criteo --prepared gs://b/data --root gs://b/runs --image r/tfctr:1
    """
    config = _config(
        spec=spec,
        model=model,
        plan=plan,
        gates=gates,
        serving_dir=serving_dir,
        hyperparameters=_pairs(hyperparameters),
        plan_settings=_pairs(plan_settings),
        table_precision=table_precision,
        fit=_pairs(fit),
        warm_start=warm_start,
        new_rows=new_rows,
        beam_args=tuple(beam_arg) if beam_arg else LOCAL_BEAM,
    )
    from tfx_pipeline.compile import compile_pipeline

    try:
        written = compile_pipeline(config, prepared, root, image, output)
    except (SpecError, OSError, ModuleNotFoundError) as error:
        _fail(error)
    typer.echo(f"wrote {written}")


@app.command()
def report(workdir: WorkdirOption = Path("runs/pipeline")) -> None:
    """Show the last run's verdict and write its HTML report again.

    Example: tfctr report --workdir runs/demo
    """
    try:
        config = PipelineConfig.read(workdir)
        spec = config.read_spec()
        from tfx_pipeline import terminal
        from tfx_pipeline.report import domains_of_run, write_report
        from tfx_pipeline.results import read_results

        results = read_results(config, spec)
    except (SpecError, OSError, ModuleNotFoundError) as error:
        _fail(error)
    page = write_report(config, spec, results)
    terminal.outcome(Console(), results, domains_of_run(config), spec.meta.domain)
    typer.echo(f"Report: {page}")


@app.command()
def why(
    workdir: WorkdirOption = Path("runs/pipeline"),
    step: Annotated[str | None, typer.Argument(help="One step; all if left out.")] = None,
) -> None:
    """Say why each step of the last run ran, or was served from the cache.

    Example: tfctr why Trainer --workdir runs/demo
    """
    try:
        database = PipelineConfig.read(workdir).metadata_path
    except OSError as error:
        _fail(error)
    from tfx_pipeline.explain import History, explain

    history = History(database)
    for node in [step] if step else history.nodes():
        steps = history.steps(node)
        word = "cached" if steps and steps[-1].cached else "ran" if steps else "-"
        typer.echo(f"{node:<18} {word:<7} {explain(steps)}")


@app.command()
def evaluate(
    spec: SpecOption,
    model: Annotated[Path, typer.Option(help="Folder of an exported model.")],
    examples: Annotated[Path, typer.Option(help="Folder of raw tf.Examples, such as a split of ExampleGen.")],
    where: Annotated[list[str] | None, typer.Option(help="Only rows with column=value; repeat.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file with all figures, those of every domain too.")
    ] = None,
) -> None:
    """Score rows with an exported model and print the gate's figures, and those of the largest domains.

    Example: tfctr evaluate --spec ads.yaml --model runs/a/serving/ads/1 --examples runs/a/test
    """
    try:
        parsed = load_spec(spec)
        from tfx_pipeline.rescore import rescore

        conditions = dict(condition.split("=", 1) for condition in where or [])
        scores = rescore(model, examples, parsed, conditions)
    except (SpecError, OSError, KeyError, ValueError, ModuleNotFoundError) as error:
        _fail(error)
    from tfx_pipeline.domains import print_domains, write_evaluation

    figures = {task: rows.figures() for task, rows in scores.items()}
    domains = {task: found for task, rows in scores.items() if (found := rows.by_domain()) is not None}
    for task, values in figures.items():
        typer.echo(f"{task}: " + "  ".join(f"{name} {value:,.6g}" for name, value in values.items()))
    rest = f"all are in {output}" if output else "--output FILE writes all"
    print_domains(Console(), domains, parsed.meta.domain or "", rest)
    if output is not None:
        write_evaluation(output, figures, domains)


@app.command()
def index(
    item: Annotated[str, typer.Option(help="Raw column whose value names an item.")],
    workdir: WorkdirOption = Path("runs/pipeline"),
    items: Annotated[
        Path | None, typer.Option(help="Parquet, each item once; the items of the run's log if left out.")
    ] = None,
    k: Annotated[int, typer.Option(min=1, help="Items returned.")] = 100,
) -> None:
    """Export all items of a pushed TwoTower with its user's side, so that the server finds a user's best ones.

    Example: tfctr index --item item_id --workdir runs/ads
    """
    try:
        config = PipelineConfig.read(workdir)
        from tfx_pipeline.retrieval import push_index

        written = push_index(config, item, k, items)
    except (SpecError, OSError, ValueError, ModuleNotFoundError) as error:
        _fail(error)
    name = written.parent.name
    typer.echo(f"wrote {written}\nServe it: tfctr serve --model_name {name} --model_base_path {written.parent}")


@app.command()
def export(
    workdir: Annotated[Path, typer.Argument(help="Folder of the run.")] = Path("runs/pipeline"),
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; a folder for tf_saved_model.")] = Path(
        "model.onnx"
    ),
    format: Annotated[str, typer.Option(help="onnx, litert, openvino, tf_saved_model or keras.")] = "onnx",
) -> None:
    """Write the model of the last run for another runtime, and beside it, as JSON, what its inputs are made of.

    The file begins behind the transform: it takes ids and scaled numbers. What answers raw rows is the pushed model.

    Example: tfctr export runs/ads --format onnx -o ads.onnx
    """
    try:
        config = PipelineConfig.read(workdir)
        from tfx_pipeline.export_run import export_run

        written = export_run(config, format, output)
    except (SpecError, OSError, ValueError, ModuleNotFoundError) as error:
        _fail(error)
    for path in written:
        typer.echo(f"wrote {path}")
    described = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    typer.echo("not in the graph:")
    for left in described["not_in_the_graph"]:
        typer.echo(f"  {left}")


def _config(**fields: Any) -> PipelineConfig:
    try:
        return PipelineConfig(**fields)
    except ValidationError as error:
        _fail(error)


def _pairs(texts: list[str] | None) -> dict[str, Any]:
    """Return name=value texts as a dict; values are read as YAML, so 0.1, true and [64, 32] are what they seem."""
    pairs = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not of the form name=value")
        pairs[name] = yaml.safe_load(value)
    return pairs


def _fail(error: Exception) -> NoReturn:
    missing = isinstance(error, ModuleNotFoundError)
    typer.echo(f"{error}; the pipeline needs TFX: pip install 'tfctr[tfx]'" if missing else str(error), err=True)
    raise typer.Exit(FAILED) from None

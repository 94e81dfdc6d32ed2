r"""AUC against bytes of the served model: searched tables beside plain ones, in 32, 8 and 4 bits a number.

Each variant is trained, then judged on the test rows and exported three times: as it was trained, and with tables
in ``int8`` and ``int4`` where the variant can be kept so. Then all models answer raw rows one by one, by turns.
Reported are AUC and logloss, bytes of the tables as they are served (linear parts too), sizes of the SavedModel's
variables and of all of it, the median time of an answer and the seconds of search and training. A trial that is
finished is kept and not repeated; one that was killed goes on at the stage where it stopped.

A variant is a plan with its settings, or a plain table of a width:

Example:
    python -m benchmarks.smaller_tables movielens_tag --model DeepFM \
        --variant width=16 --variant width=4 --variant "OptFS strength=1e-6" --variant "DNIS keep=0.1" --seeds 3
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tensorflow as tf
import typer
import yaml
from rich.console import Console

from benchmarks.plan_trials import (
    Bench,
    FirstSeedOption,
    ModelOption,
    SeedsOption,
    SettingsOption,
    SourceOption,
    SpecArgument,
    ThreadsOption,
    WorkdirOption,
    WriteOption,
    as_bytes,
    as_count,
    as_milliseconds,
    bytes_in,
    export_anew,
    inputs_of,
    markdown,
    open_bench,
    with_times,
)
from tfctr.benchmark import Score, draw_curves, with_spread, write_section
from tfctr.benchmark.trial import with_objects
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FusedLookup, SparseTable
from tfctr.models import MODELS, CTRModel, quantize_tables
from tfctr.plans import PLANS, Fit, Plan
from tfctr.training import evaluate

RESULTS = Path(__file__).with_name("RESULTS.md")
PRECISIONS = ("", "int8", "int4")
COLUMNS = (
    ("AUC", "auc", with_spread),
    ("logloss", "logloss", with_spread),
    ("tables", "tables", as_bytes),
    ("variables", "variables", as_bytes),
    ("SavedModel", "served", as_bytes),
    ("answer, ms", "one", as_milliseconds),
    ("training, s", "seconds", as_count),
)

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def main(
    spec: SpecArgument = "movielens_tag",
    model: ModelOption = "DeepFM",
    settings: SettingsOption = None,
    variants: Annotated[
        list[str] | None, typer.Option("--variant", help="`width=16`, or a plan and its settings; repeat.")
    ] = None,
    seeds: SeedsOption = 3,
    first_seed: FirstSeedOption = 0,
    threads: ThreadsOption = 0,
    source: SourceOption = "",
    workdir: WorkdirOption = Path("work/smaller_tables"),
    write: WriteOption = True,
) -> None:
    """Train every variant with every seed, unless it is done already, and print the table."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    bench = open_bench(spec, model, settings, source, workdir)
    chosen, console = variants or ["width=16", "width=4", "OptFS", "DNIS"], Console()
    scores = []
    for seed in range(first_seed, first_seed + seeds):
        for variant in chosen:
            scores += _scores(bench, model, seed, variant)
            for score in scores[-len(PRECISIONS) :]:
                console.print(score.model, seed, score.figures, soft_wrap=True)
    scores = with_times(bench, sorted(scores, key=lambda score: _place(score.model, chosen)), {"one": 1})
    table = markdown(scores, COLUMNS)
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        named = [("model", model), ("settings", settings), *(("variant", f'"{variant}"') for variant in chosen)]
        options = "".join(f" --{name} {value}" for name, value in [*named, ("seeds", seeds)] if value)
        title = f"{model} on {bench.name}: AUC against bytes of all tables"
        picture = f"figures/smaller_tables_{model}_{bench.name}.svg"
        lines = {v: [score for score in scores if score.model.split(",")[0] == v] for v in chosen}
        draw_curves(RESULTS.parent / picture, lines, size="tables", figure="auc", title=title)
        body = f"{table}\n\n![{title}]({picture})"
        command = f"python -m benchmarks.smaller_tables {spec}{options}"
        write_section(RESULTS, f"Smaller tables of {model} on {bench.name}", command, body)


def _place(label: str, variants: list[str]) -> tuple[int, int]:
    """Where a label stands in the table: by variant, then by precision."""
    variant, _, precision = label.partition(", ")
    return variants.index(variant), PRECISIONS.index(precision)


def _scores(bench: Bench, name: str, seed: int, variant: str) -> list[Score]:
    """The scores of a variant in all precisions; one training gives them all."""
    trained: list[tuple[CTRModel, float]] = []
    found = []
    for precision in PRECISIONS:
        label = f"{variant}, {precision}" if precision else variant

        def trial(label: str = label, precision: str = precision) -> Score:
            if not trained:
                trained.append(_train(bench, name, seed, variant))
            return _judge(bench, trained[0][0], trained[0][1], label, precision, seed)

        found.append(bench.cache.score(label, seed, {"variant": variant, "precision": precision}, trial))
    return [score for score in found if score.figures["tables"]]


def _train(bench: Bench, name: str, seed: int, variant: str) -> tuple[CTRModel, float]:
    """The model of a variant and the seconds that all its stages took."""
    given = inputs_of(bench, seed)
    first, *rest = variant.split()
    texts = [first, *rest] if "=" in first else rest
    pairs = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in texts)}
    hyperparameters = {**given.hyperparameters, "embedding_dim": pairs.pop("width", 16)}
    plan: Plan
    if "=" in first:
        plan = Fit(MODELS[name], with_objects(hyperparameters), given.config)
    else:  # it makes the tables itself
        hyperparameters.pop("initial_stddev", None)
        hyperparameters.pop("table_l2", None)
        plan = PLANS[first](MODELS[name], hyperparameters, given.config, **pairs)
    folder = bench.folder / "runs" / f"{name}-{variant.replace(' ', '-').replace('=', '')}-{seed}"
    model = plan.run(given.rows.spec, given.train, given.valid, folder)
    return model, sum(stage["seconds"] for stage in plan.reports(folder))


def _judge(bench: Bench, model: CTRModel, seconds: float, label: str, precision: str, seed: int) -> Score:
    """Judge and export a model with its tables in a precision; one that has no such form has no bytes."""
    given = inputs_of(bench, seed)
    if precision == "int4" and any(isinstance(table, SparseTable) for table in _tables(model)):
        return Score(label, seed, {"tables": 0})
    small = quantize_tables(model, precision) if precision else model
    judged = evaluate(small, given.test)
    exported = export_anew(small, given.rows.transform, bench.served(label, seed))
    figures = {
        "auc": judged["auc"],
        "logloss": judged["logloss"],
        "tables": sum(table.serving_bytes() for table in _tables(small)),
        "served": bytes_in(exported),
        "variables": bytes_in(exported / "variables"),
        "seconds": seconds,
    }
    return Score(label, seed, figures, parameters=small.count_params())


def _tables(model: CTRModel) -> list[Any]:
    return [lookup.fused_table for lookup in layers_of(model, FusedLookup)]


if __name__ == "__main__":
    app()

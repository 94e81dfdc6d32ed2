"""What low-rank compression costs and saves: one trained model, cut by several ratios, by outputs and by plain SVD.

Every model is judged on the test rows and exported; then all answer raw rows one by one and 1,024 at once, by turns.
Told are AUC and logloss before and after tuning, bytes of the weights (what a server holds in memory), size of the
SavedModel and of the ``.keras`` file, and the median time of an answer. A trial that is finished is kept and not
repeated; a run that was killed goes on at the step where it stopped.

Example:
    python -m benchmarks.low_rank frappe --model DeepFM --settings benchmarks/frappe.yaml --ratios 2,4,8 --seeds 3
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Annotated, Any

import tensorflow as tf
import typer
from rich.console import Console

from benchmarks.plan_trials import (
    Bench,
    FirstSeedOption,
    Inputs,
    ModelOption,
    SeedsOption,
    SettingsOption,
    SourceOption,
    SpecArgument,
    ThreadsOption,
    WorkdirOption,
    WriteOption,
    as_bytes,
    as_milliseconds,
    bytes_in,
    command_of,
    export_anew,
    inputs_of,
    markdown,
    open_bench,
    pairs,
    with_times,
)
from tfctr.benchmark import Score, draw_curves, with_spread, write_section
from tfctr.benchmark.trial import with_objects
from tfctr.models import MODELS, CTRModel
from tfctr.plans import Fit, LowRank, Plan
from tfctr.plans.low_rank._factorable import model_bytes
from tfctr.plans.stage import read_model
from tfctr.training import evaluate

RESULTS = Path(__file__).with_name("RESULTS.md")
MANY = 1024
"""Rows of the larger request."""

COLUMNS = (
    ("AUC", "auc", with_spread),
    ("logloss", "logloss", with_spread),
    ("weights", "weights", as_bytes),
    ("SavedModel", "served", as_bytes),
    (".keras", "file", as_bytes),
    ("one row, ms", "one", as_milliseconds),
    (f"{MANY:,} rows, ms", "many", as_milliseconds),
)
METHODS = {"outputs": "output features", "weights": "plain SVD"}

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def main(
    spec: SpecArgument = "frappe",
    model: ModelOption = "DeepFM",
    settings: SettingsOption = None,
    ratios: Annotated[str, typer.Option(help="Bytes of all weights before, over those after; by commas.")] = "2,4,8",
    plan_sets: Annotated[list[str] | None, typer.Option("--plan-set", help="LowRank's setting; repeat.")] = None,
    seeds: SeedsOption = 3,
    first_seed: FirstSeedOption = 0,
    threads: ThreadsOption = 0,
    source: SourceOption = "",
    workdir: WorkdirOption = Path("work/low_rank"),
    write: WriteOption = True,
) -> None:
    """Train, cut and tune with every seed, unless it is done already, and print the table."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    bench = open_bench(spec, model, settings, source, workdir)
    plan_settings = pairs(plan_sets)
    scores, console = [], Console()
    for seed in range(first_seed, first_seed + seeds):
        one = functools.partial(_trial, bench, model, seed)
        wanted: list[tuple[str, dict[str, Any]]] = [(model, {})]
        for ratio in map(float, ratios.split(",")):
            cut = [{"ratio": ratio, "method": method, **plan_settings} for method in METHODS]
            wanted += [(f"÷ {ratio:g}, {METHODS[options['method']]}{tuned}", {**options, "tuned": not tuned})
                       for options in cut for tuned in (", not tuned", "")]  # fmt: skip
        for label, options in wanted:
            scores.append(bench.cache.score(label, seed, options, functools.partial(one, label, options)))
            console.print(scores[-1].model, seed, scores[-1].figures, soft_wrap=True)
    scores = with_times(bench, scores, {"one": 1, "many": MANY})
    table = markdown(scores, COLUMNS)
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        options = {"model": model, "settings": settings, "ratios": ratios, "seeds": seeds, "first-seed": first_seed}
        command = command_of("low_rank", spec, {**options, "plan-set": plan_sets})
        picture = f"figures/low_rank_{model}_{bench.name}.svg"
        title = f"{model} on {bench.name}, compressed: AUC against bytes of all weights"
        draw_curves(RESULTS.parent / picture, lines_of(scores, model), size="weights", figure="auc", title=title)
        body = f"{table}\n\n![{title}]({picture})"
        write_section(RESULTS, f"Low-rank compression of {model} on {bench.name}", command, body)


def lines_of(scores: list[Score], whole: str) -> dict[str, list[Score]]:
    """Return method -> its trials, each with the whole model's."""
    methods = [f"{method}{tuned}" for tuned in ("", ", not tuned") for method in METHODS.values()]
    return {name: [s for s in scores if s.model == whole or s.model.endswith(f", {name}")] for name in methods}


def _trial(bench: Bench, name: str, seed: int, label: str, options: dict[str, Any]) -> Score:
    """Train or cut a model and measure it."""
    given, runs = inputs_of(bench, seed), bench.folder / "runs" / f"{name}-{seed}"
    arguments = with_objects(given.hyperparameters)

    def run(plan: Plan, folder: Path) -> CTRModel:
        return plan.run(given.rows.spec, given.train, given.valid, folder)

    base = runs / "base"
    model = run(Fit(MODELS[name], arguments, given.config), base)
    if options:
        cut = {key: value for key, value in options.items() if key != "tuned"}
        plan = LowRank(MODELS[name], arguments, given.config, **cut, base=str(base / "result.keras"))
        folder = runs / f"{cut['method']}-{cut['ratio']:g}"
        model = run(plan, folder)
        if not options["tuned"]:
            model = read_model(folder / "3-cut" / "result.keras")
    return Score(label, seed, _figures(model, given, bench.served(label, seed)), parameters=model.count_params())


def _figures(model: CTRModel, given: Inputs, served: Path) -> dict[str, float]:
    """AUC and logloss on the test rows, and bytes; the model is exported to `served`."""
    figures = evaluate(model, given.test)
    exported = export_anew(model, given.rows.transform, served)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "model.keras"
        type(model).save(_without_optimizer(model), weights)
        return {
            "auc": figures["auc"],
            "logloss": figures["logloss"],
            "weights": model_bytes(model),
            "served": bytes_in(exported),
            "file": weights.stat().st_size,
        }


def _without_optimizer(model: CTRModel) -> CTRModel:
    """The model's weights in a fresh one: a saved optimizer's slots are twice the weights and nobody serves them."""
    fresh: CTRModel = type(model).from_config(model.get_config())
    fresh.build()
    fresh.set_weights(model.get_weights())
    return fresh


if __name__ == "__main__":
    app()

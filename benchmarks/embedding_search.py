r"""What a searched embedding table costs and gives: OptEmbed beside plain tables of several widths.

Every trial is trained, judged once on the test rows and exported; then all models answer raw rows one by one, by turns.
Reported are AUC and logloss, rows that are kept, bytes of the tables as they are served, sizes of the SavedModel's
variables and of all of it (its graphs and vocabularies too), and the median time of an answer. The linear part is among
the tables. A trial that is finished is kept and not repeated; a run that was killed goes on at the stage where it
stopped. The supernet knows nothing of a budget: one that was trained without is taken for all, and its seconds are
counted for each.

Example:
    python -m benchmarks.embedding_search frappe --model DeepFM --settings benchmarks/frappe.yaml --widths 10,5,2 \
        --budgets "none,120 kB,80 kB" --seeds 3
"""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import typer
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
    pairs,
    with_times,
)
from tfctr.benchmark import Score, draw_curves, size_at, table_line, with_spread, write_section
from tfctr.benchmark.trial import with_objects
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FeatureEmbedding, PrunedTable, format_bytes
from tfctr.models import MODELS, CTRModel
from tfctr.plans import Fit, OptEmbed, Plan
from tfctr.training import evaluate

RESULTS = Path(__file__).with_name("RESULTS.md")
SUPERNET = "1-supernet"
COLUMNS = (
    ("AUC", "auc", with_spread),
    ("logloss", "logloss", with_spread),
    ("rows", "rows", as_count),
    ("tables", "tables", as_bytes),
    ("variables", "variables", as_bytes),
    ("SavedModel", "served", as_bytes),
    ("answer, ms", "one", as_milliseconds),
    ("training, s", "seconds", as_count),
)

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def main(
    spec: SpecArgument = "frappe",
    model: ModelOption = "DeepFM",
    settings: SettingsOption = None,
    widths: Annotated[str, typer.Option(help="Widths of the plain tables; OptEmbed searches up to the first.")] = (
        "16,8,4,2"
    ),
    budgets: Annotated[str, typer.Option(help="Budgets of OptEmbed; none lets it free.")] = "none",
    plan_sets: Annotated[list[str] | None, typer.Option("--plan-set", help="OptEmbed's setting; repeat.")] = None,
    seeds: SeedsOption = 3,
    first_seed: FirstSeedOption = 0,
    threads: ThreadsOption = 0,
    source: SourceOption = "",
    workdir: WorkdirOption = Path("work/embedding_search"),
    write: WriteOption = True,
) -> None:
    """Train every variant with every seed, unless it is done already, and print the table."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    bench = open_bench(spec, model, settings, source, workdir)
    plain = [int(width) for width in widths.split(",")]
    wanted: list[tuple[str, dict[str, Any]]] = [(f"{model}, width {width}", {"width": width}) for width in plain]
    for budget in budgets.split(","):
        searched = {"width": plain[0], "budget": None if budget == "none" else budget.strip(), **pairs(plan_sets)}
        wanted.append(("OptEmbed" if budget == "none" else f"OptEmbed, {budget.strip()}", searched))
    scores, console = [], Console()
    for seed in range(first_seed, first_seed + seeds):
        supernet: Path | None = None
        for label, options in wanted:
            folder = bench.folder / "runs" / f"{model}-{label.replace(' ', '')}-{seed}"
            trial = functools.partial(_trial, bench, model, seed, label, options, folder, supernet)
            scores.append(bench.cache.score(label, seed, options, trial))
            if label == "OptEmbed":
                supernet = folder / SUPERNET
            console.print(label, seed, scores[-1].figures, soft_wrap=True)
    scores = with_times(bench, scores, {"one": 1})
    table = f"{markdown(scores, COLUMNS)}\n\n{plain_sizes(scores, model)}"
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        args = {"model": model, "settings": settings, "widths": widths, "budgets": f'"{budgets}"', "seeds": seeds}
        args["first-seed"] = first_seed
        command = f"python -m benchmarks.embedding_search {spec}" + "".join(f" --{k} {v}" for k, v in args.items() if v)
        command += "".join(f" --plan-set {pair}" for pair in plan_sets or [])
        picture = f"figures/embedding_search_{model}_{bench.name}.svg"
        title = f"{model} on {bench.name}: AUC against bytes of all tables"
        lines = {name: [score for score in scores if score.model.startswith(label)]
                 for name, label in (("plain tables", model), ("OptEmbed", "OptEmbed"))}  # fmt: skip
        draw_curves(RESULTS.parent / picture, lines, size="tables", figure="auc", title=title)
        body = f"{table}\n\n![{title}]({picture})"
        write_section(RESULTS, f"Searched embedding tables of {model} on {bench.name}", command, body)


def _trial(
    bench: Bench, name: str, seed: int, label: str, options: dict[str, Any], folder: Path, supernet: Path | None
) -> Score:
    """Train, judge and export one variant; without a budget among its options it is a plain table."""
    given = inputs_of(bench, seed)
    rows, hyperparameters = given.rows, {**given.hyperparameters, "embedding_dim": options["width"]}
    search = {key: value for key, value in options.items() if key != "width"}
    plan: Plan
    if search:  # it makes the tables itself: their first values are its own, the penalty on them is a setting of it
        hyperparameters.pop("initial_stddev", None)
        search = {"table_l2": hyperparameters.pop("table_l2", 0.0), **search}
        plan = OptEmbed(MODELS[name], hyperparameters, given.config, **search)
    else:
        plan = Fit(MODELS[name], with_objects(hyperparameters), given.config)
    if search and supernet is not None and supernet.exists() and not (folder / SUPERNET).exists():
        partial = folder / f".partial-{SUPERNET}"
        shutil.copytree(supernet, partial, dirs_exist_ok=True)
        partial.rename(folder / SUPERNET)
    model = plan.run(rows.spec, given.train, given.valid, folder)
    seconds = sum(stage["seconds"] for stage in plan.reports(folder))
    judged = evaluate(model, given.test)
    kept_rows, table_bytes = table_sizes(model)
    exported = export_anew(model, rows.transform, bench.served(label, seed))
    figures = {
        "auc": judged["auc"],
        "logloss": judged["logloss"],
        "rows": kept_rows,
        "tables": table_bytes,
        "served": bytes_in(exported),
        "variables": bytes_in(exported / "variables"),
        "seconds": seconds,
    }
    return Score(label, seed, figures, parameters=model.count_params())


def plain_sizes(scores: list[Score], model: str) -> str:
    """Return a Markdown table of the bytes that plain tables take for the AUC of each searched one."""
    plain = [score for score in scores if score.model.startswith(f"{model}, width")]
    widest = max(score.figures["tables"] for score in plain)
    lines = [["model", "AUC", "tables", "plain tables of that AUC"], ["---"] * 4]
    for label in dict.fromkeys(score.model for score in scores if score not in plain):
        found = [score.figures for score in scores if score.model == label]
        auc, size = (float(np.mean([figures[name] for figures in found])) for name in ("auc", "tables"))
        needed = size_at(plain, auc, size="tables", figure="auc")
        shown = f"more than {format_bytes(int(widest))}" if needed is None else format_bytes(round(needed))
        lines.append([label, f"{auc:.4f}", format_bytes(round(size)), shown])
    between = "Plain tables of equal AUC, between measured widths by the logarithm of the size:"
    return "\n".join([between, "", *map(table_line, lines)])


def table_sizes(model: CTRModel) -> tuple[int, int]:
    """Return the rows of the embeddings, those of a linear part apart, and the bytes of all tables when served."""
    rows, size = 0, 0
    for layer in layers_of(model, FeatureEmbedding):
        for lookup in layer.lookups:
            table = lookup.fused_table
            size += table.serving_bytes()
            if layer.dim > 1:
                rows += table.shape[0] - 1 if isinstance(table, PrunedTable) else table.size[0] - 1
    return rows, size


if __name__ == "__main__":
    app()

r"""What a searched embedding table costs and gives: OptEmbed beside plain tables of several widths.

Every trial is trained, judged once on the test rows and exported; then all models answer raw rows one by one, by turns.
Reported are AUC and logloss, rows that are kept, bytes of the tables as they are served, sizes of the SavedModel's
variables and of all of it (its graphs and vocabularies too), and the median time of an answer. The linear part is among
the tables. A trial that is finished is kept and not repeated; a run that was killed goes on at the stage where it
stopped. The supernet knows nothing of a budget: that of the first budget is taken for all, and its seconds are counted
for each. Of several settings to try (``--try``) all are searched and trained, and the one that the validation rows like
best is judged; the seconds are those of all.

Example:
    python -m benchmarks.embedding_search frappe --model DeepFM --settings benchmarks/frappe_search.yaml \
        --widths 10,5,2 --budgets "none,120 kB,80 kB" --try table_l2=1e-5 --try "pressure=1e-2 table_l2=1e-5" --seeds 3
"""

from __future__ import annotations

import functools
import shutil
from collections import Counter
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
    as_count,
    as_milliseconds,
    bytes_in,
    command_of,
    export_anew,
    inputs_of,
    markdown,
    open_bench,
    pairs,
    plain_sizes,
    with_times,
)
from tfctr.benchmark import Score, draw_curves, with_spread, write_section
from tfctr.benchmark.trial import with_objects
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FeatureEmbedding, PrunedTable
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
    tries: Annotated[
        list[str] | None, typer.Option("--try", help="Settings of OptEmbed to choose among, as `a=1 b=2`; repeat.")
    ] = None,
    title: Annotated[str, typer.Option(help="What the section in RESULTS.md is called; its own when left out.")] = "",
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
        searched["tries"] = tries or [""]
        wanted.append(("OptEmbed" if budget == "none" else f"OptEmbed, {budget.strip()}", searched))
    scores, console = [], Console()
    for seed in range(first_seed, first_seed + seeds):
        supernets: Path | None = None
        for label, options in wanted:
            folder = bench.folder / "runs" / f"{model}-{label.replace(' ', '')}-{seed}"
            trial = functools.partial(_trial, bench, model, seed, label, options, folder, supernets)
            scores.append(bench.cache.score(label, seed, options, trial))
            if "tries" in options and supernets is None:
                supernets = folder
            console.print(label, seed, scores[-1].figures, soft_wrap=True)
    scores = with_times(bench, scores, {"one": 1})
    equal = plain_sizes(scores, [f"{model}, width {width}" for width in plain])
    table = f"{markdown(scores, COLUMNS)}\n\n{equal}{chosen_tries(scores, tries or [])}"
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        args = {"model": model, "settings": settings, "widths": widths, "budgets": budgets, "seeds": seeds}
        more = {"first-seed": first_seed, "title": title, "plan-set": plan_sets, "try": tries}
        command = command_of("embedding_search", spec, {**args, **more})
        picture = f"figures/{(title or 'embedding search').lower().replace(' ', '_')}_{model}_{bench.name}.svg"
        caption = f"{model} on {bench.name}: AUC against bytes of all tables"
        lines = {name: [score for score in scores if score.model.startswith(label)]
                 for name, label in (("plain tables", model), ("OptEmbed", "OptEmbed"))}  # fmt: skip
        draw_curves(RESULTS.parent / picture, lines, size="tables", figure="auc", title=caption)
        body = f"{table}\n\n![{caption}]({picture})"
        heading = f"{title}: {model} on" if title else f"Searched embedding tables of {model} on"
        write_section(RESULTS, f"{heading} {bench.name}", command, body)


def _trial(
    bench: Bench, name: str, seed: int, label: str, options: dict[str, Any], folder: Path, supernets: Path | None
) -> Score:
    """Train, judge and export one variant; without tries among its options it is a plain table."""
    given = inputs_of(bench, seed)
    hyperparameters = {**given.hyperparameters, "embedding_dim": options["width"]}
    chosen = 0
    if "tries" in options:
        model, chosen, seconds = _searched(MODELS[name], given, hyperparameters, options, folder, supernets)
    else:
        model, _, seconds = _run(Fit(MODELS[name], with_objects(hyperparameters), given.config), given, folder)
    judged = evaluate(model, given.test)
    kept_rows, table_bytes = table_sizes(model)
    exported = export_anew(model, given.rows.transform, bench.served(label, seed))
    figures = {
        "auc": judged["auc"],
        "logloss": judged["logloss"],
        "rows": kept_rows,
        "tables": table_bytes,
        "served": bytes_in(exported),
        "variables": bytes_in(exported / "variables"),
        "seconds": seconds,
        "chosen": chosen,
    }
    return Score(label, seed, figures, parameters=model.count_params())


def _searched(
    model: type[CTRModel],
    given: Inputs,
    hyperparameters: dict[str, Any],
    options: dict[str, Any],
    folder: Path,
    supernets: Path | None,
) -> tuple[CTRModel, int, float]:
    """The model of the settings that the validation rows like best, their number, and the seconds of all."""
    # It makes the tables itself: their first values are its own, the penalty on them is a setting of it.
    arguments = {key: value for key, value in hyperparameters.items() if key not in ("initial_stddev", "table_l2")}
    common = {key: value for key, value in options.items() if key not in ("width", "tries")}
    found = []
    for number, texts in enumerate(options["tries"]):
        own, kept = folder / str(number), None if supernets is None else supernets / str(number) / SUPERNET
        settings = {"table_l2": hyperparameters.get("table_l2", 0.0), **common, **pairs(texts.split())}
        if kept is not None and not (own / SUPERNET).exists():
            partial = own / f".partial-{SUPERNET}"
            shutil.copytree(kept, partial, dirs_exist_ok=True)
            partial.rename(own / SUPERNET)
        found.append(_run(OptEmbed(model, arguments, given.config, **settings), given, own))
    best = max(range(len(found)), key=lambda number: found[number][1])
    return found[best][0], best, sum(seconds for _, _, seconds in found)


def _run(plan: Plan, given: Inputs, folder: Path) -> tuple[CTRModel, float, float]:
    """A plan's model, its validation AUC, and the seconds of all stages."""
    model = plan.run(given.rows.spec, given.train, given.valid, folder)
    reports = plan.reports(folder)
    return model, reports[-1]["val_auc"], sum(stage["seconds"] for stage in reports)


def chosen_tries(scores: list[Score], tries: list[str]) -> str:
    """Return a line a variant on how often each settings were chosen; nothing where there was nothing to choose."""
    lines = []
    for label in dict.fromkeys(score.model for score in scores) if len(tries) > 1 else ():
        counts = Counter(int(score.figures["chosen"]) for score in scores if score.model == label)
        told = ", ".join(f"`{tries[number]}` {count}" for number, count in sorted(counts.items()))
        if label.startswith("OptEmbed"):
            lines.append(f"- {label}: {told}")
    return "\n".join(["\n\nSettings that validation rows chose, and in how many seeds:\n", *lines]) if lines else ""


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

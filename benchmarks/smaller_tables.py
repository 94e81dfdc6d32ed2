r"""AUC against bytes of the served model: searched tables beside plain ones, in 32, 8 and 4 bits a number.

Each variant is trained, then judged on the test rows and exported three times: as it was trained, and with tables
in ``int8`` and ``int4`` where the variant can be kept so. Then all models answer raw rows one by one, by turns.
Reported are AUC and logloss, bytes of the tables as they are served (linear parts too), sizes of the SavedModel's
variables and of all of it, the median time of an answer and the seconds of search and training. A trial that is
finished is kept and not repeated; one that was killed goes on at the stage where it stopped.

A variant is a plan with its settings, a kind of table with its settings, or a plain table of a width. ``width`` is the
model's and may stand in each of them. A section of another title keeps the one that stands there already:

Example:
    python -m benchmarks.smaller_tables movielens_tag --model DeepFM \
        --variant width=16 --variant width=4 --variant "OptFS strength=1e-6" --variant "DNIS keep=0.1" --seeds 3
    python -m benchmarks.smaller_tables movielens_tag --model DeepFM --title "Other tables in few bits" \
        --variant table=full --variant "table=hashed compression=4" --variant "table=low-rank rank=4 width=16" --seeds 3
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
    as_share,
    bytes_in,
    command_of,
    export_anew,
    inputs_of,
    luck_of_rows,
    markdown,
    open_bench,
    plain_sizes,
    with_times,
)
from tfctr.benchmark import Score, draw_curves, with_spread, write_section
from tfctr.benchmark.trial import with_objects
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import (
    DoubleHashedTable,
    EmbeddingTable,
    FullTable,
    FusedLookup,
    HashedTable,
    LowRankTable,
    PrunedTable,
    QuotientRemainderTable,
    SparseTable,
)
from tfctr.models import MODELS, CTRModel, quantize_tables
from tfctr.plans import PLANS, Fit, Plan
from tfctr.training import evaluate

RESULTS = Path(__file__).with_name("RESULTS.md")
PRECISIONS = ("", "int8", "int4")
TABLES: dict[str, type[EmbeddingTable]] = {
    "full": FullTable,
    "hashed": HashedTable,
    "double-hashed": DoubleHashedTable,
    "quotient-remainder": QuotientRemainderTable,
    "low-rank": LowRankTable,
}
"""Kinds of table that a variant may name; others come with a plan."""
KEPT = "kept, "
"""Begins the names of the figures that tell which share of a vocabulary's rows is kept."""

LARGEST = 5
"""Vocabularies of which that is told."""

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
        list[str] | None, typer.Option("--variant", help="`width=16`, `table=hashed`, or a plan, and settings; repeat.")
    ] = None,
    title: Annotated[str, typer.Option(help="What the section in RESULTS.md is called; its own when left out.")] = "",
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
    plain = [variant for variant in chosen if variant.startswith("width=")]
    splits = bench.splits()
    luck = luck_of_rows(scores, splits.test[splits.spec.spec.tasks[0].name])
    whole = [score for score in scores if ", " not in score.model]  # in float32
    equal = plain_sizes(whole, plain) if len(plain) > 1 else ""
    parts = (markdown(scores, COLUMNS), luck, _kept(whole, splits.spec.rows), equal)
    table = "\n\n".join(filter(None, parts))
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        given = {"model": model, "settings": settings, "source": source, "title": title}
        command = command_of("smaller_tables", spec, {**given, "variant": chosen, "seeds": seeds})
        heading = f"{title}: {model} on {bench.name}" if title else f"Smaller tables of {model} on {bench.name}"
        caption = f"{model} on {bench.name}: AUC against bytes of all tables"
        picture = f"figures/{(title or 'smaller tables').lower().replace(' ', '_')}_{model}_{bench.name}.svg"
        lines = {v: [score for score in scores if score.model.partition(", ")[0] == v] for v in chosen}
        draw_curves(RESULTS.parent / picture, lines, size="tables", figure="auc", title=caption)
        body = f"{table}\n\n![{caption}]({picture})"
        write_section(RESULTS, heading, command, body)


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
        if "table" in pairs:
            hyperparameters["table"] = TABLES[pairs.pop("table")](**pairs)
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
        **kept_shares(small),
    }
    return Score(label, seed, figures, parameters=small.count_params())


def kept_shares(model: CTRModel) -> dict[str, float]:
    """Return which share of the rows of each vocabulary a search left; nothing of tables without a search."""
    shares = {}
    for lookup in layers_of(model, FusedLookup):
        table = lookup.fused_table
        if isinstance(table, PrunedTable | SparseTable) and lookup.dim > 1:
            kept = table.kept_ids()
            for name, start in lookup.offsets.items():
                shares[f"{KEPT}{name}"] = float(kept[1 + start : start + lookup.vocabularies[name]].mean())
    return shares


def _kept(scores: list[Score], rows: dict[str, int]) -> str:
    """A table of the shares of rows that are kept, one row a variant; nothing where no variant is searched."""
    searched = [score for score in scores if any(name.startswith(KEPT) for name in score.figures)]
    largest = sorted(rows, key=lambda name: -rows[name])[:LARGEST]
    columns = [(name, f"{KEPT}{name}", as_share) for name in largest]
    return f"Rows that are kept, of the largest vocabularies:\n\n{markdown(searched, columns)}" if searched else ""


def _tables(model: CTRModel) -> list[Any]:
    return [lookup.fused_table for lookup in layers_of(model, FusedLookup)]


if __name__ == "__main__":
    app()

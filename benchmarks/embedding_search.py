r"""What a searched embedding table costs and gives: OptEmbed beside plain tables of several widths.

Every trial is trained, judged once on the test rows, exported and asked row by row. Told are AUC and logloss, rows that
are kept, bytes of the tables as they are served, sizes of the SavedModel's variables and of all of it (its graphs and
vocabularies too), and the median time of an answer for one raw row. The linear part is among the tables. A trial that
is finished is kept and not repeated; a run that was killed goes on at the stage where it stopped.

Example:
    python -m benchmarks.embedding_search frappe --model DeepFM --settings benchmarks/frappe.yaml --widths 10,5,2 \
        --budgets "none,100 kB" --seeds 3
"""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import typer
import yaml
from rich.console import Console

from tfctr.benchmark import KeptTrials, Score, Splits, load_splits, write_section
from tfctr.benchmark.trial import with_objects
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.layers.embedding import FeatureEmbedding, PrunedTable, format_bytes
from tfctr.models import MODELS, CTRModel
from tfctr.plans import Fit, OptEmbed, Plan
from tfctr.serving import export_model
from tfctr.serving.requests import column_inputs
from tfctr.serving.savedmodel import InProcess
from tfctr.spec import FeatureSpec, load_spec
from tfctr.training import FitConfig, evaluate

RESULTS = Path(__file__).with_name("RESULTS.md")
ASKED = 300
"""Rows that are answered one by one, after a fifth as many to warm up."""

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def main(
    spec: Annotated[str, typer.Argument(help="A shipped spec's name or a file.")] = "frappe",
    model: Annotated[str, typer.Option(help="Name of the model.")] = "DeepFM",
    settings: Annotated[Path | None, typer.Option(help="YAML: model -> hyper-parameters and fit settings.")] = None,
    widths: Annotated[str, typer.Option(help="Widths of the plain tables; OptEmbed searches up to the first.")] = (
        "16,8,4,2"
    ),
    budgets: Annotated[str, typer.Option(help="Budgets of OptEmbed; none lets it free.")] = "none",
    plan_sets: Annotated[list[str] | None, typer.Option("--plan-set", help="OptEmbed's setting; repeat.")] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 3,
    first_seed: Annotated[int, typer.Option(help="The first of them.")] = 0,
    threads: Annotated[int, typer.Option(help="Threads of one operation; 0 takes all cores.")] = 0,
    source: Annotated[str, typer.Option(help="Log or data set; the spec's own when left out.")] = "",
    workdir: Annotated[Path, typer.Option(help="Folder for data, runs and finished trials.")] = Path(
        "work/embedding_search"
    ),
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Train every variant with every seed, unless it is done already, and print the table."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    loaded = load_spec(spec)
    chosen = yaml.safe_load(settings.read_text()) if settings else {}
    told = {**chosen.get("all", {}), **chosen.get(model, {})}
    folder, log = workdir / loaded.name, source or loaded.source.dataset or ""
    splits = functools.cache(lambda: load_splits(loaded, log, folder))
    kept = KeptTrials(folder / "trials", {"spec": loaded.model_dump(mode="json"), "log": log, "told": told})
    plain = [int(width) for width in widths.split(",")]
    wanted: list[tuple[str, dict[str, Any]]] = [(f"{model}, width {width}", {"width": width}) for width in plain]
    for budget in budgets.split(","):
        searched = {"width": plain[0], "budget": None if budget == "none" else budget.strip(), **pairs(plan_sets)}
        wanted.append(("OptEmbed" if budget == "none" else f"OptEmbed, {budget.strip()}", searched))
    scores, console = [], Console()
    for seed in range(first_seed, first_seed + seeds):
        for label, options in wanted:
            runs = folder / "runs" / f"{model}-{label.replace(' ', '')}-{seed}"
            trial = functools.partial(_trial, splits, model, told, seed, runs, label, options)
            scores.append(kept.score(label, seed, options, trial))
            console.print(label, seed, scores[-1].figures, soft_wrap=True)
    table = markdown(scores)
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        args = {"model": model, "settings": settings, "widths": widths, "budgets": f'"{budgets}"', "seeds": seeds}
        command = f"python -m benchmarks.embedding_search {spec}" + "".join(f" --{k} {v}" for k, v in args.items() if v)
        command += "".join(f" --plan-set {pair}" for pair in plan_sets or [])
        write_section(RESULTS, f"Searched embedding tables of {model} on {loaded.name}", command, table)


def _trial(
    splits: Any, name: str, told: dict[str, Any], seed: int, runs: Path, label: str, options: dict[str, Any]
) -> Score:
    """Train, judge, export and time one variant; without a budget among its options it is a plain table."""
    rows: Splits = splits()
    hyperparameters = {**told, "embedding_dim": options["width"]}
    batch_size = hyperparameters.pop("batch_size", 1024)
    config = FitConfig(**{**hyperparameters.pop("fit", {}), "seed": seed})
    train = ArrayPlan(rows.train, rows.spec, batch_size=batch_size, seed=seed)
    valid, test = (array_dataset(split, rows.spec, batch_size=8192) for split in (rows.valid, rows.test))
    search = {key: value for key, value in options.items() if key != "width"}
    plan: Plan
    if search:  # it makes the tables itself: their first values are its own, the penalty on them is a setting of it
        hyperparameters.pop("initial_stddev", None)
        search = {"table_l2": hyperparameters.pop("table_l2", 0.0), **search}
        plan = OptEmbed(MODELS[name], hyperparameters, config, **search)
    else:
        plan = Fit(MODELS[name], with_objects(hyperparameters), config)
    started = time.perf_counter()
    model = plan.run(rows.spec, train, valid, runs)
    seconds = time.perf_counter() - started
    judged = evaluate(model, test)
    kept_rows, table_bytes = table_sizes(model)
    with tempfile.TemporaryDirectory() as place:
        exported = export_model(model, rows.transform, Path(place) / "1")
        figures = {
            "auc": judged["auc"],
            "logloss": judged["logloss"],
            "rows": kept_rows,
            "tables": table_bytes,
            "served": bytes_in(exported),
            "variables": bytes_in(exported / "variables"),
            "one": answer_time(exported, rows.spec.spec),
        }
    return Score(label, seed, figures, seconds=seconds, parameters=model.count_params())


def bytes_in(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def table_sizes(model: CTRModel) -> tuple[int, int]:
    """Return the rows of the embeddings, those of a linear part apart, and the bytes of all tables when served."""
    rows, size = 0, 0
    for layer in model._flatten_layers(include_self=False):
        if not isinstance(layer, FeatureEmbedding):
            continue
        for lookup in layer.lookups:
            table = lookup.fused_table
            size += table.serving_bytes()
            if layer.dim > 1:
                rows += table.shape[0] - 1 if isinstance(table, PrunedTable) else table.size[0] - 1
    return rows, size


def answer_time(exported: Path, spec: FeatureSpec, rows: int = 1) -> float:
    """Return the median milliseconds of an answer for raw rows; their values need not be known ones."""
    columns = spec.raw_columns(serving=True)
    values = {"string": "1", "int": 1, "float": 1.0}
    shaped = {"scalar": lambda c: values[c.type], "list": lambda c: [], "vector": lambda c: [0.0] * c.width}
    inputs = column_inputs([{column.name: shaped[column.shape](column) for column in columns}] * rows, columns)
    times = []
    with InProcess(exported) as model:
        for _ in range(ASKED + ASKED // 5):
            started = time.perf_counter()
            model.call(inputs, "predict")
            times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times[ASKED // 5 :]))


def markdown(scores: Iterable[Score]) -> str:
    """Return a Markdown table, one row a variant: mean ± standard deviation over the seeds."""
    head = ["table", "seeds", "AUC", "logloss", "rows", "tables", "variables", "SavedModel", "answer, ms", "seconds"]
    lines = [head, ["---"] * len(head)]
    groups: dict[str, list[Score]] = {}
    for score in scores:
        groups.setdefault(score.model, []).append(score)
    for label, group in groups.items():
        values = {name: np.array([score.figures[name] for score in group]) for name in group[0].figures}
        spread = {name: column.std(ddof=1) if len(group) > 1 else 0.0 for name, column in values.items()}
        cells = [f"{values[name].mean():.4f} ± {spread[name]:.4f}" for name in ("auc", "logloss")]
        cells += [f"{values['rows'].mean():,.0f}"]
        cells += [format_bytes(int(values[name].mean())) for name in ("tables", "variables", "served")]
        seconds = np.mean([score.seconds for score in group])
        lines.append([label, str(len(group)), *cells, f"{np.median(values['one']):.2f}", f"{seconds:.0f}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def pairs(texts: list[str] | None) -> dict[str, Any]:
    """Return name=value texts as a dict, values read as YAML."""
    return {name: yaml.safe_load(value) for name, _, value in (text.partition("=") for text in texts or [])}


if __name__ == "__main__":
    app()

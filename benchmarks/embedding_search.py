"""What a searched embedding table costs and gives: OptEmbed beside plain tables of several widths.

Every trial is trained, judged once on the test rows, exported and asked row by row. Told are AUC and logloss, rows that
are kept, bytes of the tables as they are served, size of the whole SavedModel, and the median time of an answer for one
raw row. The linear part is among the tables.

Example:
    python -m benchmarks.embedding_search frappe --model DeepFM --widths 16,8,4,2 --budgets "none,100 kB" --seeds 3
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml
from rich.console import Console

from tfctr.benchmark import Splits, load_splits, write_section
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

_FIGURES = ("auc", "logloss", "rows", "table_bytes", "model_bytes", "milliseconds", "seconds")

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@dataclass(frozen=True)
class Trial:
    """What one training gave.

    Attributes:
        label: Name in the table.
        auc, logloss: On the test rows.
        rows: Embedding rows that are kept, those of the linear part apart.
        table_bytes, model_bytes: Of all tables as they are served; of the SavedModel's folder.
        milliseconds: Median of an answer for one row.
        seconds: Of the whole training.
    """

    label: str
    auc: float
    logloss: float
    rows: int
    table_bytes: int
    model_bytes: int
    milliseconds: float
    seconds: float


@app.command()
def main(
    spec: Annotated[str, typer.Argument(help="A shipped spec's name or a file.")] = "frappe",
    model: Annotated[str, typer.Option(help="Name of the model.")] = "DeepFM",
    widths: Annotated[str, typer.Option(help="Widths of the plain tables; OptEmbed searches up to the first.")] = (
        "16,8,4,2"
    ),
    budgets: Annotated[str, typer.Option(help="Budgets of OptEmbed; none lets it free.")] = "none",
    sets: Annotated[list[str] | None, typer.Option("--set", help="Hyperparameter, name=value; repeat.")] = None,
    plan_sets: Annotated[list[str] | None, typer.Option("--plan-set", help="OptEmbed's setting; repeat.")] = None,
    fits: Annotated[list[str] | None, typer.Option("--fit", help="Training setting, name=value; repeat.")] = None,
    batch_size: Annotated[int, typer.Option(help="Rows in a batch.")] = 1024,
    seeds: Annotated[int, typer.Option(help="Seeds 0, 1, …")] = 3,
    source: Annotated[str, typer.Option(help="Log or data set; the spec's own when left out.")] = "",
    workdir: Annotated[Path, typer.Option(help="Folder for data and runs; a killed run goes on.")] = Path(
        "work/embedding_search"
    ),
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Train every variant with every seed and print the table."""
    loaded = load_spec(spec)
    splits = load_splits(loaded, source or loaded.source.dataset or "", workdir / loaded.name)
    shared, console = _pairs(sets), Console()
    plain = [int(width) for width in widths.split(",")]
    trials = []
    for seed in range(seeds):
        config = FitConfig(**{**_pairs(fits), "seed": seed})
        variants: dict[str, Plan] = {
            f"{model}, width {width}": Fit(MODELS[model], {**shared, "embedding_dim": width}, config) for width in plain
        }
        for budget in budgets.split(","):
            searched = {**_pairs(plan_sets), "budget": None if budget == "none" else budget.strip()}
            label = "OptEmbed" if budget == "none" else f"OptEmbed, {budget.strip()}"
            variants[label] = OptEmbed(MODELS[model], {**shared, "embedding_dim": plain[0]}, config, **searched)
        for label, plan in variants.items():
            folder = workdir / "runs" / f"{loaded.name}-{model}-{label.replace(' ', '')}-{seed}"
            trials.append(run(label, plan, splits, folder, batch_size))
            console.print(trials[-1], soft_wrap=True)
    table = markdown(trials)
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        command = (
            f'python -m benchmarks.embedding_search {spec} --model {model} --widths {widths} --budgets "{budgets}"'
        )
        told = {"set": sets, "plan-set": plan_sets, "fit": fits}
        command += "".join(f" --{name} {value}" for name, values in told.items() for value in values or [])
        command += f" --batch-size {batch_size} --seeds {seeds}"
        write_section(RESULTS, f"Searched embedding tables of {model} on {loaded.name}", command, table)


def run(label: str, plan: Plan, splits: Splits, folder: Path, batch_size: int) -> Trial:
    """Train, judge, export and time one variant."""
    train = ArrayPlan(splits.train, splits.spec, batch_size=batch_size, seed=plan.config.seed)
    valid, test = (array_dataset(rows, splits.spec, batch_size=8192) for rows in (splits.valid, splits.test))
    started = time.perf_counter()
    model = plan.run(splits.spec, train, valid, folder)
    seconds = time.perf_counter() - started
    figures = evaluate(model, test)
    with tempfile.TemporaryDirectory() as place:
        exported = export_model(model, splits.transform, Path(place) / "1")
        size = sum(path.stat().st_size for path in exported.rglob("*") if path.is_file())
        milliseconds = answer_time(exported, splits.spec.spec)
    rows, table_bytes = table_sizes(model)
    return Trial(label, figures["auc"], figures["logloss"], rows, table_bytes, size, milliseconds, seconds)


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


def markdown(trials: Sequence[Trial]) -> str:
    """Return a Markdown table, one row a variant: mean ± standard deviation over the seeds."""
    head = ["table", "seeds", "AUC", "logloss", "rows", "tables", "SavedModel", "answer, ms", "training, s"]
    lines = [head, ["---"] * len(head)]
    for label in dict.fromkeys(trial.label for trial in trials):
        group = [trial for trial in trials if trial.label == label]
        mean = {name: float(np.mean([getattr(t, name) for t in group])) for name in _FIGURES}
        cells = [f"{mean[name]:.4f} ± {_spread([getattr(t, name) for t in group]):.4f}" for name in ("auc", "logloss")]
        cells += [f"{mean['rows']:,.0f}", format_bytes(mean["table_bytes"]), format_bytes(mean["model_bytes"])]
        lines.append([label, str(len(group)), *cells, f"{mean['milliseconds']:.2f}", f"{mean['seconds']:.0f}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _spread(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _pairs(texts: list[str] | None) -> dict[str, Any]:
    """Return name=value texts as a dict, values read as YAML."""
    return {name: yaml.safe_load(value) for name, _, value in (text.partition("=") for text in texts or [])}


if __name__ == "__main__":
    app()

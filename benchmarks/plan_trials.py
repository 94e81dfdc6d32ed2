"""What the benchmarks of plans share: rows, cached trials, sizes and times of what is served, a table of means."""

from __future__ import annotations

import contextlib
import functools
import math
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml

from tfctr.benchmark import Score, Splits, TrialCache, load_splits, settings_of, size_at, table_line
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.layers.embedding import format_bytes
from tfctr.models import CTRModel
from tfctr.serving import export_model
from tfctr.serving._requests import column_inputs
from tfctr.serving.savedmodel import InProcess
from tfctr.spec import FeatureSpec, RawColumn, load_spec
from tfctr.training import FitConfig
from tfctr.transform import TransformOutput

SpecArgument = Annotated[str, typer.Argument(help="A shipped spec's name or a file.")]
ModelOption = Annotated[str, typer.Option(help="Name of the model.")]
SettingsOption = Annotated[Path | None, typer.Option(help="YAML: model -> hyper-parameters and fit settings.")]
SeedsOption = Annotated[int, typer.Option(help="How many seeds.")]
FirstSeedOption = Annotated[int, typer.Option(help="The first of them.")]
ThreadsOption = Annotated[int, typer.Option(help="Threads of one operation; 0 takes all cores.")]
SourceOption = Annotated[str, typer.Option(help="Log or data set; the spec's own when left out.")]
WorkdirOption = Annotated[Path, typer.Option(help="Folder for data, runs and finished trials.")]
WriteOption = Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")]

TURNS, ASKED = 15, 20
"""Turns in which each model answers requests, and requests of a turn, one after the other."""


@dataclass(frozen=True)
class Bench:
    """Where a model's trials on one data set lie.

    Attributes:
        name: Of the spec.
        splits: Gives the rows; they are prepared when a trial first asks for them.
        settings: The model's hyper-parameters and fit settings.
        cache: Finished trials.
        folder: Of data, trials and runs.
    """

    name: str
    splits: Callable[[], Splits]
    settings: dict[str, Any]
    cache: TrialCache
    folder: Path

    def served(self, label: str, seed: int) -> Path:
        """Where a trial exports its model; TensorFlow would read brackets as a pattern."""
        return self.folder / "served" / f"{label}-{seed}".translate({ord("["): "(", ord("]"): ")"})


@dataclass(frozen=True)
class Inputs:
    """What a trial of a plan begins with.

    Attributes:
        rows: Of the three parts.
        hyperparameters: Of the model, without batch size and fit settings.
        config: How it is fitted, with the trial's seed.
        train: Batches to learn from.
        valid, test: Data sets that decide and that judge.
    """

    rows: Splits
    hyperparameters: dict[str, Any]
    config: FitConfig
    train: ArrayPlan
    valid: Any
    test: Any


def inputs_of(bench: Bench, seed: int) -> Inputs:
    """Return what a trial with this seed begins with."""
    rows, settings = bench.splits(), dict(bench.settings)
    batch_size = settings.pop("batch_size", 1024)
    config = FitConfig(**{**settings.pop("fit", {}), "seed": seed})
    train = ArrayPlan(rows.train, rows.spec, batch_size=batch_size, seed=seed)
    valid, test = (array_dataset(split, rows.spec, batch_size=8192) for split in (rows.valid, rows.test))
    return Inputs(rows, settings, config, train, valid, test)


def open_bench(spec: str, model: str, settings: Path | None, source: str, workdir: Path) -> Bench:
    """Read the spec and the settings (YAML: model -> hyper-parameters and fit settings, `all` for every one)."""
    loaded = load_spec(spec)
    chosen = yaml.safe_load(settings.read_text()) if settings else {}
    of_model = settings_of(chosen, model)
    folder, log = workdir / loaded.name, source or loaded.source.dataset or ""
    cache = TrialCache(folder / "trials", {"spec": loaded.model_dump(mode="json"), "log": log, "told": of_model})
    return Bench(loaded.name, functools.cache(lambda: load_splits(loaded, log, folder)), of_model, cache, folder)


def pairs(texts: list[str] | None) -> dict[str, Any]:
    """Return name=value texts as a dict, values read as YAML."""
    return {name: yaml.safe_load(value) for name, _, value in (text.partition("=") for text in texts or [])}


def command_of(script: str, spec: str, options: Mapping[str, Any]) -> str:
    """Return the command line of a table: options without a value left out, those with several repeated.

    Example:
        >>> command_of("low_rank", "frappe", {"ratios": "2,4", "first-seed": 0, "plan-set": ["a=1", "b=two words"]})
        'python -m benchmarks.low_rank frappe --ratios 2,4 --plan-set a=1 --plan-set "b=two words"'
    """
    told = [(name, one) for name, value in options.items() for one in (value if isinstance(value, list) else [value])]
    quoted = [(name, f'"{value}"' if " " in str(value) else value) for name, value in told if value]
    return f"python -m benchmarks.{script} {spec}" + "".join(f" --{name} {value}" for name, value in quoted)


def bytes_in(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def export_anew(model: CTRModel, transform: TransformOutput, folder: Path) -> Path:
    """Export a model in place of what an earlier trial left there."""
    if folder.exists():
        shutil.rmtree(folder)
    return export_model(model, transform, folder)


def with_times(bench: Bench, scores: Sequence[Score], requests: Mapping[str, int]) -> list[Score]:
    """Return scores with the median milliseconds of an answer, by the models that their trials exported.

    Args:
        bench: Where they lie.
        scores: Of the trials.
        requests: Name of the figure -> rows of a request.
    """
    exports = [bench.served(score.model, score.seed) for score in scores]
    found = {figure: answer_times(exports, bench.splits().spec.spec, rows) for figure, rows in requests.items()}
    return [
        replace(score, figures={**score.figures, **{figure: float(times[index]) for figure, times in found.items()}})
        for index, score in enumerate(scores)
    ]


def answer_times(exports: Sequence[Path], spec: FeatureSpec, rows: int = 1) -> np.ndarray:
    """Return the median milliseconds of an answer of each model for raw rows; their values need not be known ones.

    The models answer by turns, so that a slow minute of the machine meets all of them.
    """
    columns = spec.raw_columns(serving=True)
    values = {"string": "1", "int": 1, "float": 1.0}
    shaped: dict[str, Callable[[RawColumn], object]] = {
        "scalar": lambda c: values[c.type],
        "list": lambda c: [],
        "vector": lambda c: [0.0] * (c.width or 0),
    }
    inputs = column_inputs([{column.name: shaped[column.shape](column) for column in columns}] * rows, columns)
    with contextlib.ExitStack() as opened:
        models = [opened.enter_context(InProcess(exported)) for exported in exports]
        turns = [[_answered(model, inputs) for model in models] for _ in range(1 + TURNS)]
    return np.median(turns[1:], axis=0)  # the first one warms up


def _answered(model: InProcess, inputs: dict[str, np.ndarray]) -> float:
    """Median milliseconds of a turn's requests."""
    times = []
    for _ in range(ASKED):
        started = time.perf_counter()
        model.call(inputs, "predict")
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))


Values = np.ndarray
"""One figure of a variant, a number a seed."""

Column = tuple[str, str, Callable[[Values], str]]
"""Title, name of the figure, and how its values are shown."""


def as_bytes(values: Values) -> str:
    """Mean size."""
    return format_bytes(int(values.mean()))


def as_count(values: Values) -> str:
    """Mean, without decimals."""
    return f"{values.mean():,.0f}"


def as_share(values: Values) -> str:
    """Mean, in per cent."""
    return f"{100 * values.mean():.3g} %"


def as_milliseconds(values: Values) -> str:
    """Median, with two decimals."""
    return f"{np.median(values):.2f}"


def markdown(scores: Iterable[Score], columns: Sequence[Column]) -> str:
    """Return a Markdown table, one row a variant in the order of the scores, over its seeds."""
    groups: dict[str, list[Score]] = {}
    for score in scores:
        groups.setdefault(score.model, []).append(score)
    head = ["model", "seeds", *(title for title, _, _ in columns)]
    lines = [head, ["---"] * len(head)]
    for label, group in groups.items():
        cells = [show(np.array([score.figures[figure] for score in group])) for _, figure, show in columns]
        lines.append([label, str(len(group)), *cells])
    return "\n".join(map(table_line, lines))


def plain_sizes(scores: Sequence[Score], plain: Sequence[str]) -> str:
    """Return a Markdown table of the bytes that plain tables take for the AUC of each other model.

    Args:
        scores: With the figures `auc` and `tables`.
        plain: Labels of the models with plain tables of several widths.
    """
    known = [score for score in scores if score.model in plain]
    widest = max(score.figures["tables"] for score in known)
    lines = [["model", "AUC", "tables", "plain tables of that AUC"], ["---"] * 4]
    for label in dict.fromkeys(score.model for score in scores if score not in known):
        found = [score.figures for score in scores if score.model == label]
        auc, size = (float(np.mean([figures[name] for figures in found])) for name in ("auc", "tables"))
        needed = size_at(known, auc, size="tables", figure="auc")
        shown = f"more than {format_bytes(int(widest))}" if needed is None else format_bytes(round(needed))
        lines.append([label, f"{auc:.4f}", format_bytes(round(size)), shown])
    between = "Plain tables of equal AUC, between measured widths by the logarithm of the size:"
    return "\n".join([between, "", *map(table_line, lines)])


def luck_of_rows(scores: Sequence[Score], labels: np.ndarray) -> str:
    """Return a sentence on the standard error that an AUC has by which rows were drawn for the test.

    Args:
        scores: With the figure `auc`; their mean is taken.
        labels: Of the test rows, 0 or 1.

    Reference: Hanley & McNeil, "The Meaning and Use of the Area under a ROC Curve", Radiology 143 (1982).
    """
    auc = float(np.mean([score.figures["auc"] for score in scores]))
    positives, negatives = int((labels > 0).sum()), int((labels <= 0).sum())
    two_positives, two_negatives = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (two_positives - auc**2) + (negatives - 1) * (two_negatives - auc**2)
    error = math.sqrt(variance / (positives * negatives))
    return (
        f"The {positives + negatives:,} test rows, {positives:,} of them positive, give an AUC a standard error of "
        f"{error:.4f}, which all models share; ± is the spread over seeds."
    )

"""What the run did and with what: steps, data, model, settings, versions."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tfctr.plans import PLANS
from tfctr.spec import FeatureSpec, SurvivalTask
from tfctr.training import FitConfig
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.report._table import Cell, Column, Row, Table, columns, lasted, shown
from tfx_pipeline.results import Results

_UNTOLD = ("name", "trainable", "dtype", "spec")
"""Hyper-parameters that every Keras model has."""

_YEAR_1980, _YEAR_2100 = 315_532_800, 4_102_444_800


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file, an empty one where there is no file."""
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


def with_grid(spec: FeatureSpec, card: dict[str, Any]) -> FeatureSpec:
    """Return the spec with the cut points that the model answers for in place of quantiles of survival tasks."""
    points = card.get("cut_points", {})
    tasks = [
        task.model_copy(update={"cut_points": tuple(points[task.name]), "quantiles": None})
        if isinstance(task, SurvivalTask) and task.quantiles and task.name in points
        else task
        for task in spec.tasks
    ]
    return spec.model_copy(update={"tasks": tuple(tasks)})


def steps_table(results: Results) -> Table | None:
    """Every step: whether it ran, how long it took, and why; None where no record was kept."""
    if results.record is None:
        return None
    names = columns("step", "what", "seconds", "why", numeric=("seconds",), wide=("why",))
    rows = tuple(
        Row((step.node, "cached" if step.cached else "ran", f"{step.seconds:.1f}", step.why),
            "small" if step.cached else "")
        for step in results.record.steps
    )  # fmt: skip
    return Table(f"Steps of the run, {lasted(results.record.seconds)} together", names, rows)


def stages_table(results: Results) -> Table | None:
    """What each stage of the plan did; None for a plan that is a single fit."""
    told = results.stages_told()
    if not told:
        return None
    seconds = [f"{stage['seconds']:.1f}" for stage in results.stages]
    rows = tuple(Row((name, spent, words)) for (name, words), spent in zip(told, seconds, strict=True))
    head = columns("stage", "seconds", "what it tells", numeric=("seconds",), wide=("what it tells",))
    return Table("Stages of the plan", head, rows)


def splits_table(spec: FeatureSpec, results: Results, data: dict[str, Any]) -> Table:
    """Rows, share of positives or mean label, and span of time of each split."""
    told = data.get("splits", {})
    words = {"binary": "positives", "survival": "events", "regression": "mean"}
    shares = tuple(Column(f"{words[task.kind]}, {task.name}", numeric=True) for task in spec.tasks)
    timed = any(split.get("time") for split in told.values())
    head = (Column("split"), Column("rows", numeric=True), *shares)
    head = (*head, Column("from"), Column("to")) if timed else head
    rows = []
    for split, count in results.rows.items():
        part = told.get(split, {})
        told_of = {task: f"{rate:.3%}" for task, rate in part.get("positive_rate", {}).items()}
        told_of |= {task: f"{mean:,.6g}" for task, mean in part.get("label_mean", {}).items()}
        cells: list[Cell] = [split, count, *(told_of.get(task.name) for task in spec.tasks)]
        if timed:
            cells += [_moment(seconds) for seconds in told.get(split, {}).get("time") or (None, None)]
        rows.append(Row(tuple(cells)))
    return Table("Rows of each split", head, tuple(rows))


def bad_rows_told(data: dict[str, Any]) -> str:
    """How many rows of the log were set aside."""
    bad = data.get("bad_rows", {})
    if not bad:
        return ""
    if not bad["bad"]:
        return f"None of {bad['rows']:,} rows of the log was bad."
    return f"{bad['bad']:,} of {bad['rows']:,} rows of the log were bad and set aside ({bad['bad'] / bad['rows']:.3%})."


def bad_rows_table(data: dict[str, Any]) -> Table | None:
    """Reasons why rows were set aside; None where none was."""
    reasons = data.get("bad_rows", {}).get("reasons", {})
    if not reasons:
        return None
    rows = tuple(Row((reason, count)) for reason, count in reasons.items())
    return Table("Bad rows", columns("reason", "rows", numeric=("rows",)), rows)


def model_table(results: Results, card: dict[str, Any]) -> Table:
    """Size of the model, and what training it took."""
    facts: dict[str, Cell] = {}
    if card:
        facts["parameters"] = int(card["parameters"])
        facts["size of the export"] = f"{card['size_bytes'] / 1e6:,.2f} MB"
        facts["signatures"] = ", ".join(card["signatures"])
    facts["epochs"] = len(results.history)
    seconds = [row["seconds"] for row in results.history if "seconds" in row]
    if seconds:
        facts["seconds in epochs"] = f"{sum(seconds):,.1f}"
    if "examples_per_second" in results.history[-1]:
        facts["examples a second, last epoch"] = f"{results.history[-1]['examples_per_second']:,.0f}"
    if results.start is not None:
        facts["training began as"] = str(results.start)
    return _pairs("The model", facts)


def vocabularies_table(card: dict[str, Any]) -> Table | None:
    """Rows of each embedding table; None where the export does not say."""
    if not card.get("rows"):
        return None
    rows = tuple(Row((name, int(count))) for name, count in sorted(card["rows"].items(), key=lambda pair: -pair[1]))
    return Table("Rows of the embedding tables", columns("vocabulary", "rows", numeric=("rows",)), rows)


def settings_tables(config: PipelineConfig, card: dict[str, Any]) -> tuple[Table, ...]:
    """Hyper-parameters, training, plan and run: each value, and whether it was given or is the default."""
    plan = PLANS[config.plan].Settings
    fit = FitConfig(**{"seed": config.seed, **config.fit}).model_dump(mode="json")
    model = {name: value for name, value in card.get("hyperparameters", {}).items() if name not in _UNTOLD}
    given = set(config.model_dump(exclude_defaults=True))
    elsewhere = {"hyperparameters", "fit", "plan_settings"} | ({"beam_args"} - given)
    run = config.model_dump(mode="json", exclude=elsewhere)
    tables = [
        _settings(f"Hyper-parameters of {config.model}", {**model, **config.hyperparameters}, config.hyperparameters),
        _settings("Training", fit, config.fit),
        _settings(f"Plan {config.plan}", plan(**config.plan_settings).model_dump(mode="json"), config.plan_settings),
        _settings("Run", run, given),
    ]
    return tuple(table for table in tables if table.rows)


def packages_table(results: Results) -> Table:
    """What training ran with."""
    return _pairs("Versions that training ran with", dict(results.packages))


def _settings(caption: str, values: dict[str, Any], given: Any) -> Table:
    rows = sorted((name not in given, name) for name in values)
    names = columns("setting", "value", "it is", wide=("value",))
    return Table(
        caption,
        names,
        tuple(
            Row((name, _text(values[name]), "default" if default else "given"), "small" if default else "")
            for default, name in rows
        ),
    )


def _pairs(caption: str, facts: dict[str, Cell]) -> Table:
    rows = tuple(Row((name, shown(value))) for name, value in facts.items())
    return Table(caption, columns("what", "value", wide=("value",)), rows)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _moment(seconds: int | None) -> Cell:
    """A time for people, in UTC; a number that is no time in seconds stays a number."""
    if seconds is None or not _YEAR_1980 < seconds < _YEAR_2100:
        return seconds
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))

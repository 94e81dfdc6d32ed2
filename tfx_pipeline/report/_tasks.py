"""The figures of each task beside what needs no model, and their pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tfctr.spec import AnyTask, BinaryTask, FeatureSpec, RegressionTask, SurvivalTask
from tfctr.training.metrics import evaluate_arrays
from tfctr.training.metrics.report import FIGURES
from tfx_pipeline.report._baselines import Figures
from tfx_pipeline.report._charts import Chart, task_charts
from tfx_pipeline.report._domains import domain_tables, domains_told
from tfx_pipeline.report._table import Cell, Column, Row, Table, shown, signed
from tfx_pipeline.rescore import Scores
from tfx_pipeline.results import Results

BINARY = {
    "auc": "AUC",
    "gauc": "GAUC",
    "logloss": "logloss",
    "normalized_entropy": "normalized entropy",
    "brier": "Brier score",
    "calibration_ratio": "predicted / actual",
    "ece_mass": "calibration error",
}
SURVIVAL = {"c_index": "C-index", "brier": "Brier score", "nll": "negative log-likelihood"}
REGRESSION = {"rmse": "RMSE", "mae": "MAE", "r2": "R²", "relative_error": "RMSE / deviation"}
FIGURES_OF = {"binary": BINARY, "survival": SURVIVAL, "regression": REGRESSION}
"""Kind of task -> its figures: name -> title."""

_ORDER_AND_ERROR = {"binary": ("auc", "logloss"), "survival": ("c_index", "brier"), "regression": ("r2", "rmse")}
"""Kind of task -> the figure in which more is better, and the one in which less is."""

_GATE_NAMES = {"calibration_ratio": "calibration"}
"""Where the gate has another name for a figure."""

MEANINGS = {
    "C-index": "Share of pairs of rows in the right order of what they lasted; 0.5 is chance. Higher is better.",
    "Brier score": "Squared error of the probability of lasting, over time, censoring weighted out. Lower is better.",
    "negative log-likelihood": "What the training minimises, in nats. Lower is better.",
    "RMSE": "Root of the mean squared error, in the label's unit. Lower is better.",
    "MAE": "Mean absolute error, in the label's unit. Lower is better.",
    "R²": "Share of the labels' variance explained; 0 is no better than their mean. Higher is better.",
    "RMSE / deviation": "The RMSE over the labels' standard deviation; 1 is no better than their mean.",
}
"""What the figures of tasks mean that are not yes or no."""


@dataclass(frozen=True)
class TaskView:
    """What the page says of a task.

    Args:
        name: Its name.
        kind: Its kind, for people.
        facts: One sentence about the rows.
        figures: This model, the last blessed one, and what needs no model.
        meanings: Name of a figure -> what it means.
        charts: Pictures.
        note: Why there are no pictures, where there are none.
        domains: Figures of each domain, the largest first; none without a `meta.domain`.
        domains_told: What the mean of the domains says.
    """

    name: str
    kind: str
    facts: str
    figures: Table
    meanings: dict[str, str]
    charts: tuple[Chart, ...]
    note: str
    domains: tuple[Table, ...] = ()
    domains_told: str = ""


def task_views(
    spec: FeatureSpec, results: Results, scores: dict[str, Scores], beside: dict[str, Figures]
) -> tuple[TaskView, ...]:
    """Return what is said of each task.

    Args:
        spec: The spec.
        results: What came of the run.
        scores: Task -> test rows, scored.
        beside: Task -> figures of what needs no model.
    """
    return tuple(
        _view(task, spec.meta.domain or "", results, scores[task.name], beside.get(task.name, {}))
        for task in spec.tasks
    )


def _view(task: AnyTask, domain: str, results: Results, rows: Scores, beside: Figures) -> TaskView:
    wanted, gate = FIGURES_OF[task.kind], results.verdict.metrics.get(task.name, {})
    own = rows.figures()
    if isinstance(task, BinaryTask):
        own = evaluate_arrays(rows.labels, rows.predictions, None, rows.weights)
        own = {"gauc": gate["gauc"], **own} if "gauc" in gate else own
    titles = {name: title for name, title in wanted.items() if name in own}
    lines = [Row(("this model", *(own.get(name) for name in titles)), "ours")]
    before = {name: _before(gate, _GATE_NAMES.get(name, name)) for name in titles}
    if any(value is not None for value in before.values()):
        lines.append(Row(("last blessed model", *before.values())))
    lines += [Row((name, *(figures.get(figure) for figure in titles))) for name, figures in beside.items()]
    columns = (Column("on the test rows"), *(Column(title, numeric=True) for title in titles.values()))
    charts, note = task_charts(task, rows)
    by_domain = rows.by_domain()
    return TaskView(
        name=task.name,
        kind=_kind(task),
        facts=_facts(own, task, beside),
        figures=Table(f"Figures of {task.name}, beside what needs no model", columns, tuple(lines)),
        meanings=_meanings(titles)
        if isinstance(task, BinaryTask)
        else {title: MEANINGS[title] for title in titles.values()},
        charts=charts,
        note=note,
        domains=domain_tables(task.name, domain, by_domain),
        domains_told=domains_told(by_domain, own.get("auc", math.nan)),
    )


def _kind(task: AnyTask) -> str:
    if isinstance(task, SurvivalTask):
        return f"how long it lasts, in {task.unit}"
    return f"a number: {task.label}" if isinstance(task, RegressionTask) else "yes or no"


def _before(gate: dict[str, float], name: str) -> Cell:
    """The last blessed model's figure; None where the gate did not compare it."""
    return gate[name] - gate[f"{name}_diff"] if f"{name}_diff" in gate else None


def _facts(own: dict[str, float], task: AnyTask, beside: Figures) -> str:
    rows = f"{own['rows']:,.0f} test rows that count"
    gain = _gain(own, beside, *_ORDER_AND_ERROR[task.kind])
    if isinstance(task, SurvivalTask):
        return f"{rows}; the end was seen in {own['event_share']:.1%} of them.{gain}"
    if isinstance(task, RegressionTask):
        return f"{rows}; {shown(own['mean_label'])} on average, {shown(own['mean_prediction'])} predicted.{gain}"
    return f"{rows}; {_share(own['mean_label'])} positive, {_share(own['mean_prediction'])} predicted.{gain}"


def _share(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.3%}"


def _gain(own: dict[str, float], beside: Figures, order: str, error: str) -> str:
    """How far the model is from the best of what needs none, which may be two different things."""
    titles = {**BINARY, **SURVIVAL, **REGRESSION}
    if not beside:
        return ""
    order_gain = own[order] - max(figures[order] for figures in beside.values())
    error_gain = own[error] - min(figures[error] for figures in beside.values())
    return (
        f" Against the best of what needs no model: {titles[order]} {signed(order_gain)}, "
        f"{titles[error]} {signed(error_gain)}."
    )


def _meanings(titles: dict[str, str]) -> dict[str, str]:
    ways = {"higher": " Higher is better.", "lower": " Lower is better.", "near 1": " Best near 1."}
    known = {title: FIGURES[name] for name, title in titles.items() if name in FIGURES}
    return {title: figure.meaning + ways.get(figure.better, "") for title, figure in known.items()}

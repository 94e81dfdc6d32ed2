"""Pictures of the report, as SVG that takes the page's colours."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from tfctr.spec import AnyTask, RegressionTask, SurvivalTask
from tfctr.training.metrics import calibration_curve, undefined_reason
from tfctr.training.metrics.plots import (
    calibration_figure,
    calibrations_figure,
    learning_figure,
    numbers_figure,
    roc_figure,
    survival_figure,
    svg_text,
)
from tfx_pipeline.rescore import Scores

_LEARNED = ("loss", "logloss", "nll", "rmse", "auc", "c_index", "r2", "gauc")
"""Ends of the names of training's figures that are drawn; each task has its own."""

_BUCKETS = 10
"""Dots of a calibration curve: few enough to be told apart on a small screen."""

_GROUPS = 3
"""Groups of rows by expected life, each with a line."""


class Chart(NamedTuple):
    """A picture.

    Args:
        caption: What it shows and how to read it.
        svg: The picture, in which everything is escaped already.
    """

    caption: str
    svg: str


def task_charts(task: AnyTask, rows: Scores) -> tuple[tuple[Chart, ...], str]:
    """Return the pictures of a task on its test rows, and why there are none where there are none."""
    if isinstance(task, SurvivalTask):
        return _survival_charts(task, rows), ""
    arrays = (rows.labels, rows.predictions, rows.weights)
    if isinstance(task, RegressionTask):
        return _number_charts(task, rows)
    if reason := undefined_reason(*arrays):
        return (), f"Nothing to draw: {reason}."
    roc = roc_figure(rows.labels, {"this model": rows.predictions}, rows.weights, title="")
    return (
        _chart(f"ROC of {task.name}: the further up and to the left, the better the order of the rows.", roc),
        _chart(
            f"Calibration of {task.name}: dots on the dotted line mean that what was predicted came true. Bars show "
            "one standard error; numbers are rows of a bucket; below, how many rows are predicted what.",
            calibration_figure(*arrays, buckets=_BUCKETS, title=""),
        ),
    ), ""


def _number_charts(task: RegressionTask, rows: Scores) -> tuple[tuple[Chart, ...], str]:
    if not np.isfinite(rows.predictions).all() or not rows.weights.sum() > 0:
        return (), "Nothing to draw: no row counts, or predictions are not numbers."
    caption = (
        f"Predicted and observed {task.name}, rows in buckets of equal weight: dots on the dotted line mean that what "
        "was predicted is right on average. Bars hold one standard deviation of the rows to either side."
    )
    arrays = (rows.labels, rows.predictions, rows.weights)
    return (_chart(caption, numbers_figure(*arrays, buckets=_BUCKETS, unit=task.label, title="")),), ""


def _survival_charts(task: SurvivalTask, rows: Scores) -> tuple[Chart, ...]:
    if not np.isfinite(rows.predictions).all() or not rows.weights.sum() > 0:
        return ()
    arrays = (np.abs(rows.labels), rows.labels > 0, rows.predictions, rows.cut_points, rows.weights)
    return (
        _chart(
            f"Survival of {task.name}: the line is what happened to all test rows (Kaplan–Meier), dots what was "
            "predicted of them on average. Dots on the line mean good calibration.",
            survival_figure(*arrays, time=task.unit, title=""),
        ),
        _chart(
            f"Survival of {task.name} by expected life, three equal groups of rows: lines are what happened, dots "
            "what was predicted. The further apart the lines, the better the order of the rows.",
            survival_figure(*arrays, groups=_GROUPS, time=task.unit, title=""),
        ),
    )


def overall_calibration(scores: dict[str, Scores]) -> Chart | None:
    """Return the calibration of all yes/no tasks in one picture; None where there are not several."""
    curves = {
        task: calibration_curve(rows.labels, rows.predictions, rows.weights, bins=_BUCKETS)
        for task, rows in scores.items()
        if rows.kind == "binary" and undefined_reason(rows.labels, rows.predictions, rows.weights) is None
    }
    if len(curves) < 2:
        return None
    caption = "Calibration of all tasks, rates on logarithmic axes: dots on the dotted line came true as predicted."
    return _chart(caption, calibrations_figure(curves, title=""))


def learning_charts(history: list[dict[str, float]]) -> tuple[Chart, ...]:
    """Return a picture for each figure of training: what was learned from, and the rows that decide when to stop."""
    names = dict.fromkeys(name.removeprefix("val_") for row in history for name in row)
    places = {name: _LEARNED.index(end) for name in names if (end := _ending(name))}
    return tuple(_learning(name, history) for name in sorted(places, key=lambda name: (places[name], len(name))))


def _ending(name: str) -> str:
    """What of `_LEARNED` a name ends in; each task's figures begin with its name."""
    return next((end for end in _LEARNED if name == end or name.endswith(f"_{end}")), "")


def _learning(name: str, history: list[dict[str, float]]) -> Chart:
    keys = [key for key in (name, f"val_{name}") if any(key in row for row in history)]
    curves = {key: [row.get(key, math.nan) for row in history] for key in keys}
    rows = " and ".join("validation rows" if key.startswith("val_") else "training rows" for key in keys)
    return _chart(f"{name} by epoch, on {rows}.", learning_figure(curves, title=""))


def _chart(caption: str, figure: Figure) -> Chart:
    return Chart(caption, svg_text(figure, alt=caption))

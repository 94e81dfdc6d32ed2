"""Figures by slice; what has too few rows to be judged is shown as such."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from tfctr.spec import AnyTask, FeatureSpec
from tfctr.spec.gates import bound_for
from tfx_pipeline.report._table import Cell, Row, Table, columns, signed
from tfx_pipeline.results import Results

MOST_SHOWN = 40
"""Slices that are shown at once; the others are folded away."""


class _Shown(NamedTuple):
    """What is shown of a kind of task: metric -> title, and the metric that is bounded and compared."""

    figures: dict[str, str]
    bounded: str
    sign: str
    caption: str


_KINDS = {
    "binary": _Shown(
        {"auc": "AUC", "logloss": "logloss", "calibration": "predicted / actual"},
        "auc",
        ">=",
        "Slices of the test rows",
    ),
    "regression": _Shown(
        {"rmse": "RMSE", "mae": "MAE", "mean_label": "mean label", "mean_prediction": "mean prediction"},
        "rmse",
        "<=",
        "Numbers by slice of the test rows",
    ),
}


def slice_tables(spec: FeatureSpec, results: Results) -> tuple[Table, ...]:
    """Return the slices of every yes/no and regression task, in tables of at most `MOST_SHOWN` rows.

    Slices that failed come first, then the large ones by rows, then those too small to be judged.
    """
    tables: list[Table] = []
    for kind, shown in _KINDS.items():
        if tasks := [task for task in spec.tasks if task.kind == kind]:
            tables += _tables(shown, tasks, spec, results)
    return tuple(tables)


def _tables(shown: _Shown, tasks: list[AnyTask], spec: FeatureSpec, results: Results) -> Iterator[Table]:
    rows = sorted(
        _rows(shown, spec, results, tasks), key=lambda row: (row.tone != "fail", row.tone == "small", -_count(row))
    )
    change = f"change of {shown.figures[shown.bounded]}"
    numeric = ("rows", *shown.figures.values(), change)
    names = ["slice", "task", *numeric, "result"]
    if not results.verdict.compared:
        names.remove(change)
        rows = [Row((*row.cells[:-2], row.cells[-1]), row.tone) for row in rows]
    head = columns(*names, numeric=numeric, wide=("result",))
    for start in range(0, len(rows), MOST_SHOWN):
        part = f", part {1 + start // MOST_SHOWN}" if start else ""
        yield Table(f"{shown.caption}{part}", head, tuple(rows[start : start + MOST_SHOWN]))


def _rows(shown: _Shown, spec: FeatureSpec, results: Results, tasks: list[AnyTask]) -> Iterator[Row]:
    failed = {(c.slice, c.task) for c in results.verdict.checks if c.passed is False}
    for name, by_task in results.verdict.slices.items():
        for task in tasks:
            values = by_task.get(task.name, {})
            count = int(values.get("example_count", 0))
            small = count < spec.gates.slice_rows_min
            tone = "fail" if (name, task.name) in failed else "small" if small else ""
            cells = (name, task.name, count, *_figures(shown, values), _word(tone, shown, task, spec))
            yield Row(cells, tone)


def _figures(shown: _Shown, values: dict[str, float]) -> tuple[Cell, ...]:
    figures = [values.get(name, math.nan) for name in shown.figures]
    change = f"{shown.bounded}_diff"
    return (*figures, signed(values[change]) if change in values else None)


def _word(tone: str, shown: _Shown, task: AnyTask, spec: FeatureSpec) -> str:
    numbers = task.kind == "regression"
    bound = bound_for(spec.gates.slice_rmse_max, task.name) if numbers else spec.gates.slice_auc_min
    if tone == "fail":
        return "FAIL" if bound is None else f"FAIL, demanded {shown.figures[shown.bounded]} {shown.sign} {bound:g}"
    if tone == "small":
        return f"too small to judge: fewer than {spec.gates.slice_rows_min:,} rows"
    return "told" if bound is None else "pass"


def _count(row: Row) -> int:
    return int(row.cells[2] or 0)

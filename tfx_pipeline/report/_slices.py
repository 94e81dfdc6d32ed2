"""Figures by slice; what has too few rows to be judged is shown as such."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tfctr.spec import BinaryTask, FeatureSpec
from tfx_pipeline.report._table import Cell, Row, Table, columns, signed
from tfx_pipeline.results import Results

MOST_SHOWN = 40
"""Slices that are shown at once; the others are folded away."""


def slice_tables(spec: FeatureSpec, results: Results) -> tuple[Table, ...]:
    """Return the slices of every yes/no task, in tables of at most `MOST_SHOWN` rows.

    Slices that failed come first, then the large ones by rows, then those too small to be judged.
    """
    tasks = [task.name for task in spec.tasks if isinstance(task, BinaryTask)]
    rows = sorted(_rows(spec, results, tasks), key=lambda row: (row.tone != "fail", row.tone == "small", -_count(row)))
    numeric = ("rows", "AUC", "logloss", "predicted / actual", "change of AUC")
    names = ["slice", "task", "rows", "AUC", "logloss", "predicted / actual", "change of AUC", "result"]
    if not results.verdict.compared:
        names.remove("change of AUC")
        rows = [Row((*row.cells[:6], *row.cells[7:]), row.tone) for row in rows]
    shown = columns(*names, numeric=numeric, wide=("result",))
    parts = [rows[start : start + MOST_SHOWN] for start in range(0, len(rows), MOST_SHOWN)]
    captions = ["Slices of the test rows", *(f"Slices of the test rows, part {i}" for i in range(2, len(parts) + 1))]
    return tuple(Table(caption, shown, tuple(part)) for caption, part in zip(captions, parts, strict=False))


def _rows(spec: FeatureSpec, results: Results, tasks: list[str]) -> Iterator[Row]:
    failed = {(c.slice, c.task) for c in results.verdict.checks if c.passed is False}
    for name, by_task in results.verdict.slices.items():
        for task in tasks:
            values = by_task.get(task, {})
            count = int(values.get("example_count", 0))
            small = count < spec.gates.slice_rows_min
            tone = "fail" if (name, task) in failed else "small" if small else ""
            yield Row((name, task, count, *_figures(values), _word(tone, spec)), tone)


def _figures(values: dict[str, float]) -> tuple[Cell, ...]:
    figures = [values.get(name, math.nan) for name in ("auc", "logloss", "calibration")]
    return (*figures, signed(values["auc_diff"]) if "auc_diff" in values else None)


def _word(tone: str, spec: FeatureSpec) -> str:
    if tone == "fail":
        return f"FAIL, demanded AUC >= {spec.gates.slice_auc_min:g}" if spec.gates.slice_auc_min is not None else "FAIL"
    if tone == "small":
        return f"too small to judge: fewer than {spec.gates.slice_rows_min:,} rows"
    return "told" if spec.gates.slice_auc_min is None else "pass"


def _count(row: Row) -> int:
    return int(row.cells[2] or 0)

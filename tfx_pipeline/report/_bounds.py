"""What was demanded of the model and what came of it; what changed against the last blessed one; parity."""

from __future__ import annotations

from tfctr.training.metrics.report import FIGURES
from tfx_pipeline.report._table import Row, Table, columns, moment, shown, signed, without_empty
from tfx_pipeline.results import Results
from tfx_pipeline.terminal import check_cells
from tfx_pipeline.verdict import OVERALL, Check

_DIFF = "_diff"
_NAMES = {"auc": "AUC", "logloss": "logloss", "c_index": "C-index", "gauc": "GAUC", "calibration": "predicted / actual",
          "r2": "R²", "rmse": "RMSE", "mae": "MAE",
          "mean_prediction": "mean prediction", "brier": "Brier score", "nll": "negative log-likelihood"}  # fmt: skip
"""Figures of a model. Others are facts of the rows, the same for both models, or only the gate reads them."""

_BETTER = {"auc": 1, "gauc": 1, "c_index": 1, "r2": 1, "logloss": -1, "brier": -1, "nll": -1, "rmse": -1, "mae": -1}
"""Which way is good; of the mean prediction neither is, and predicted / actual is best near 1."""


def checks_table(results: Results) -> Table:
    """Every bound on all rows, those that failed first; slices that failed too."""
    told = [c for c in results.verdict.checks if c.slice == OVERALL or c.passed is False]
    order = sorted(told, key=lambda check: check.passed is not False)
    names = columns(
        "check", "task", "value", "bound", "slice", "rows", "result", "why", numeric=("value", "rows"), wide=("why",)
    )
    return without_empty(Table("What was demanded of the model", names, tuple(map(_check_row, order))))


def slices_told(results: Results) -> str:
    """How many bounds were kept by slices, which have a table of their own."""
    kept = sum(c.slice != OVERALL and c.passed is True for c in results.verdict.checks)
    return f"{kept} more {'bound was' if kept == 1 else 'bounds were'} kept by slices, see below." if kept else ""


def _check_row(check: Check) -> Row:
    task, name, _, bound, where, rows, word, note = check_cells(check)
    return Row((name, task, shown(check.value), bound, where, rows, word, note), check.style)


def changes_table(results: Results) -> Table | None:
    """Each figure before, now, and the difference; None where there was no model to compare with."""
    if not results.verdict.compared:
        return None
    bounds = {(check.task, check.name.removeprefix("change of ")): check for check in results.verdict.checks
              if check.name.startswith("change of ")}  # fmt: skip
    rows = [
        _change_row(task, name, values, bounds.get((task, _NAMES.get(name, name))))
        for task, values in results.verdict.metrics.items()
        for name in _compared(values)
    ]
    names = columns("figure", "task", "before", "now", "difference", "it is", "bound", "result",
                    numeric=("before", "now", "difference"))  # fmt: skip
    return Table("This model against the last blessed one, on the same test rows", names, tuple(rows))


def _compared(values: dict[str, float]) -> list[str]:
    """Names of the figures that both models have, the best known first."""
    both = [name for name in values if f"{name}{_DIFF}" in values and name.partition("@")[0] in _NAMES]
    known = list(_NAMES)
    return sorted(both, key=lambda name: (known.index(name) if name in known else len(known), name))


def _change_row(task: str, name: str, values: dict[str, float], check: Check | None) -> Row:
    now, difference = values[name], values[f"{name}{_DIFF}"]
    gain = difference * _BETTER.get(name.partition("@")[0], 0)
    if name == "calibration":
        gain = abs(now - difference - 1) - abs(now - 1)
    word = "better" if gain > 0 else "worse" if gain < 0 else ""
    bound, result = (check.bound, check.word) if check else ("none", "")
    title = _NAMES.get(name) or (FIGURES[name].title if name in FIGURES else name.replace("_", " "))
    cells = (title, task, shown(now - difference), shown(now), signed(difference), word, bound, result)
    return Row(cells, check.style if check and check.passed is False else "")


def last_blessed_told(results: Results) -> str:
    """What the last blessed model was; why there is nothing to say where there was none."""
    if not results.verdict.compared:
        return "No model was blessed before: nothing to compare with."
    if results.last_blessed is None:
        return ""
    return f"The last blessed model is a {results.last_blessed.model}, trained {moment(results.last_blessed.trained)}."


def parity_table(results: Results) -> Table:
    """Each way of asking the exported model against what training computed."""
    names = columns("asked through", "rows", "largest difference", "result", numeric=("rows", "largest difference"))
    rows = (
        Row(
            (c["signature"], c["rows"], f"{float(c['largest']):.2g}", "equal" if c["passed"] else "DIFFERENT"),
            "pass" if c["passed"] else "fail",
        )
        for c in results.parity["comparisons"]
    )
    return Table("Answers of the exported model against those of training", names, tuple(rows))

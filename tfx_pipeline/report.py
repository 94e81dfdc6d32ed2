"""The HTML report of a run: data, learning curves, ROC, calibration, gate, parity."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tfctr.spec import BinaryTask, FeatureSpec
from tfctr.training.metrics import undefined_reason
from tfctr.training.metrics.plots import calibration_figure, learning_figure, png_bytes, roc_figure
from tfx_pipeline import pages
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.not_blessed import remove_not_blessed, write_not_blessed
from tfx_pipeline.rescore import Scores, rescore
from tfx_pipeline.results import Results
from tfx_pipeline.terminal import check_cells

_CURVES = ("_logloss", "_auc", "_gauc", "_nll", "_c_index")
"""Ends of the names of the validation figures that are drawn; each task has its own."""


def write_report(config: PipelineConfig, spec: FeatureSpec, results: Results) -> Path:
    """Write ``report/index.html`` below the run's folder, and the page of a model that was not pushed.

    Args:
        config: What ran.
        spec: Its spec.
        results: What came of it.

    Returns:
        The report.
    """
    folder = config.workdir / "report"
    folder.mkdir(parents=True, exist_ok=True)
    if results.pushed_to is None:
        write_not_blessed(config, spec, results)
    else:
        remove_not_blessed(config)
    path = folder / "index.html"
    path.write_text(pages.page(f"{spec.name}: {config.model}", _body(config, spec, results)), "utf-8")
    return path


def _body(config: PipelineConfig, spec: FeatureSpec, results: Results) -> list[str]:
    verdict = results.verdict
    where = f"Pushed to {results.pushed_to}" if results.pushed_to else "Not pushed: see not_blessed.html"
    body = [pages.paragraph(spec.description), pages.paragraph(where)]
    body += [pages.heading("Data"), pages.table(("split", "rows"), results.rows.items())]
    columns = ("task", "check", "value", "bound", "slice", "rows", "result", "why")
    styles = [check.style for check in verdict.checks]
    body += [pages.heading("Gate"), pages.table(columns, map(check_cells, verdict.checks), styles)]
    figures = [
        (task, name, value) for task, values in verdict.metrics.items() for name, value in sorted(values.items())
    ]
    body += [pages.heading("Figures on the test rows"), pages.table(("task", "figure", "value"), figures)]
    body += [pages.heading("Learning curves"), _curves(results.history), *_plots(config, spec, results)]
    parity = results.parity
    body += [pages.heading("Served answers against training"), pages.paragraph(f"Tolerance {parity['tolerance']:g}")]
    cells = [(c["signature"], c["rows"], float(c["largest"]), c["passed"]) for c in parity["comparisons"]]
    body += [pages.table(("signature", "rows", "largest difference", "within"), cells)]
    settings = json.dumps(config.model_dump(mode="json"), indent=2)
    return [*body, pages.heading("Settings"), pages.command(settings)]


def _curves(history: list[dict[str, float]]) -> str:
    """Training's loss, and AUC, GAUC and logloss (or C-index and likelihood) on the valid rows, over epochs."""
    wanted = [name for name in history[0] if name == "loss" or name.endswith(_CURVES)]
    curves = {name: [row.get(name, math.nan) for row in history] for name in wanted}
    return _picture(learning_figure(curves), "learning curves")


def _plots(config: PipelineConfig, spec: FeatureSpec, results: Results) -> list[str]:
    """ROC and calibration of every task, on the very rows that the gate judged."""
    body = []
    for task, rows in _scores(config, spec, results).items():
        body.append(pages.heading(f"ROC and calibration of {task} on the test rows"))
        reason = undefined_reason(rows.labels, rows.predictions, rows.weights)
        if reason:
            body.append(pages.paragraph(f"Nothing to draw: {reason}."))
            continue
        body.append(_picture(roc_figure(rows.labels, rows.predictions, rows.weights), "ROC"))
        body.append(_picture(calibration_figure(rows.labels, rows.predictions, rows.weights), "calibration"))
    return body


def _scores(config: PipelineConfig, spec: FeatureSpec, results: Results) -> dict[str, Scores]:
    """Score the test rows of the yes/no tasks with the exported model, once for each model."""
    binary = [task for task in spec.tasks if isinstance(task, BinaryTask)]
    if not binary:
        return {}
    mark = hashlib.sha256(f"{results.model}|{results.test_examples}".encode()).hexdigest()[:16]
    kept = config.workdir / "report" / f"scores-{mark}.npy"  # (tasks, 3, rows)
    if kept.exists():
        columns = np.load(kept, allow_pickle=False)
        return {task.name: Scores(*columns[index]) for index, task in enumerate(binary)}
    scored = rescore(results.model, results.test_examples, spec)
    scores = {task.name: scored[task.name] for task in binary}
    for old in kept.parent.glob("scores-*.npy"):
        old.unlink()
    np.save(kept, np.stack([(rows.labels, rows.predictions, rows.weights) for rows in scores.values()]))
    return scores


def _picture(figure: Figure, alt: str) -> str:
    return pages.picture(png_bytes(figure), alt)

"""The HTML report of a run: data, learning curves, ROC, calibration, gate, parity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.figure

from tfctr.spec import FeatureSpec
from tfx_pipeline import pages
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.not_blessed import remove_not_blessed, write_not_blessed
from tfx_pipeline.results import Results
from tfx_pipeline.screen import check_cells
from tfx_pipeline.verdict import load_evaluation

_CURVES = ("loss", "logloss", "auc")


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
    body += [pages.heading("Learning curves"), pages.picture(learning_curves(results.history), "learning curves")]
    plots = load_evaluation(results.evaluation).plots
    for task in spec.tasks:
        name = task.name if len(spec.tasks) > 1 else ""
        body.append(pages.heading(f"ROC and calibration of {task.name} on the test rows"))
        body.append(pages.picture(roc_and_calibration(plots, name), "ROC and calibration"))
    parity = results.parity
    body += [pages.heading("Served answers against training"), pages.paragraph(f"Tolerance {parity['tolerance']:g}")]
    cells = [(c["signature"], c["rows"], float(c["largest"]), c["passed"]) for c in parity["comparisons"]]
    body += [pages.table(("signature", "rows", "largest difference", "within"), cells)]
    settings = json.dumps(config.model_dump(mode="json"), indent=2)
    return [*body, pages.heading("Settings"), pages.command(settings)]


def learning_curves(history: list[dict[str, float]]) -> matplotlib.figure.Figure:
    """Return the training loss, and the logloss and AUC on the valid rows, over epochs (from 1)."""
    figure = matplotlib.figure.Figure(figsize=(11, 3))
    epochs = range(1, len(history) + 1)
    for index, curve in enumerate(_CURVES):
        axes = figure.add_subplot(1, len(_CURVES), index + 1)
        for name in (name for name in history[0] if _shows(curve, name)):
            axes.plot(epochs, [row.get(name, float("nan")) for row in history], marker="o", label=name)
        axes.set(title="training loss" if curve == "loss" else f"{curve} on valid", xlabel="epoch")
        if len(axes.lines) > 1:
            axes.legend()
    figure.tight_layout()
    return figure


def _shows(curve: str, name: str) -> bool:
    """Whether a figure of the history belongs to a curve; several tasks have one each."""
    if curve == "loss":
        return name == "loss"
    return name == f"val_{curve}" or (name.startswith("val_") and name.endswith(f"_{curve}"))


def roc_and_calibration(plots: Any, output: str) -> matplotlib.figure.Figure:
    """Return both plots of TFMA's overall slice, on the very rows of the gate."""
    whole = next(values for key, values in plots if key == ())
    data = whole[output][""]
    figure = matplotlib.figure.Figure(figsize=(11, 4.5))
    matrices = data["confusionMatrixAtThresholds"]["matrices"]
    roc = [(_rate(m, "falsePositives", "trueNegatives"), _rate(m, "truePositives", "falseNegatives")) for m in matrices]
    axes = figure.add_subplot(1, 2, 1)
    axes.plot(*zip(*roc, strict=True))
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
    buckets = [b for b in data["calibrationHistogramBuckets"]["buckets"] if _number(b, "numWeightedExamples") > 0]
    axes = figure.add_subplot(1, 2, 2)
    rows = [_number(b, "numWeightedExamples") for b in buckets]
    predicted = [_number(b, "totalWeightedRefinedPrediction") / n for b, n in zip(buckets, rows, strict=True)]
    actual = [_number(b, "totalWeightedLabel") / n for b, n in zip(buckets, rows, strict=True)]
    axes.scatter(predicted, actual, s=[4 + 60 * n / max(rows, default=1) for n in rows])
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.set(xlabel="predicted", ylabel="actual", title="calibration (area: rows)")
    figure.tight_layout()
    return figure


def _rate(matrix: dict[str, float], part: str, rest: str) -> float:
    hits, others = float(matrix.get(part, 0)), float(matrix.get(rest, 0))
    return hits / (hits + others) if hits + others else float("nan")


def _number(bucket: dict[str, Any], key: str) -> float:
    value = bucket.get(key, 0)
    return float(value.get("value", 0) if isinstance(value, dict) else value)

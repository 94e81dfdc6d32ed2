"""The page that says why a model was not pushed, and how to see it again."""

from __future__ import annotations

import shlex
from pathlib import Path

from tfctr.spec import FeatureSpec
from tfx_pipeline import pages
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.results import Results
from tfx_pipeline.terminal import check_cells, not_pushed_reasons
from tfx_pipeline.verdict import OVERALL, Check

NAME = "not_blessed"
_COLUMNS = ("task", "check", "value", "bound", "slice", "rows", "result", "why")


def write_not_blessed(config: PipelineConfig, spec: FeatureSpec, results: Results) -> Path:
    """Write ``report/not_blessed.html`` and ``.txt`` below the run's folder; return the HTML file."""
    folder = config.workdir / "report"
    folder.mkdir(parents=True, exist_ok=True)
    title = f"{spec.name}: {config.model} was not pushed"
    (folder / f"{NAME}.txt").write_text(_text(title, config, results), "utf-8")
    path = folder / f"{NAME}.html"
    path.write_text(pages.page(title, _body(config, results)), "utf-8")
    return path


def remove_not_blessed(config: PipelineConfig) -> None:
    """Remove the pages of an earlier run."""
    for suffix in ("html", "txt"):
        (config.workdir / "report" / f"{NAME}.{suffix}").unlink(missing_ok=True)


def reproduce(config: PipelineConfig, results: Results, check: Check) -> str:
    """Return the command that computes a check's figures anew from the exported model and the test rows."""
    parts = ["python", "-m", "tfx_pipeline", "evaluate", "--spec", str(config.spec)]
    parts += ["--model", str(results.model), "--examples", str(results.test_examples)]
    if check.slice != OVERALL:
        parts += [part for pair in check.slice.split(", ") for part in ("--where", pair)]
    return shlex.join(parts)


def _body(config: PipelineConfig, results: Results) -> list[str]:
    checks = results.verdict.checks
    body = [pages.paragraph(reason) for reason in not_pushed_reasons(results)]
    body += [pages.heading("Every check"), pages.table(_COLUMNS, map(check_cells, checks), [c.style for c in checks])]
    body += [pages.heading("See it again")]
    for check in (c for c in checks if c.passed is False):
        body += [pages.paragraph(f"{check.name}, {check.slice}"), pages.command(reproduce(config, results, check))]
    body += [pages.paragraph(f"The model itself, not pushed: {results.model}")]
    return body


def _text(title: str, config: PipelineConfig, results: Results) -> str:
    lines = [title, "", *(f"- {reason}" for reason in not_pushed_reasons(results)), "", "\t".join(_COLUMNS)]
    lines += ["\t".join(check_cells(check)) for check in results.verdict.checks]
    lines += ["", "See it again:"]
    failed = [check for check in results.verdict.checks if check.passed is False]
    lines += [f"  {check.name}, {check.slice}: {reproduce(config, results, check)}" for check in failed]
    return "\n".join([*lines, ""])

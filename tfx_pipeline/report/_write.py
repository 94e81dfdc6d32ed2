"""Writes the pages of a run."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tfctr.serving._model_card import CARD_FILE
from tfctr.spec import FeatureSpec
from tfctr.training.metrics import DomainFigures
from tfctr.training.metrics.by_domain import DOMAINS_FILE, read_domains, write_domains
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.report._bounds import checks_table
from tfx_pipeline.report._commands import Command, reproduce
from tfx_pipeline.report._headline import headline
from tfx_pipeline.report._run import read_json, with_grid
from tfx_pipeline.report._scores import scores_of_test_rows
from tfx_pipeline.report._table import Table, shown
from tfx_pipeline.report._view import View, view
from tfx_pipeline.results import Results

INDEX, NOT_BLESSED = "index.html", "not_blessed"


def write_report(config: PipelineConfig, spec: FeatureSpec, results: Results) -> Path:
    """Write ``report/index.html`` below the run's folder, and the page of a model that was not pushed.

    Where the spec has a domain, ``report/domains.json`` has the figures of all domains.

    Args:
        config: What ran.
        spec: Its spec.
        results: What came of it.

    Returns:
        The report.
    """
    folder = _folder(config)
    for stale in (f"{NOT_BLESSED}.html", f"{NOT_BLESSED}.txt", DOMAINS_FILE):
        (folder / stale).unlink(missing_ok=True)
    if results.pushed_to is None:
        write_not_blessed(config, spec, results)
    spec = with_grid(spec, read_json(results.model / CARD_FILE))
    scores = scores_of_test_rows(folder, spec, results)
    page = view(config, spec, results, scores)
    domains = {task: figures for task, rows in scores.items() if (figures := rows.by_domain()) is not None}
    if domains:
        write_domains(folder, domains)
    path = folder / INDEX
    path.write_text(render(page), "utf-8")
    return path


def write_not_blessed(config: PipelineConfig, spec: FeatureSpec, results: Results) -> Path:
    """Write ``report/not_blessed.html`` and ``.txt`` below the run's folder; return the HTML file.

    They say why a model was not pushed, and how to see it again, and nothing else.
    """
    folder, failed = _folder(config), [check for check in results.verdict.checks if check.passed is False]
    commands = [Command(f"{check.name}, {check.slice}", reproduce(config, results, check)) for check in failed]
    page: dict[str, Any] = {"headline": headline(config, spec, results), "checks": checks_table(results)}
    page |= {"commands": commands, "model": results.model}
    path = folder / f"{NOT_BLESSED}.html"
    path.write_text(environment().get_template(path.name).render(page), "utf-8")
    path.with_suffix(".txt").write_text(_text(page), "utf-8")
    return path


def render(page: View) -> str:
    """Return the page of a run as HTML: one file, nothing loaded from anywhere."""
    return environment().get_template(INDEX).render({name: getattr(page, name) for name in page.__dataclass_fields__})


@cache
def environment() -> Environment:
    """Return what renders templates: whatever is put into one is escaped, and a wrong name is an error."""
    made = Environment(
        loader=PackageLoader("tfx_pipeline"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = shown
    return made


def _text(page: dict[str, Any]) -> str:
    """The page of a model that was not pushed, for terminals and mails."""
    table: Table = page["checks"]
    lines = [f"{page['headline'].title}: not pushed", "", *(f"- {reason}" for reason in page["headline"].reasons), ""]
    lines += ["\t".join(column.name for column in table.columns)]
    lines += ["\t".join(map(shown, row.cells)) for row in table.rows]
    lines += ["", "See it again:"]
    lines += [f"  {command.purpose}: {command.text}" for command in page["commands"]]
    return "\n".join([*lines, ""])


def domains_of_run(config: PipelineConfig) -> dict[str, DomainFigures]:
    """Return task -> figures of each domain, as the report has them; empty for a spec without a domain."""
    return read_domains(_folder(config))


def _folder(config: PipelineConfig) -> Path:
    folder = config.workdir / "report"
    folder.mkdir(parents=True, exist_ok=True)
    return folder

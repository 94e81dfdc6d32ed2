"""Everything the page of a run says, section by section; the template lays it out."""

from __future__ import annotations

from dataclasses import dataclass

from tfctr.data._prepare import REPORT
from tfctr.serving._model_card import CARD_FILE
from tfctr.spec import FeatureSpec
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.report import _bounds, _run
from tfx_pipeline.report._baselines import baselines
from tfx_pipeline.report._charts import Chart, learning_charts, overall_calibration
from tfx_pipeline.report._commands import Command, commands
from tfx_pipeline.report._headline import Headline, headline
from tfx_pipeline.report._slices import slice_tables
from tfx_pipeline.report._table import Table
from tfx_pipeline.report._tasks import TaskView, task_views
from tfx_pipeline.rescore import Scores
from tfx_pipeline.results import Results


@dataclass(frozen=True)
class View:
    """The sections of the page."""

    headline: Headline
    description: str
    checks: Table
    slices_told: str
    changes: Table | None
    last_blessed: str
    trained_otherwise: tuple[str, ...]
    tasks: tuple[TaskView, ...]
    overall: Chart | None
    slices: tuple[Table, ...]
    learning: tuple[Chart, ...]
    parity: Table
    tolerance: float
    stages: Table | None
    steps: Table | None
    source: str
    splits: Table
    bad_rows: str
    bad_rows_reasons: Table | None
    constants: str
    model: Table
    vocabularies: Table | None
    settings: tuple[Table, ...]
    packages: Table
    commands: tuple[Command, ...]


def view(config: PipelineConfig, spec: FeatureSpec, results: Results, scores: dict[str, Scores]) -> View:
    """Return what the page of a run says.

    Args:
        config: What ran.
        spec: Its spec, with cut points where a task had quantiles.
        results: What came of it.
        scores: Task -> test rows, scored.
    """
    data = _run.read_json(config.prepared / REPORT)
    card = _run.read_json(results.model / CARD_FILE)
    return View(
        headline=headline(config, spec, results),
        description=spec.description,
        checks=_bounds.checks_table(results),
        slices_told=_bounds.slices_told(results),
        changes=_bounds.changes_table(results),
        last_blessed=_bounds.last_blessed_told(results),
        trained_otherwise=results.last_blessed.changes if results.last_blessed else (),
        tasks=task_views(spec, results, scores, baselines(spec, config.prepared)),
        overall=overall_calibration(scores),
        slices=slice_tables(spec, results),
        learning=learning_charts(results.history),
        stages=_run.stages_table(results),
        parity=_bounds.parity_table(results),
        tolerance=results.parity["tolerance"],
        steps=_run.steps_table(results),
        source=config.data or data.get("source", ""),
        splits=_run.splits_table(spec, results, data),
        bad_rows=_run.bad_rows_told(data),
        bad_rows_reasons=_run.bad_rows_table(data),
        constants=results.constants_told(),
        model=_run.model_table(results, card),
        vocabularies=_run.vocabularies_table(card),
        settings=_run.settings_tables(config, card),
        packages=_run.packages_table(results),
        commands=tuple(commands(config, spec, results)),
    )

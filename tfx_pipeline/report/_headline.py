"""The top of the page: what became of the model, in one sentence, and what it was."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tfctr import __version__
from tfctr.spec import FeatureSpec
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.report._table import lasted, moment, signed
from tfx_pipeline.results import Results
from tfx_pipeline.terminal import not_pushed_reasons

MAIN = {"auc": "AUC", "c_index": "C-index", "r2": "R²"}
"""The figure that a task is told by."""


@dataclass(frozen=True)
class Headline:
    """The top of the page.

    Args:
        title: What the page is about.
        tone: "pass" or "fail".
        word: The verdict in a word or two.
        sentence: The verdict, and why.
        reasons: Everything that stood against the model, a sentence each.
        facts: Name -> value.
    """

    title: str
    tone: str
    word: str
    sentence: str
    reasons: tuple[str, ...]
    facts: dict[str, str]


def headline(config: PipelineConfig, spec: FeatureSpec, results: Results) -> Headline:
    """Return the top of the page of a run."""
    pushed = results.pushed_to is not None
    return Headline(
        title=f"{config.model} on {spec.name}",
        tone="pass" if pushed else "fail",
        word="Pushed" if pushed else "Not pushed",
        sentence=_pushed(config, results) if pushed else _refused(config, results),
        reasons=() if pushed else not_pushed_reasons(results),
        facts=_facts(config, spec, results),
    )


def _pushed(config: PipelineConfig, results: Results) -> str:
    assert results.pushed_to is not None
    bounds = sum(check.passed is not None for check in results.verdict.checks)
    kept = "its one bound" if bounds == 1 else f"all {bounds} bounds"
    return (
        f"{config.model} was pushed as version {results.pushed_to.name}: it kept {kept}, {_compared(results)}, "
        "and the exported model answers as it did in training."
    )


def _compared(results: Results) -> str:
    """The change of the main figure of each task against the last blessed model."""
    several = len(results.verdict.metrics) > 1
    told = [
        f"{MAIN[name]}{f' of {task}' if several else ''} changed by {signed(values[f'{name}_diff'])}"
        for task, values in results.verdict.metrics.items()
        for name in MAIN
        if f"{name}_diff" in values
    ]
    return f"{' and '.join(told)} against the last blessed model" if told else "no model was blessed before it"


def _refused(config: PipelineConfig, results: Results) -> str:
    reasons = not_pushed_reasons(results)
    if not reasons:
        return f"{config.model} was not pushed, and no bound says why: see the log."
    more = len(reasons) - 1
    rest = f" ({more} more {'reason' if more == 1 else 'reasons'} below)" if more else ""
    return f"{config.model} was not pushed: {reasons[0]}{rest}."


def _facts(config: PipelineConfig, spec: FeatureSpec, results: Results) -> dict[str, str]:
    facts = {}
    for task, values in results.verdict.metrics.items():
        for name, title in MAIN.items():
            value = values.get(name, math.nan)
            if not math.isnan(value):
                facts[title if len(spec.tasks) == 1 else f"{title} of {task}"] = f"{value:.4f}"
    facts["Model"] = config.model if config.plan == "Fit" else f"{config.model}, plan {config.plan}"
    facts["Spec"] = spec.name
    facts["Version"] = results.pushed_to.name if results.pushed_to else "none"
    if results.record is not None:
        facts["Run"] = moment(results.record.started)
        facts["Took"] = lasted(results.record.seconds)
    if results.record is None or results.trained < results.record.started:  # the cache had it
        facts["Trained"] = moment(results.trained)
    facts["Rows"] = f"{sum(results.rows.values()):,}"
    facts["tfctr"] = __version__
    return facts

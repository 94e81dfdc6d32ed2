"""Trials over seeds as one row a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tfctr.benchmark.trial import Score

SHOWN = ("auc", "logloss", "gauc", "r2", "rmse", "mae")


def shown_figures(figures: Iterable[str]) -> list[str]:
    """Return which figures stand in a table, in its order: those of `SHOWN`, with several tasks those of each.

    The mean of the domains' AUC is not among them.

    Example:
        >>> shown_figures(["rows", "logloss", "auc"]), shown_figures(["click_auc", "click_rows", "buy_auc"])
        (['auc', 'logloss'], ['click_auc', 'buy_auc'])
    """
    names = list(dict.fromkeys(figures))
    of_tasks = [
        name
        for name in names
        if name.endswith(tuple(f"_{shown}" for shown in SHOWN)) and not name.endswith("domain_auc")
    ]
    return [*(name for name in SHOWN if name in names), *of_tasks]


def with_spread(values: Sequence[float] | np.ndarray) -> str:
    """Return mean ± standard deviation of one figure over seeds, the deviation that of a sample, 0 for one seed.

    Example:
        >>> with_spread([0.79, 0.81]), with_spread([0.8])
        ('0.8000 ± 0.0141', '0.8000 ± 0.0000')
    """
    return f"{np.mean(values):.4f} ± {deviation(values):.4f}"


def deviation(values: Sequence[float] | np.ndarray) -> float:
    """Return the standard deviation of a sample, 0 of one value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


@dataclass(frozen=True)
class Summary:
    """A model over its seeds.

    Attributes:
        model: Its label.
        seeds: How many.
        mean, std: Of each figure; the standard deviation is that of a sample, 0 for one seed.
        seconds_to_best: Median.
        parameters: Trained numbers.
    """

    model: str
    seeds: int
    mean: dict[str, float]
    std: dict[str, float]
    seconds_to_best: float
    parameters: int


def summarize(scores: Iterable[Score]) -> list[Summary]:
    """Return one summary a model, in the order of their first trials."""
    groups: dict[str, list[Score]] = {}
    for score in scores:
        groups.setdefault(score.model, []).append(score)
    return [_summary(model, group) for model, group in groups.items()]


def _summary(model: str, scores: Sequence[Score]) -> Summary:
    names = shown_figures(name for score in scores for name in score.figures)
    columns = {name: [score.figures[name] for score in scores if name in score.figures] for name in names}
    return Summary(
        model,
        len(scores),
        {name: float(np.mean(values)) for name, values in columns.items()},
        {name: deviation(values) for name, values in columns.items()},
        float(np.median([score.seconds_to_best for score in scores])),
        scores[0].parameters,
    )


def markdown(summaries: Sequence[Summary]) -> str:
    """Return a Markdown table: mean ± standard deviation of each figure, seconds to the best epoch, parameters."""
    names = shown_figures(name for summary in summaries for name in summary.mean)
    head = ["model", "seeds", *names, "seconds to best epoch", "parameters"]
    lines = [table_line(head), table_line(["---"] * len(head))]
    for s in summaries:
        cells = [f"{s.mean[n]:.4f} ± {s.std[n]:.4f}" if n in s.mean else "-" for n in names]
        lines.append(table_line([s.model, str(s.seeds), *cells, f"{s.seconds_to_best:.1f}", f"{s.parameters:,}"]))
    return "\n".join(lines)


def table_line(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"

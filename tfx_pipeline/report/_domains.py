"""Figures of each domain: the largest first, all of them."""

from __future__ import annotations

import math

from tfctr.training.metrics import DomainFigures
from tfx_pipeline.domains import TITLES
from tfx_pipeline.report._table import Column, Row, Table, columns

MOST_SHOWN = 40
"""Domains that are shown at once; the others are folded away."""


def domain_tables(task: str, column: str, figures: DomainFigures | None) -> tuple[Table, ...]:
    """Return the domains of a task in tables of at most `MOST_SHOWN` rows; none where there are no domains.

    Args:
        task: Name of the task.
        column: Raw column of the domains.
        figures: Their figures.
    """
    if figures is None:
        return ()
    titles = [TITLES[figure] for figure in figures.columns]
    head: tuple[Column, ...] = columns(column, *titles, numeric=tuple(titles))
    rows = [Row((name, int(values.pop("rows")), *values.values())) for name, values in figures.rows()]
    parts = [rows[start : start + MOST_SHOWN] for start in range(0, len(rows), MOST_SHOWN)]
    return tuple(
        Table(f"{task} by {column}" + (f", part {number}" if number > 1 else ""), head, tuple(part))
        for number, part in enumerate(parts, start=1)
    )


def domains_told(figures: DomainFigures | None, overall: float) -> str:
    """Return the mean of the domains' AUC beside that of all rows, in a sentence; empty where there is none.

    Args:
        figures: Of the domains.
        overall: AUC of all rows.
    """
    if figures is None or math.isnan(figures.mean_auc):
        return ""
    return (
        f"The mean of the domains' AUC, weighted by their rows, is {figures.mean_auc:.4f}; that of all rows together "
        f"is {overall:.4f}, which telling good domains from bad ones raises too."
    )

"""Figures of each domain: the largest ones on the console, all of them in a file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tfctr.data._atomic_write import atomic_write
from tfctr.training.metrics import DomainFigures

TITLES = {
    "rows": "rows",
    "mean_label": "mean label",
    "mean_prediction": "mean prediction",
    "logloss": "logloss",
    "auc": "AUC",
    "rmse": "RMSE",
    "mae": "MAE",
    "event_share": "events",
    "nll": "negative log-likelihood",
    "c_index": "C-index",
}
"""Figure of a domain -> its name for people."""

MOST_SHOWN = 10
"""Most domains that the console shows."""


def print_domains(console: Console, domains: Mapping[str, DomainFigures], column: str, rest: str) -> None:
    """The figures of the largest domains of each task, and how many more there are.

    Args:
        console: Where.
        domains: Task -> figures of each domain.
        column: Raw column of the domains.
        rest: Where the others are told.
    """
    for task, figures in domains.items():
        table = Table(title=f"{task} by {column}", title_justify="left")
        table.add_column(column)
        for title in (TITLES[figure] for figure in figures.columns):
            table.add_column(title, justify="right")
        for name, values in figures.rows(MOST_SHOWN):
            cells = (f"{value:,.0f}" if figure == "rows" else f"{value:.5g}" for figure, value in values.items())
            table.add_row(Text(name), *cells)
        console.print(table)
        more = len(figures.domains) - MOST_SHOWN
        if more > 0:
            console.print(f"{more:,} more {'domain' if more == 1 else 'domains'}: {rest}", style="dim", markup=False)
        if not math.isnan(figures.mean_auc):
            console.print(f"AUC, mean of the domains weighted by rows: {figures.mean_auc:.5g}", highlight=False)


def write_evaluation(
    path: Path, figures: Mapping[str, Mapping[str, float]], domains: Mapping[str, DomainFigures]
) -> None:
    """Write figures as JSON: by task those of all rows, and those of each domain, None without domains.

    What is undefined is null.

    Args:
        path: The file; replaced when it is there.
        figures: Task -> figures of all rows.
        domains: Task -> figures of each domain.
    """
    told = {
        task: {
            "figures": {name: None if math.isnan(value) else value for name, value in values.items()},
            "by_domain": domains[task].to_dict() if task in domains else None,
        }
        for task, values in figures.items()
    }
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

"""What a table of the report is made of; the template makes HTML of it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import NamedTuple

Cell = str | int | float | None


class Column(NamedTuple):
    """A column.

    Args:
        name: Its heading.
        numeric: Whether its cells are numbers, which stand at the right.
        wide: Whether its cells are sentences, which are broken into lines.
    """

    name: str
    numeric: bool = False
    wide: bool = False


class Row(NamedTuple):
    """A row.

    Args:
        cells: The first one names the row.
        tone: How the whole row is shown: "", "pass", "fail", "advice", "small", "ours".
    """

    cells: tuple[Cell, ...]
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption, for readers who see it and for those who do not.

    Args:
        caption: What it shows.
        columns: Its columns.
        rows: Its rows.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def columns(*names: str, numeric: tuple[str, ...] = (), wide: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """Return columns by name."""
    return tuple(Column(name, name in numeric, name in wide) for name in names)


def without_empty(table: Table) -> Table:
    """Return the table without columns that say nothing."""
    kept = [place for place in range(len(table.columns)) if any(row.cells[place] != "" for row in table.rows)]
    rows = tuple(Row(tuple(row.cells[place] for place in kept), row.tone) for row in table.rows)
    return Table(table.caption, tuple(table.columns[place] for place in kept), rows)


def shown(value: Cell) -> str:
    """Return a cell's text: a dash for what there is not, "undefined" for NaN, numbers with four decimals.

    >>> [shown(value) for value in (None, 12345, 0.71236, 12.3456, 1.2e-08, float("nan"), "a")]
    ['–', '12,345', '0.7124', '12.3456', '0.0000', 'undefined', 'a']
    """
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return "undefined" if math.isnan(value) else f"{value:.4f}"


def signed(value: float) -> str:
    """Return a difference with its sign.

    >>> signed(0.01234), signed(-2e-7), signed(float("nan"))
    ('+0.0123', '-0.0000', 'undefined')
    """
    return "undefined" if math.isnan(value) else f"{value:+.4f}"


def moment(seconds: float) -> str:
    """Return a time for people, in local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def lasted(seconds: float) -> str:
    """Return how long something took.

    >>> lasted(3.21), lasted(75), lasted(7265)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

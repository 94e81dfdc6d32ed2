"""Which column is the label, and as what task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfctr.analysis import _column_names as names
from tfctr.analysis._column_profile import ColumnProfile
from tfctr.analysis._outcomes import is_named_rating, is_signed, label_rank
from tfctr.analysis._worded_label import is_named_like_a_label, meaning_of_yes

NUMBERED = re.compile(r"^column_\d+$")
"""The name of a column without one."""


@dataclass(frozen=True)
class TaskGuess:
    """A task.

    Args:
        keys: Of the task.
        remark: Why this label.
        label: Its column; None when nothing looks like one.
        doubt: What a person has to decide, empty when nothing.
    """

    keys: dict[str, Any]
    remark: str
    label: ColumnProfile | None = None
    doubt: str = ""


def guess_task(profiles: Mapping[str, ColumnProfile], label: str | None) -> TaskGuess:
    """Return the task of a log: by the name of a column before its place, by its values for want of a name.

    Args:
        profiles: The columns.
        label: The label column; None looks for one.
    """
    if label is not None:
        return _task(profiles[label], "as you said")
    columns = [profile for profile in profiles.values() if profile.name]
    return (
        _named(columns)
        or _bare(columns)
        or _rated(columns)
        or _unnamed(columns)
        or _worded(columns)
        or TaskGuess(
            {"name": "label", "label": "label"},
            "CHECK: nothing looks like a label; name the column",
            doubt="no column looks like a label (0/1, or a rating); set `tasks.0.label`, and `kind: regression` for a "
            "number",
        )
    )


def _named(columns: list[ColumnProfile]) -> TaskGuess | None:
    ranked = [(label_rank(column.name), column) for column in columns]
    named = [(rank, column) for rank, column in ranked if rank is not None]
    fit = [(rank, column) for rank, column in named if column.values.is_binary() or is_signed(column.values)]
    if not fit:
        return None
    rank, column = min(fit, key=lambda found: found[0])
    like = "a label" if rank < 4 else "an outcome"
    if is_signed(column.values):
        return _task(column, f"-1/1, named like {like}", at_least=1)
    return _task(column, f"0/1, named like {like}, {column.values.share_of_ones:.2%} ones")


def _bare(columns: list[ColumnProfile]) -> TaskGuess | None:
    """A column whose bare name says label, with other values than 0 and 1."""
    found = [column for column in columns if is_named_like_a_label(column)]
    return _by_meaning(found[0]) if found else None


def _rated(columns: list[ColumnProfile]) -> TaskGuess | None:
    rated = [column for column in columns if is_named_rating(column)]
    return _rating(rated[0]) if rated else None


def _rating(column: ColumnProfile) -> TaskGuess:
    top = column.values.maximum or 0.0
    remark = f"a rating from {column.values.minimum:g} to {top:g}; CHECK from where on it is liked, or predict the "
    return _task(column, remark + "number: kind: regression without at_least", at_least=round(0.8 * top, 1))


def _unnamed(columns: list[ColumnProfile]) -> TaskGuess | None:
    """A 0/1 column of a log where no name tells: without names first or last, else the one with the lowest rate."""
    binary = [column for column in columns if column.values.is_binary()]
    headless = all(NUMBERED.match(column.name) for column in columns)
    ends = [column for column in (columns[0], columns[-1]) if column in binary] if headless else []
    rare = sorted((c for c in binary if c.values.share_of_ones < 0.5), key=lambda c: c.values.share_of_ones)
    found = ends or rare or (binary if headless and len(binary) == 1 else [])
    if found:
        column = found[0]
        where = "its place" if ends else "its low rate of ones" if rare else "the only column of 0 and 1"
        doubt = f"no column is named like a label; {column.name!r} was taken for {where}"
        remark = f"CHECK: 0/1 without a name that tells, {column.values.share_of_ones:.2%} ones"
        task = _task(column, remark)
        return TaskGuess(task.keys, task.remark, column, doubt)
    steps = [column for column in columns if headless and _is_scale(column)]
    if len(steps) != 1:
        return None
    task = _rating(steps[0])
    doubt = f"no column is named like a label; {steps[0].name!r} was taken for ratings by its values"
    return TaskGuess(task.keys, task.remark, steps[0], doubt)


def _is_scale(column: ColumnProfile) -> bool:
    """Whether the values are all of 1 to 5, or 0 to 10, or the like."""
    values = column.values
    low, high = values.minimum, values.maximum
    return values.type == "int" and low in (0.0, 1.0) and high in (5.0, 10.0) and values.distinct == high - low + 1


def _worded(columns: list[ColumnProfile]) -> TaskGuess | None:
    """A label of two words."""
    headless = all(NUMBERED.match(column.name) for column in columns)
    two = [column for column in columns if column.values.type == "string" and column.values.distinct == 2]
    named = [column for column in two if label_rank(column.name) is not None]
    ends = [column for column in (columns[0], columns[-1]) if headless and column in two]
    if not (named or ends):
        return None
    return _by_meaning((named or ends)[0])


def _by_meaning(column: ColumnProfile) -> TaskGuess:
    keys, remark = meaning_of_yes(column)
    return TaskGuess({"name": names.identifier(column.name), "label": column.name, **keys}, remark, column)


def _task(profile: ColumnProfile, remark: str, at_least: float | None = None) -> TaskGuess:
    keys: dict[str, Any] = {"name": names.identifier(profile.name), "label": profile.name}
    values = profile.values
    if at_least is not None:
        keys["at_least"] = int(at_least) if at_least == int(at_least) else at_least
    elif values.is_number and values.distinct > 2:
        keys = {"kind": "regression", **keys}
        remark += (
            f"; a number from {values.minimum:g} to {values.maximum:g}, which is predicted as it is. CHECK: for yes "
            "or no make it kind: binary with `at_least`"
        )
    elif not values.is_binary():
        remark += "; CHECK: it is not 0/1, set `at_least`"
    return TaskGuess(keys, remark, profile)

"""Time, group and domain of a log, and how its rows may be split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tfctr.analysis import _column_names as names
from tfctr.analysis._column_names import words
from tfctr.analysis._column_profile import ColumnProfile
from tfctr.analysis._label_guess import NUMBERED
from tfctr.analysis._time_forms import SECONDS, time_form
from tfctr.analysis._value_statistics import ValueStatistics

_ORDER = 1e5  # a whole number named like a time that is larger orders rows (YYMMDDHH); a smaller one is an hour of day
_ONLY_ORDERS = "CHECK: not Unix seconds; it orders the rows if it grows with time"
_MOST_DOMAINS = 50
_LARGEST_GROUP = 0.2
"""A value in more than this share of the rows is no one's id, but stands for many that are not known."""

_PARTS = {
    "train": words("train training tr"),
    "valid": words("valid validation val dev eval"),
    "test": words("test testing holdout"),
}
_MOST_FOLDS = 20


@dataclass
class MetaGuess:
    """Keys of `meta` and `split`, with what to look at.

    Args:
        keys: Of `meta`.
        time_form: How the column of the time writes times; empty where its name says enough.
        remarks: Key -> what to look at.
        user: The column that says whose rows these are; empty when none does.
        split: Keys of `split`.
        split_remark: What to look at.
        parts: A column that says which part a row belongs to; empty when there is none. It is no feature.
        doubts: What needs a decision, in sentences.
    """

    keys: dict[str, str] = field(default_factory=dict)
    time_form: dict[str, Any] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    user: str = ""
    split: dict[str, Any] = field(default_factory=dict)
    split_remark: str = ""
    parts: str = ""
    doubts: list[str] = field(default_factory=list)


def guess_meta(profiles: Mapping[str, ColumnProfile], label: str) -> MetaGuess:
    """Return what is known of a row beside its features.

    Args:
        profiles: The columns.
        label: The column of the label.
    """
    columns = [profile for profile in profiles.values() if profile.name and profile.name != label]
    meta = MetaGuess()
    _guess_time(meta, columns)
    _guess_group(meta, [column for column in columns if column.name != meta.keys.get("time")])
    domains = [c.name for c in columns if names.is_domain(c.name) and 1 < c.values.distinct <= _MOST_DOMAINS]
    if domains:
        meta.keys["domain"] = domains[0]
        meta.remarks["domain"] = "metrics are also reported for each of its values"
    _guess_split(meta, columns)
    return meta


def reason_of_meta(profile: ColumnProfile, meta: MetaGuess) -> str:
    """Return why a column that orders or parts the rows is no feature: as an id it tells nothing of tomorrow."""
    values = profile.values
    if names.is_split(profile.name) and values.distinct <= _MOST_FOLDS:
        return "says which part of the data a row belongs to" + (", see `split`" if meta.parts == profile.name else "")
    taken = meta.keys.get("time")
    moments = values.type == "int" and names.has(profile.name, names.TIMES) and (values.minimum or 0.0) >= SECONDS[0]
    return f"is a time, too; {taken!r} orders the rows" if taken and moments else ""


def _guess_time(meta: MetaGuess, columns: list[ColumnProfile]) -> None:
    whole = [c for c in columns if c.values.type == "int" and names.has(c.name, names.TIMES)]
    times = [c for c in whole if (c.values.maximum or 0) >= _ORDER and c.values.distinct > 1]
    times.sort(key=lambda column: names.has(column.name, names.OF_STORAGE))
    others = [c for c in columns if names.has(c.name, names.TIMES) and c not in whole]
    times = times or [c for c in others if c.values.distinct > 1 and time_form(c.values) is not None]
    times = times or [c for c in columns if NUMBERED.match(c.name) and _is_unix_time(c.values)]
    if not times:
        return
    time = times[0]
    if time.missing:
        meta.doubts.append(f"{time.name!r} looks like a time, but {time.share_missing:.1%} of it is missing")
        return
    meta.keys["time"] = time.name
    stored = "CHECK: when the rows were stored, as it seems, not when things happened"
    meta.time_form, remark = time_form(time.values) or ({}, _ONLY_ORDERS)
    meta.remarks["time"] = stored if names.has(time.name, names.OF_STORAGE) else remark


def _is_unix_time(values: ValueStatistics) -> bool:
    low, high = values.minimum or 0.0, values.maximum or 0.0
    return values.type == "int" and SECONDS[0] <= low < high <= SECONDS[1]


def _guess_group(meta: MetaGuess, columns: list[ColumnProfile]) -> None:
    """A request is what is ranked; for want of its id the user, then the device, unless most rows have the same."""
    users = _called(columns, names.USERS)
    meta.user = users[0].name if users else ""
    devices = [column for column in _called(columns, names.DEVICES) if column.values.few is None]
    for column in (*_called(columns, names.REQUESTS), *users, *devices):
        if column.values.few is None and column.values.share_of_commonest > _LARGEST_GROUP:
            meta.doubts.append(
                f"{column.name!r} is no group of rows: {column.values.share_of_commonest:.0%} of them have one value, "
                "which seems to stand for unknown"
            )
            continue
        meta.keys = {"group": column.name, **meta.keys}
        meta.remarks["group"] = "rows of one value are ranked against each other"
        return


def _called(columns: Iterable[ColumnProfile], wanted: frozenset[str]) -> list[ColumnProfile]:
    """Columns of ids with such a name whose values come back."""
    return [
        column
        for column in columns
        if names.has(column.name, wanted)
        and (names.is_id(column.name) or len(names.words_of(column.name)) == 1)
        and 1 < column.values.distinct < 0.9 * column.values.count
        and column.values.type in ("int", "string")
    ]


def _guess_split(meta: MetaGuess, columns: list[ColumnProfile]) -> None:
    for column in columns:
        values = _parts_of(column.values, "time" in meta.keys) if names.is_split(column.name) else None
        if values is not None:
            meta.split = {"by": "column", "column": column.name, **values}
            meta.split_remark = "CHECK: the parts that the log itself names"
            meta.parts = column.name
            return
    if "time" in meta.keys:
        meta.split = {"by": "time"}
    elif by := meta.user or meta.keys.get("group"):
        meta.split = {"by": "hash", "column": by}
        meta.doubts.append(f"no column of times: rows are split by {by!r}, not by time")
    else:
        meta.split = {"by": "random"}
        meta.doubts.append("no column of times and no user: rows are split at random, which looks into the future")


def _parts_of(values: ValueStatistics, timed: bool) -> dict[str, Any] | None:
    """Keys for the values that mean valid and test; None when they cannot be told."""
    few = sorted(values.few or ())
    parts = {part: [value for value in few if value.lower() in said] for part, said in _PARTS.items()}
    if all(parts.values()) and sum(map(len, parts.values())) == len(few):
        as_they_are = all(value == [part] for part, value in parts.items())
        return {} if as_they_are else {"valid_values": parts["valid"], "test_values": parts["test"]}
    if values.type == "int" and 3 <= len(few) <= _MOST_FOLDS and not timed:
        folds = sorted(few, key=int)
        return {"valid_values": folds[-2:-1], "test_values": folds[-1:]}
    return None

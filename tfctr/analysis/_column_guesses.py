"""What a column may mean as a feature: a kind with its keys, or the reason to leave it out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tfctr.analysis import _column_names as names
from tfctr.analysis._column_profile import ColumnProfile, ListStatistics, is_list, is_scalar
from tfctr.analysis._value_statistics import ValueStatistics
from tfctr.data._convert.values import EXACT

FEW_VALUES = 30
"""Whole numbers with at most so many values are codes unless their name says that they are amounts."""

_DATE = re.compile(r"^\d{4}[-/]\d\d[-/]\d\d")
_YEAR = re.compile(r"\b(19|20)\d\d\b")
_MANY_ROWS = 1000
"""In so many rows texts of which none comes back tell something about the texts, and not about the rows."""
_TEXT_SEPARATORS = ("|", "^", ";")


@dataclass(frozen=True)
class Guess:
    """What to do with a column.

    Args:
        column: Its name in the log.
        remark: What was seen, for the person who edits the spec.
        feature: Keys of the feature; empty when the column is left out, and then `remark` says why.
    """

    column: str
    remark: str
    feature: dict[str, Any] = field(default_factory=dict)


def guess_feature(profile: ColumnProfile, *, examples: bool = True) -> Guess:
    """Return the feature that a column may be made into.

    Args:
        profile: The column.
        examples: Whether remarks quote values of the log.
    """
    reason = _reason_to_leave_out(profile)
    if reason:
        return Guess(profile.name, reason)
    keys: dict[str, Any] = {"name": names.identifier(profile.name), "role": names.role_of(profile.name)}
    if keys["name"] != profile.name:
        keys["column"] = profile.name
    separator = list_separator(profile)
    if separator is not None:
        return _guess_list(profile, keys, separator, examples)
    values = profile.values
    if _is_numeric(profile):
        keys = {"kind": "numeric", **keys} | ({"scale": "log"} if _is_skewed(values) else {})
        return Guess(profile.name, f"{values.minimum:g} to {values.maximum:g}{_missing(profile)}", keys)
    keys = {"kind": "categorical", **keys} | ({"type": "int"} if _is_whole(profile) else {})
    if _is_wide(values):
        keys["vocabulary"] = {"min_count": 2}
    return Guess(profile.name, _seen(profile, values, examples), keys)


def list_separator(profile: ColumnProfile) -> str | None:
    """Return what parts the entries of a column of lists; empty for real lists, None when these are no lists."""
    if is_list(profile.type):
        return ""
    for separator, lists in profile.lists.items():
        if lists.several >= 0.05 * lists.rows and _are_lists(separator, lists, profile.values):
            return separator
    return None


def _are_lists(separator: str, lists: ListStatistics, whole: ValueStatistics) -> bool:
    """Whether cutting texts here gives entries that come back, rather than parts of sentences."""
    if lists.entries.is_number:
        return True
    fewer = lists.entries.distinct <= whole.distinct
    if separator in _TEXT_SEPARATORS:
        return fewer
    return separator == "," and 2 * lists.entries.distinct <= whole.distinct and lists.entries.mean_characters <= 12


def _reason_to_leave_out(profile: ColumnProfile) -> str:
    values = profile.values
    if not profile.name and not _numbers_the_rows(profile):
        return "has no name; give it one in the file's header to use it"
    if not is_list(profile.type) and not is_scalar(profile.type) and profile.missing < profile.rows:
        return f"is of type {profile.type}, which no feature reads"
    if is_list(profile.type):
        return "" if profile.lists[""].entries.count else "has no values"
    if not values.count:
        return "has no values"
    if values.distinct == 1 and not profile.missing:
        return f"is always {_quoted(values.examples[0])}"
    if _numbers_the_rows(profile):
        return "numbers the rows: every row has a value of its own"
    if values.type == "string" and _is_time_text(profile):
        return "is a time as text: for `meta.time`, or a feature `from_time`"
    if _is_own_code(profile) and not _is_free_text(profile):
        return "has a value of its own in nearly every row, of which nothing can be learned"
    if values.type == "string" and _is_free_text(profile):
        return "is free text; give an embedding of it as a vector to use it"
    return ""


def _is_time_text(profile: ColumnProfile) -> bool:
    examples = profile.values.examples
    if all(_DATE.match(example) for example in examples):
        return True
    return names.has(profile.name, names.TIMES) and all(_YEAR.search(example) for example in examples)


def _is_free_text(profile: ColumnProfile) -> bool:
    """Long texts, or texts of several words, of which few come back."""
    values = profile.values
    if values.distinct <= 0.5 * values.count or list_separator(profile) is not None:
        return False
    cut = profile.lists.get(" ")
    wordy = cut is not None and 2 * cut.several > cut.rows and values.mean_characters > 12
    return values.mean_characters > 40 or (wordy and values.count >= _MANY_ROWS)


def _is_own_code(profile: ColumnProfile) -> bool:
    """Ids of requests and the like. What a user or an item is called may come back on another day."""
    values = profile.values
    if values.distinct < 0.95 * values.count or list_separator(profile) is not None:
        return False
    if names.role_of(profile.name) != "context":
        return False
    if names.is_id(profile.name) or names.has(profile.name, names.REQUESTS):
        return values.count >= FEW_VALUES and not (values.type == "float" and not values.whole)
    return values.type == "string" and values.count >= _MANY_ROWS


def _numbers_the_rows(profile: ColumnProfile) -> bool:
    values = profile.values
    if values.distinct < 0.95 * values.count or values.count < FEW_VALUES:
        return False  # the count of distinct values is an estimate
    rows = names.is_row_number(profile.name) or not profile.name
    return rows or (values.type == "int" and values.ascending and not names.is_amount(profile.name))


def _guess_list(profile: ColumnProfile, keys: dict[str, Any], separator: str, examples: bool) -> Guess:
    lists = profile.lists[separator]
    parted = {"separator": separator} if separator not in ("", "|") else {}
    entries = lists.entries
    if entries.type == "float":
        if lists.shortest != lists.longest:
            return Guess(profile.name, "holds lists of numbers that differ in length, which no feature reads")
        keys = {"kind": "vector", **keys, "width": lists.longest, **parted}
        return Guess(profile.name, f"{entries.minimum:g} to {entries.maximum:g}{_missing(profile)}", keys)
    ordered = names.is_ordered(profile.name)
    if ordered and keys["role"] == "context":
        keys["role"] = "user"  # whose past it is
    keys = {"kind": "sequence" if ordered else "multi", **keys}
    if entries.type == "int":
        keys["type"] = "int"
    keys["max_length"] = max(1, min(lists.longest, 100 if ordered else 32))
    seen = f"{_seen(profile, entries, examples)}, up to {lists.longest} in a row"
    return Guess(profile.name, seen, keys | parted)


def _is_numeric(profile: ColumnProfile) -> bool:
    """Whether a number is an amount rather than a code."""
    values = profile.values
    if not values.is_number:
        return False
    if values.whole and max(-(values.minimum or 0.0), values.maximum or 0.0) >= EXACT:
        return False  # nothing has so exact an amount
    if names.is_amount(profile.name) or (values.type == "float" and not is_whole_id(profile)):
        return True
    return not names.is_id(profile.name) and values.distinct > FEW_VALUES and _are_counts(values)


def _are_counts(values: ValueStatistics) -> bool:
    """Whether whole numbers are counted things or money: codes begin anywhere, leave gaps and come back."""
    return _is_skewed(values) and (values.is_dense_near_zero or values.distinct > 0.2 * values.count)


def _is_whole(profile: ColumnProfile) -> bool:
    """Whether ids are whole numbers; truth values are, for every format has another text for them."""
    truths = pa.types.is_boolean(profile.type)
    return profile.values.type == "int" or truths or is_whole_id(profile)


def is_whole_id(profile: ColumnProfile) -> bool:
    """Whether whole numbers in floating point are ids: a data frame writes them so where it has holes."""
    values = profile.values
    if values.type != "float" or not values.whole:
        return False
    return names.is_id(profile.name) or (profile.missing > 0 and not _are_counts(values))


def _is_skewed(values: ValueStatistics) -> bool:
    """Counts and money: nearly never negative, and the average far above the middle."""
    spread = (values.maximum or 0) - (values.minimum or 0)
    return (values.minimum or 0) > -10 and spread > 20 and values.mean > 2 * max(values.median, 0)


def _is_wide(values: ValueStatistics) -> bool:
    """Many values, most of them rare: those seen once cannot be learned."""
    return values.distinct > 1000 and values.distinct > 0.1 * values.count


def _seen(profile: ColumnProfile, values: ValueStatistics, examples: bool) -> str:
    about = "" if values.distinct_is_exact else "about "
    quoted = f", e.g. {', '.join(map(_quoted, values.examples))}" if examples else ""
    return f"{about}{values.distinct:,} values{_missing(profile)}{quoted}"


def _missing(profile: ColumnProfile) -> str:
    return f", {profile.share_missing:.1%} missing" if profile.missing else ""


def _quoted(text: str) -> str:
    short = text if len(text) <= 20 else text[:17] + "..."
    return json.dumps(short, ensure_ascii=not short.isprintable())

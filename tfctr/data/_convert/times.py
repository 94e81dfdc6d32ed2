"""A column of times, however the log writes them → whole seconds since 1970, by what the spec says of the column.

- A timestamp or date of Arrow says its own unit; without a zone it is shown by the clocks of the column's zone.
- A number counts the column's unit; where the spec names none, the size of the number tells it (`found`).
- A text is a number, or a time of ISO 8601, or what the column's format says; a number is read by a format as its
  digits are. Text that is empty, nulls and NaN are missing.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tfctr.data._convert.time_text import ISO, digits_of, pattern_of, shown_by
from tfctr.data._convert.values import UnfitTypeError, to_type
from tfctr.data._time_zones import zone_clocks
from tfctr.spec import TimeColumn

PER_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
LARGEST = {"seconds": 1e11, "milliseconds": 1e14, "microseconds": 1e17}
"""Below these sizes a number counts seconds (until the year 5138), milliseconds (from March 1973), microseconds."""

SMALLEST = 1e8
"""A number below it, of which nothing is said, is rather made of digits (20240501, 24050110) than of 1970 to 1973."""
TOO_SMALL = "too small a number for seconds since 1970 (say its unit, or a format such as %Y%m%d)"

_NUMBER = r"^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$"
_ARROW_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


class Times(NamedTuple):
    """Times that were read.

    Args:
        seconds: int64, null where missing or unreadable.
        problems: Each reason with where it holds, bool ``(rows,)``.
        found: Units that were found by the size of numbers, with the numbers of each.
    """

    seconds: pa.Array
    problems: list[tuple[str, NDArray[np.bool_]]]
    found: Counter[str]


def to_times(values: pa.Array, form: TimeColumn) -> Times:
    """Return the times of a column.

    Raises:
        UnfitTypeError: When the type of the column can never be a time, such as a list.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return _of_timestamps(values, form)
    if pa.types.is_nested(values.type) or pa.types.is_temporal(values.type) or pa.types.is_boolean(values.type):
        raise UnfitTypeError(f"is of type {values.type}, which is no time")
    if form.format is not None:
        return _by_format(values, form)
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
        return _of_numbers(values, form)
    return _of_texts(values, form)


def times_as_seconds(values: pa.Array, form: TimeColumn) -> tuple[list[int | None], str]:
    """Return times as seconds since 1970, and what is wrong with the first one that is none; empty when all are.

    Args:
        values: Texts, timestamps, dates or numbers.
        form: How they write times.
    """
    times = to_times(values, form)
    wrong = next((reason for reason, where in times.problems if where.any()), "")
    return times.seconds.to_pylist(), wrong


def _of_timestamps(values: pa.Array, form: TimeColumn) -> Times:
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("ms"))
    ticks = np.asarray(pc.fill_null(values.cast(pa.int64()), 0))
    shown = ticks // PER_SECOND[_ARROW_UNITS[values.type.unit]]
    missing = np.asarray(pc.is_null(values))
    if values.type.tz is not None:
        return Times(_seconds(shown, ~missing), [], Counter())
    return _on_clocks(shown, ~missing, form)


def _on_clocks(shown: NDArray[np.int64], there: NDArray[np.bool_], form: TimeColumn) -> Times:
    """Times that say no zone."""
    seconds, skipped = zone_clocks(form.zone).utc(shown)
    skipped &= there
    return Times(_seconds(seconds, there & ~skipped), [(_skipped(form), skipped)], Counter())


def _skipped(form: TimeColumn) -> str:
    return f"a time that the clocks of {form.zone} skip"


def _of_numbers(values: pa.Array, form: TimeColumn) -> Times:
    """Numbers, each by the unit of the column or by its own size."""
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    there = np.asarray(pc.is_valid(values))
    numbers = np.asarray(pc.fill_null(values, 0))
    problems: list[tuple[str, NDArray[np.bool_]]] = []
    if numbers.dtype.kind == "f":
        there &= ~np.isnan(numbers)
        numbers = np.where(there, numbers, 0.0).astype(np.float64)
        far = np.abs(numbers) >= 2.0**63
        numbers = np.where(far, 0.0, numbers)
    else:
        far = numbers > np.iinfo(np.int64).max if numbers.dtype == np.uint64 else np.zeros(len(numbers), dtype=bool)
        numbers = np.where(far, 0, numbers).astype(np.int64)
    problems.append(("does not fit 64 bits", far))
    there &= ~far
    if form.unit is None:
        small = there & (np.abs(numbers) < SMALLEST)
        problems.append((TOO_SMALL, small))
        there &= ~small
    per_second, found = _divisors(numbers, there, form)
    seconds = np.floor_divide(numbers, per_second).astype(np.int64)
    return Times(_seconds(seconds, there), problems, found)


def _divisors(
    numbers: NDArray[np.int64] | NDArray[np.float64], there: NDArray[np.bool_], form: TimeColumn
) -> tuple[NDArray[np.int64] | int, Counter[str]]:
    """What numbers are divided by, and the units that were found."""
    if form.unit is not None:
        return PER_SECOND.get(form.unit, 1), Counter()
    sizes = np.abs(numbers.astype(np.float64))
    places = np.searchsorted(list(LARGEST.values()), sizes, side="right")
    counts = np.bincount(places[there], minlength=len(PER_SECOND))
    found = Counter({unit: int(count) for unit, count in zip(PER_SECOND, counts, strict=True) if count})
    return np.array(list(PER_SECOND.values()), np.int64)[places], found


def _of_texts(values: pa.Array, form: TimeColumn) -> Times:
    """Texts: numbers first, what is none by ISO 8601."""
    text, problems = to_type(values, "string")
    text = pc.utf8_trim_whitespace(text)
    try:
        read = _of_numbers(pc.cast(text, pa.int64()), form)
        return Times(read.seconds, [*problems, *read.problems], read.found)
    except pa.ArrowInvalid:
        pass
    codes = text.dictionary_encode()  # what is the same is read once
    distinct, places = codes.dictionary, codes.indices
    is_number = np.asarray(pc.match_substring_regex(distinct, _NUMBER))
    numbers = _of_numbers(_parsed(distinct, is_number), form)
    times = _of_patterns(
        distinct, ISO, form, "no time: neither a number nor ISO 8601 (say meta.time.format)", ~is_number
    )
    seconds = pc.if_else(pa.array(is_number), numbers.seconds, times.seconds).take(places)
    everywhere = [(reason, _taken(where, places)) for reason, where in [*numbers.problems, *times.problems]]
    found = _of_numbers(_parsed(distinct, is_number).take(places), form).found if is_number.any() else Counter()
    return Times(seconds, [*problems, *everywhere], found)


def _parsed(text: pa.Array, is_number: NDArray[np.bool_]) -> pa.Array:
    """The numbers among texts, whole ones where all are; null elsewhere."""
    numbers = pc.if_else(pa.array(is_number), text, pa.scalar(None, text.type))
    try:
        return pc.cast(numbers, pa.int64())
    except pa.ArrowInvalid:
        return pc.cast(numbers, pa.float64())


def _by_format(values: pa.Array, form: TimeColumn) -> Times:
    assert form.format is not None
    text, problems = to_type(values, "string")
    text = pc.utf8_trim_whitespace(text)
    digits = digits_of(form.format)
    if digits and not _is_text(values.type):  # a number has lost the zeros at its beginning
        text = pc.utf8_lpad(text, digits, "0")
    codes = text.dictionary_encode()
    wrong = f"no time of the form {form.format}"
    read = _of_patterns(codes.dictionary, pattern_of(form.format), form, wrong, None)
    spread = [(reason, _taken(where, codes.indices)) for reason, where in read.problems]
    return Times(read.seconds.take(codes.indices), [*problems, *spread], Counter())


def _of_patterns(text: pa.Array, pattern: str, form: TimeColumn, wrong: str, wanted: NDArray[np.bool_] | None) -> Times:
    """Texts, of which only the wanted ones may be wrong."""
    shown = shown_by(text, pattern)
    read = _on_clocks(shown.local, shown.good & ~shown.has_offset, form)
    absolute = _seconds(shown.local - shown.offset, shown.good & shown.has_offset)
    bad = ~shown.good & np.asarray(pc.is_valid(text))
    bad = bad if wanted is None else bad & wanted
    return Times(pc.coalesce(absolute, read.seconds), [(wrong, bad), *read.problems], Counter())


def _is_text(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))


def _taken(where: NDArray[np.bool_], places: pa.Array) -> NDArray[np.bool_]:
    """What holds for distinct values, for every row; false where a row has none."""
    taken: NDArray[np.bool_] = np.asarray(pc.fill_null(pa.array(where).take(places), False))
    return taken


def _seconds(values: NDArray[np.int64], there: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, pa.int64(), mask=~there)

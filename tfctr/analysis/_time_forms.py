"""How a column writes times, told from its values: what `meta.time` must say besides the column."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tfctr.analysis._value_statistics import ValueStatistics

SECONDS = (3e8, 4.2e9)  # 1979 to 2103 as Unix time
_UNITS = {"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
_OF_DIGITS = ("%Y%m%d", "%y%m%d%H", "%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S")
_YEARS = (1990, 2100)
_ISO = ("%Y-%m-%d", "%Y/%m/%d")
_DATES = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d %b %Y", "%d-%b-%Y", "%b %d %Y")
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")


def time_form(values: ValueStatistics) -> tuple[dict[str, Any], str] | None:
    """Return the keys of a column of times beside its name, and a remark; None where the values are no times.

    Numbers that only grow are no times of a known form; nor are texts of which one of the examples is no time.
    """
    if values.type in ("int", "float"):
        return _of_numbers(values)
    if values.type == "string" and values.examples:
        return _of_texts(values)
    return None


def _of_numbers(values: ValueStatistics) -> tuple[dict[str, Any], str] | None:
    low, high = values.minimum or 0.0, values.maximum or 0.0
    if SECONDS[0] <= low and high <= SECONDS[1]:
        return {}, "Unix seconds"
    for unit, size in _UNITS.items():
        if size * SECONDS[0] <= low and high <= size * SECONDS[1]:
            return {"unit": unit}, f"{unit}, by the size of the numbers"
    for form in _OF_DIGITS:
        if (
            values.type == "int"
            and values.examples
            and all(_reads(text, form, digits=True) for text in values.examples)
        ):
            return {"format": form}, "CHECK: digits of a date, as it seems"
    return None


def _of_texts(values: ValueStatistics) -> tuple[dict[str, Any], str] | None:
    if all(any(_reads(text[:10], form) for form in _ISO) for text in values.examples):
        return {}, "ISO 8601; give its zone if that is not UTC"
    dates = [date for date in _DATES if not (values.day_first if date.startswith("%m") else values.month_first)]
    forms = [date + clock for date in dates for clock in _CLOCKS]
    fitting = [form for form in forms if all(_reads(text, form) for text in values.examples)]
    if not fitting:
        return None
    doubt = (
        "CHECK: the day before the month, as it seems" if len(fitting) > 1 else "CHECK: its zone, if that is not UTC"
    )
    return {"format": fitting[0]}, doubt


def _reads(text: str, form: str, *, digits: bool = False) -> bool:
    """Whether a text is a time of this form, in a year that logs are of."""
    if digits and len(text) != len(datetime(2000, 10, 10, 10, 10, 10).strftime(form)):
        return False
    try:
        return _YEARS[0] <= datetime.strptime(text.strip(), form).year <= _YEARS[1]
    except ValueError:
        return False

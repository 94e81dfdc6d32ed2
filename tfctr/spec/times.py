"""Times: how a column of the log writes them, and features that are made of them.

Whatever a log holds, a time that was read is a whole number of seconds since 1970 (UTC); this is what prepared rows
hold and what a request carries.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Discriminator, Field, Tag

from tfctr.spec._base import Frozen
from tfctr.spec.errors import suggest

CODES = "YymdeHIMSfpbBhaAjzZFTRD%"
"""Letters that may stand after a % in a format; F, T, R and D are dates and times of day as a whole."""

PARTS = {"hour_of_day": 24, "weekday": 7, "hour_of_week": 168}
"""Part of a time -> how many values it has."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from zoneinfo import available_timezones  # a walk over a folder of files, for the message alone

        hint = suggest(name, available_timezones())
        raise ValueError(f"unknown time zone {name!r}{hint}; give a name such as Europe/Paris, or UTC") from None
    return name


def _known_format(text: str) -> str:
    codes = re.findall(r"%(.?)", text, re.DOTALL)
    unknown = [code for code in codes if not code or code not in CODES]
    if unknown:
        known = ", ".join(f"%{code}" for code in CODES)
        raise ValueError(f"unknown code %{unknown[0]} in the format {text!r}; there are {known}")
    if not set(codes) & set("YyFD"):
        raise ValueError(f"the format {text!r} has no year (%Y or %y), without which a time says no day")
    if "p" in codes and "I" not in codes:
        raise ValueError(f"the format {text!r} has %p, which goes with %I, an hour of twelve")
    return text


Zone = Annotated[str, AfterValidator(_known_zone)]
"""Name in the time zone database of IANA."""

Format = Annotated[str, Field(min_length=2, max_length=100), AfterValidator(_known_format)]


class TimeColumn(Frozen):
    """A column of times, and how it writes them.

    Without `unit` and `format` everything that is unmistakable is read: timestamps and dates of Parquet, texts of
    ISO 8601 (``2024-05-01``, ``2024-05-01T10:30:00.5+02:00``, with a blank for the T), and numbers, whose unit is found
    from their size and told. A time is kept in whole seconds; what is left of a second is dropped.

    Args:
        column: Raw column.
        unit: What a number counts since 1970: `seconds`, `milliseconds`, `microseconds` or `nanoseconds`, whole or
            not. None finds it from the size of each number: below 1e11 seconds, below 1e14 milliseconds, below 1e17
            microseconds, else nanoseconds; one below 1e8 is refused, for it may be made of digits (20240501). `as_is`
            keeps whole numbers as they stand, whatever they count, as long as they grow with time.
        format: How a text, or a number made of digits, writes a time, by the codes of strptime: ``%d/%m/%Y %H:%M``,
            ``%y%m%d%H``. Names of months and days are English.
        zone: Time zone of texts, dates and timestamps that say none. An hour that the clocks go through twice is the
            first of the two; a time that they skip is a bad row.
    """

    column: str = Field(min_length=1)
    unit: Literal["seconds", "milliseconds", "microseconds", "nanoseconds", "as_is"] | None = None
    format: Format | None = None
    zone: Zone = "UTC"


A_COLUMN, AS_MAPPING = "a column", "a column and its form"
"""The two forms in which a spec names a column of times."""

TimeOf = Annotated[
    Annotated[str, Tag(A_COLUMN)] | Annotated[TimeColumn, Tag(AS_MAPPING)],
    Discriminator(lambda value: A_COLUMN if isinstance(value, str) else AS_MAPPING),
]
"""A column of times by its name alone, or with how it writes them."""


class TimePart(Frozen):
    """Makes a categorical feature of a time: a part of it that comes again, on the clocks of a zone.

    The clocks are those of the zone at that moment, daylight saving time among them, for the years 1970 to 2100.

    Args:
        part: `hour_of_day` (0 to 23), `weekday` (0 is Monday, 6 Sunday) or `hour_of_week` (weekday · 24 + hour).
        of: The time; `meta.time` when left out.
        zone: Zone of the clocks; that of the column when left out.
    """

    part: Literal["hour_of_day", "weekday", "hour_of_week"]
    of: TimeOf | None = None
    zone: Zone | None = None


class TimeSince(Frozen):
    """Makes a number of two times: the hours from an earlier one to this one, negative where it is the later.

    Args:
        part: `hours_since`.
        earlier: The earlier time: a release, a registration, the last visit.
        of: The later time; `meta.time` when left out.
    """

    part: Literal["hours_since"]
    earlier: TimeOf
    of: TimeOf | None = None


def as_time_column(time: str | TimeColumn) -> TimeColumn:
    """Return a column of times with its form, all of it found from the values where only the name is given."""
    return TimeColumn(column=time) if isinstance(time, str) else time

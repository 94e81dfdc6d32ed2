"""What users told of themselves, as columns: numbers where there are numbers, lists where several things are told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa

from tfctr.data.errors import DataError

TEXTS = {
    "gender": "gender",
    "income": "income",
    "job": "type of job",
    "home_country": "home country",
    "paypal": "paypal",
}
NUMBERS = {"age": "age", "weekly_hours": "weekly working hours"}
LISTS = {
    "pastimes": "timepass",
    "sports": "fave sports",
    "music": "most listened musics",
    "books": "most read books",
    "movies": "most watched movies",
    "tv_programmes": "most watched tv programmes",
    "websites": "most visited websites",
    "countries_visited": "countries visited",
}
PERSONAL = {"name": "name", "last_name": "last name", "zip_code": "cap/zip-code", "home_town": "home town"}
"""Columns that say who somebody is; they leave the reader only where that is asked for."""

NEEDED = ("gender", "age", "income")
LIKELY = {"age": (5.0, 110.0), "weekly_hours": (0.0, 168.0)}
"""Numbers outside are taken for slips of the pen, and are missing."""

COMMA = re.compile(r",(?![^(]*\))")
"""Between values; in "Individual sports (Tennis, Archery, ...), Indoor sports" that is the third comma."""


def people_columns(told: Mapping[str, Mapping[str, str]], *, personal: bool) -> tuple[dict[str, pa.Array], list[str]]:
    """Return one column a thing told, one value a user, and remarks on what could not be used.

    Args:
        told: User -> column of the archive -> text.
        personal: Whether names, zip code and home town are kept.

    Raises:
        DataError: When the gender, the age or the income of a user has no column.
    """
    for user, columns in told.items():
        if missing := [name for name in NEEDED if name not in columns]:
            raise DataError(
                f"{user}: {user}-INF.csv has no column for {' and '.join(missing)}; the columns of its files are "
                f"{', '.join(columns) or 'none'}"
            )
    made: dict[str, pa.Array] = {}
    remarks: list[str] = []
    for name, source in (TEXTS | (PERSONAL if personal else {})).items():
        made[name] = pa.array([columns.get(source) or None for columns in told.values()], pa.string())
    for name, source in NUMBERS.items():
        numbers = [_number(columns.get(source), LIKELY[name]) for columns in told.values()]
        made[name] = pa.array(numbers, pa.float32())
        remarks += _unlikely(name, numbers, [columns.get(source) for columns in told.values()])
    for name, source in LISTS.items():
        made[name] = pa.array([_values(columns.get(source)) for columns in told.values()], pa.list_(pa.string()))
    return made, remarks


def _number(text: str | None, likely: tuple[float, float]) -> float | None:
    try:
        value = float((text or "").replace(",", "."))
    except ValueError:
        return None
    return value if likely[0] <= value <= likely[1] else None


def _unlikely(name: str, numbers: Sequence[float | None], texts: Sequence[str | None]) -> list[str]:
    lost = [text for number, text in zip(numbers, texts, strict=True) if number is None and text]
    if not lost:
        return []
    return [f"{name}: {len(lost)} of {len(numbers)} users gave no likely number ({lost[0]!r}); taken as missing"]


def _values(text: str | None) -> list[str]:
    return [value for part in COMMA.split(text or "") if (value := part.strip())]

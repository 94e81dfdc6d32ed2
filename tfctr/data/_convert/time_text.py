"""Texts of times → what clocks and calendar show, by a format of strptime's codes or by ISO 8601, without a loop.

A format becomes one regular expression with a group for each code; what the groups hold is counted with NumPy.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_ZONE = r"Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?"
ISO = (
    r"^(?P<Y>[0-9]{4})[-/]?(?P<m>[0-9]{1,2})[-/]?(?P<d>[0-9]{1,2})"
    r"(?:(?:[Tt]|\s+)(?P<H>[0-9]{1,2}):?(?P<M>[0-9]{2})(?::?(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]+))?)?"
    rf"\s*(?P<z>{_ZONE})?)?$"
)
"""ISO 8601 and what is written for it: a blank for the T, slashes for the hyphens, one digit for two."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORD = "[A-Za-z]+"
_NUMBERS = {"Y": 4, "y": 2, "m": 2, "d": 2, "e": 2, "H": 2, "I": 2, "M": 2, "S": 2, "j": 3}
_WORDS = {"b": _WORD, "B": _WORD, "h": _WORD, "a": _WORD, "A": _WORD, "p": "(?i:am|pm)", "z": _ZONE, "Z": "UTC|GMT|Z"}
_WHOLE = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y"}
_SAME = {"e": "d", "B": "b", "h": "b", "A": "a"}
"""Codes that mean what another one does."""

_RANGES = {"m": (1, 12), "d": (1, 31), "H": (0, 23), "I": (1, 12), "M": (0, 59), "S": (0, 60), "j": (1, 366)}


class Shown(NamedTuple):
    """What texts say.

    Args:
        local: Clock and calendar as seconds since 1970 on a clock without a zone, int64 ``(n,)``.
        offset: Seconds ahead of UTC that the text says, int64 ``(n,)``.
        has_offset: Whether it says any, bool ``(n,)``.
        good: Whether it is a time at all, bool ``(n,)``.
    """

    local: NDArray[np.int64]
    offset: NDArray[np.int64]
    has_offset: NDArray[np.bool_]
    good: NDArray[np.bool_]


def digits_of(form: str) -> int:
    """Return how many digits a time of this format has; 0 where there is anything else in it."""
    codes = re.findall(r"%(.)", form)
    bare = "".join(f"%{code}" for code in codes) == form and all(code in _NUMBERS for code in codes)
    return sum(_NUMBERS[code] for code in codes) if bare else 0


@lru_cache(maxsize=64)
def pattern_of(form: str) -> str:
    """Return the regular expression of a format.

    >>> pattern_of("%y%m%d%H")
    '^(?P<y>[0-9]{2})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?P<H>[0-9]{2})$'
    """
    for code, whole in _WHOLE.items():
        form = form.replace(f"%{code}", whole)
    pieces = re.split(r"(%.|\s+)", form)
    pieces = [piece for piece in pieces if piece]
    pattern, seen = "", set()
    for place, piece in enumerate(pieces):
        if piece.isspace():
            pattern += r"\s+"
            continue
        if not piece.startswith("%") or piece == "%%":
            pattern += re.escape("%" if piece == "%%" else piece)
            continue
        code = _SAME.get(piece[1], piece[1])
        beside = [pieces[other][1:] for other in (place - 1, place + 1) if 0 <= other < len(pieces)]
        name = f"(?P<{code}>" if code not in seen else "(?:"
        seen.add(code)
        pattern += name + _group(code, fixed=any(other in _NUMBERS for other in beside)) + ")"
    return f"^{pattern}$"


def _group(code: str, *, fixed: bool) -> str:
    """What a code stands for; a number that stands beside another one has all of its digits."""
    if code == "f":
        return "[0-9]+"
    if code in _WORDS:
        return _WORDS[code]
    return f"[0-9]{{{_NUMBERS[code]}}}" if fixed or code == "Y" else f"[0-9]{{1,{_NUMBERS[code]}}}"


def shown_by(text: pa.Array, pattern: str) -> Shown:
    """Return what texts without blanks around them show, by a pattern of `pattern_of` or `ISO`."""
    found = pc.extract_regex(text, pattern)
    good: NDArray[np.bool_] = np.asarray(pc.is_valid(found))
    groups = {field.name: found.field(place) for place, field in enumerate(found.type)}
    numbers = {code: _whole(groups[code]) for code in groups if code in _NUMBERS}
    if "b" in groups:
        numbers["m"], known = _month(groups["b"])
        good &= known
    for code, (low, high) in _RANGES.items():
        if code in numbers:
            given = _filled(groups[code]) if code in groups else good
            good &= ~given | ((numbers[code] >= low) & (numbers[code] <= high))
    days, real = _days(numbers)
    seconds = 3600 * _hour(groups, numbers) + 60 * numbers.get("M", 0) + numbers.get("S", 0)
    offset, has_offset = _offsets(groups, len(text))
    return Shown(days * 86_400 + seconds, offset, has_offset, good & real)


def _days(numbers: dict[str, NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Days since 1970, and whether the calendar has that day."""
    year = numbers["Y"] if "Y" in numbers else numbers["y"] + np.where(numbers["y"] < 69, 2000, 1900)
    if "j" in numbers:
        first = (year - 1970).astype("datetime64[Y]")
        day = first.astype("datetime64[D]") + (numbers["j"] - 1)
        return day.astype(np.int64), day.astype("datetime64[Y]") == first
    months = (year - 1970) * 12 + numbers.get("m", np.ones_like(year)) - 1
    month = months.astype("datetime64[M]")
    day = month.astype("datetime64[D]") + (numbers.get("d", np.ones_like(year)) - 1)
    return day.astype(np.int64), day.astype("datetime64[M]") == month


def _hour(groups: dict[str, pa.Array], numbers: dict[str, NDArray[np.int64]]) -> NDArray[np.int64] | int:
    if "I" not in numbers:
        return numbers.get("H", 0)
    afternoon = np.asarray(pc.fill_null(pc.equal(pc.utf8_lower(groups["p"]), "pm"), False)) if "p" in groups else False
    return numbers["I"] % 12 + np.where(afternoon, 12, 0)


def _month(words: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The number of a month by the first three letters of its English name."""
    places = pc.index_in(pc.utf8_slice_codeunits(pc.utf8_lower(words), 0, 3), pa.array(_MONTHS))
    return np.asarray(pc.fill_null(places, 0)).astype(np.int64) + 1, np.asarray(pc.is_valid(places))


def _offsets(groups: dict[str, pa.Array], rows: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Offsets from UTC, and whether there is any: Z and UTC are an offset of 0."""
    written = groups.get("z", groups.get("Z"))
    if written is None:
        return np.zeros(rows, np.int64), np.zeros(rows, dtype=bool)
    parts = pc.extract_regex(written, r"^(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?$")
    sign, hours, minutes = (parts.field(place) for place in range(3))
    ahead = 3600 * _whole(hours) + 60 * _whole(minutes)
    behind = np.asarray(pc.fill_null(pc.equal(sign, "-"), False))
    return np.where(behind, -ahead, ahead), _filled(written)


def _whole(texts: pa.Array) -> NDArray[np.int64]:
    """Digits as numbers, 0 where there are none."""
    filled = pc.if_else(pa.array(_filled(texts)), texts, "0")
    return np.asarray(pc.cast(filled, pa.int64()))


def _filled(texts: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(pc.greater(pc.binary_length(texts), 0), False))

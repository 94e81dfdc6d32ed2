"""One value a row: text, int64 or float32, whatever type the file had it in.

The rules, the same for every format:

- A null, and an empty text, is missing. In a number, NaN is missing too; infinity is an error.
- A whole number may be written as 12, +12, 12.0 or " 12 "; it must fit 64 bits.
- True and false become 1 and 0, and so do these words, yes and no, t and f, y and n, where a number is wanted.
- A whole number of 2^53 and more that comes as a floating-point one has lost digits: an error where it is an id.
- A number where text is wanted becomes its shortest decimal text, 12.0 becomes 12.
- Text is UTF-8.
- A time (Arrow timestamp or date) where a whole number is wanted becomes seconds since 1970.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Converted = tuple[pa.Array, list[tuple[str, np.ndarray]]]
"""Values in their new type, bad ones null; and each reason with a boolean array of the values it holds for."""

WHOLE = r"^[+-]?[0-9]+$"
DECIMAL = r"(?i)^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$|^[+-]?(nan|inf|infinity)$"
LARGEST = np.iinfo(np.int64)
EXACT = 2.0**53
"""From here on float64 leaves whole numbers out."""
LOST_DIGITS = "a whole number of 2^53 or more in floating point, which has lost digits"

TRUTHS = {"true": "1", "t": "1", "yes": "1", "y": "1", "false": "0", "f": "0", "no": "0", "n": "0"}
"""Words, in small letters -> what they are as numbers."""


class UnfitTypeError(Exception):
    """A whole column has a type that can never become the one wanted."""


def to_type(values: pa.Array, wanted: Literal["string", "int", "float"]) -> Converted:
    """Return `values` as utf8 text, int64 or float32; see the rules of this module.

    Raises:
        UnfitTypeError: When the type of the column can never become the one wanted, such as a list.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_null(values.type):
        values = values.cast(pa.string())
    if _is_text(values.type):
        values, problems = _utf8(values)
        if wanted != "string":
            values, more = _from_text(values, wanted)
            problems += more
        return values, problems
    if wanted == "string":
        return _to_text(values)
    return _to_int(values) if wanted == "int" else _to_float(values)


def _is_text(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests)


def _utf8(values: pa.Array) -> Converted:
    """Return text as checked UTF-8, empty ones as nulls."""
    problems = []
    raw = values.cast(pa.binary())
    try:
        text = raw.cast(pa.string())
    except pa.ArrowInvalid:
        broken = np.fromiter((not _decodes(value) for value in raw.to_pylist()), dtype=bool, count=len(raw))
        problems.append(("not UTF-8", broken))
        text = pc.if_else(pa.array(broken), pa.scalar(None, pa.binary()), raw).cast(pa.string())
    empty = pc.equal(pc.binary_length(text), 0)
    if pc.any(empty).as_py():
        text = pc.if_else(empty, pa.scalar(None, pa.string()), text)
    return text, problems


def _decodes(value: bytes | None) -> bool:
    try:
        return value is None or value.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False


def _from_text(text: pa.Array, wanted: Literal["int", "float"]) -> Converted:
    text = pc.utf8_trim_whitespace(text)
    if wanted == "int":
        return _int_from_text(text)
    good = _matches(text, DECIMAL)
    if not good.all():
        text = numbers_of_truths(text)
        good = _matches(text, DECIMAL)
    numbers = pc.cast(_only(text, good), pa.float32())
    numbers, problems = _to_float(numbers)
    return numbers, [("not a number", ~good & _valid(text)), *problems]


def _int_from_text(text: pa.Array) -> Converted:
    try:
        return pc.cast(text, pa.int64()), []
    except pa.ArrowInvalid:
        pass
    text = numbers_of_truths(text)
    whole = pc.replace_substring_regex(text, r"^\+|\.0*$", "")
    blank = _matches(text, r"(?i)^[+-]?nan$")  # a missing number, as pandas writes it
    good = _matches(whole, WHOLE)
    long = good & (np.asarray(pc.fill_null(pc.binary_length(whole), 0)) > 18)
    for position in np.flatnonzero(long):
        good[position] = LARGEST.min <= int(whole[position].as_py()) <= LARGEST.max
    numbers = pc.cast(_only(whole, good), pa.int64())
    too_large = long & ~good
    return numbers, [
        ("does not fit 64 bits", too_large),
        ("not a whole number", ~good & ~too_large & ~blank & _valid(text)),
    ]


def numbers_of_truths(text: pa.Array) -> pa.Array:
    """Return texts in which every word of `TRUTHS`, in any letters, is its number."""
    words = pa.array(list(TRUTHS))
    places = pc.index_in(pc.utf8_lower(text), words)
    if places.null_count == len(places):
        return text
    return pc.coalesce(pa.array(list(TRUTHS.values())).take(places), text)


def _to_text(values: pa.Array) -> Converted:
    if not pa.types.is_floating(values.type):
        return _cast(values, pa.string()), []
    finite = np.asarray(pc.fill_null(pc.is_finite(values), False))
    whole = np.asarray(pc.fill_null(pc.equal(values, pc.trunc(values)), False)) & finite
    lost = whole & np.asarray(pc.fill_null(pc.greater_equal(pc.abs(values), EXACT), False))
    as_int = pa.array(whole & ~lost)
    ints = pc.cast(pc.if_else(as_int, values, pa.scalar(0, values.type)), pa.int64())
    others = _only(_without_nan(values), ~lost)
    return pc.if_else(as_int, pc.cast(ints, pa.string()), pc.cast(others, pa.string())), [(LOST_DIGITS, lost)]


def _to_int(values: pa.Array) -> Converted:
    if pa.types.is_floating(values.type):
        values = _without_nan(values.cast(pa.float64()))
        numbers = values.to_numpy(zero_copy_only=False)
        with np.errstate(invalid="ignore"):
            too_large = np.abs(numbers) >= 2.0**63
            lost = (np.abs(numbers) >= EXACT) & ~too_large
            broken = (numbers != np.trunc(numbers)) & ~np.isnan(numbers) & ~too_large
        good = _only(values, ~(too_large | lost | broken))
        reasons = [("does not fit 64 bits", too_large), (LOST_DIGITS, lost), ("not a whole number", broken)]
        return pc.cast(good, pa.int64()), reasons
    if pa.types.is_temporal(values.type):
        seconds = _cast(values, pa.timestamp("s"), safe=False)
        return pc.cast(seconds, pa.int64()), []
    if pa.types.is_uint64(values.type):
        too_large = np.asarray(pc.fill_null(pc.greater(values, int(LARGEST.max)), False))
        return pc.cast(_only(values, ~too_large), pa.int64()), [("does not fit 64 bits", too_large)]
    return _cast(values, pa.int64()), []


def _to_float(values: pa.Array) -> Converted:
    numbers = _without_nan(_cast(values, pa.float32(), safe=False))
    infinite = np.asarray(pc.fill_null(pc.is_inf(numbers), False))
    return (_only(numbers, ~infinite) if infinite.any() else numbers), [("infinite", infinite)]


def _cast(values: pa.Array, kind: pa.DataType, *, safe: bool = True) -> pa.Array:
    try:
        return pc.cast(values, kind, safe=safe)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise UnfitTypeError(f"is of type {values.type}, which cannot become {kind}") from error


def _without_nan(values: pa.Array) -> pa.Array:
    if not pc.any(pc.is_nan(values)).as_py():
        return values
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)


def _matches(text: pa.Array, pattern: str) -> np.ndarray:
    return np.asarray(pc.fill_null(pc.match_substring_regex(text, pattern), False))


def _valid(values: pa.Array) -> np.ndarray:
    return np.asarray(pc.is_valid(values))


def _only(values: pa.Array, keep: np.ndarray) -> pa.Array:
    """Return the values where `keep`, null elsewhere."""
    return pc.if_else(pa.array(keep), values, pa.scalar(None, values.type))

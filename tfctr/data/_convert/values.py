"""One value a row: text, int64 or float32, whatever type the file had it in.

The rules, the same for every format:

- A null is missing, and so is an empty text and what the column's null values name: NULL, say, or -1. In a number,
  NaN is missing too; infinity is an error.
- A whole number may be written as 12, +12, 12.0 or " 12 "; it must fit 64 bits.
- True and false become 1 and 0, and so do these words, yes and no, t and f, y and n, where a number is wanted.
- A whole number of 2^53 and more that comes as a floating-point one has lost digits: an error where it is an id.
- A number where text is wanted becomes its shortest decimal text. A whole one has no fraction, be it a number or a
  text: 12.0 becomes 12, so that an id is one token in every format. True becomes true.
- Text is UTF-8.
- A time (Arrow timestamp or date) where a whole number is wanted becomes seconds since 1970.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.data._readers.decoding import encoding_advice
from tfctr.spec._raw_text import NULL_VALUES, WHOLE_WITH_ZEROS, null_numbers, whole

Converted = tuple[pa.Array, list[tuple[str, np.ndarray]]]
"""Values in their new type, bad ones null; and each reason with a boolean array of the values it holds for."""

WHOLE = r"^[+-]?[0-9]+$"
DECIMAL = r"(?i)^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$|^[+-]?(nan|inf|infinity)$"
LARGEST = np.iinfo(np.int64)
EXACT = 2.0**53
"""From here on float64 leaves whole numbers out."""
LOST_DIGITS = "a whole number of 2^53 or more in floating point, which has lost digits"

NO_NUMBER = "not a number"

TRUTHS = {"true": "1", "t": "1", "yes": "1", "y": "1", "false": "0", "f": "0", "no": "0", "n": "0"}
"""Words, in small letters -> what they are as numbers."""


class UnfitTypeError(Exception):
    """A whole column has a type that can never become the one wanted."""


def to_type(
    values: pa.Array,
    wanted: Literal["string", "int", "float"],
    null_values: tuple[str, ...] = NULL_VALUES,
    decimal: Literal[".", ","] = ".",
) -> Converted:
    """Return `values` as utf8 text, int64 or float32; see the rules of this module.

    Args:
        values: Of any type.
        wanted: What a value is to be.
        null_values: Texts and numbers that are missing values.
        decimal: What numbers that are written as texts have before their fraction.

    Raises:
        UnfitTypeError: When the type of the column can never become the one wanted, such as a list.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_null(values.type):
        values = values.cast(pa.string())
    if not _is_text(values.type):
        converted, problems = {"string": _to_text, "int": _to_int, "float": _to_float}[wanted](values)
        return without_nulls(converted, null_values), problems
    text, problems = _utf8(values)
    if wanted == "string":
        return without_nulls(_whole(text), null_values), problems
    if decimal != ".":
        text = pc.replace_substring(text, decimal, ".")
    numbers, more = _from_text(without_nulls(pc.utf8_trim_whitespace(text), ("", *null_values)), wanted)
    return without_nulls(numbers, null_values), [*problems, *more]


def to_truth(values: pa.Array, positive: tuple[str, ...], null_values: tuple[str, ...]) -> pa.Array:
    """Return 1 for the values that mean yes and 0 for every other one, float32; what is missing stays so.

    Labels that this has made, float32 with nothing but 0 and 1, stay as they are: a prepared log is read once more.
    """
    if pa.types.is_float32(values.type) and pc.all(pc.is_in(values, pa.array([0, 1], pa.float32()))).as_py():
        return values
    text, _ = to_type(values, "string", null_values)
    found = pc.is_in(pc.utf8_trim_whitespace(text), pa.array([whole(value) for value in positive]))
    return pc.if_else(pc.is_valid(text), found, pa.scalar(None, pa.bool_())).cast(pa.float32())


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
        advice = encoding_advice(raw[int(broken.argmax())].as_py())
        problems.append(("not UTF-8" + (f"; {advice}" if advice else ""), broken))
        text = null_where(pa.array(broken), raw).cast(pa.string())
    empty = pc.equal(pc.binary_length(text), 0)
    if pc.any(empty).as_py():
        text = null_where(empty, text)
    return text, problems


def _decodes(value: bytes | None) -> bool:
    try:
        return value is None or value.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False


def _from_text(text: pa.Array, wanted: Literal["int", "float"]) -> Converted:
    if wanted == "int":
        return _int_from_text(text)
    good = _matches(text, DECIMAL)
    if not good.all():
        text = numbers_of_truths(text)
        good = _matches(text, DECIMAL)
    numbers = pc.cast(_only(text, good), pa.float32())
    numbers, problems = _to_float(numbers)
    return numbers, [(NO_NUMBER, ~good & _valid(text)), *problems]


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


def without_nulls(values: pa.Array, null_values: tuple[str, ...]) -> pa.Array:
    """Make null what is a null value, in texts or in numbers."""
    if pa.types.is_string(values.type):
        nulls = pa.array([whole(text) for text in null_values], pa.string())
    else:
        numbers = null_numbers(null_values)
        fitting = [n for n in numbers if pa.types.is_floating(values.type) or (n.is_integer() and abs(n) < EXACT)]
        nulls = pa.array(fitting, pa.float64()).cast(values.type, safe=False)
    if not len(nulls) or not len(values):
        return values
    found = pc.is_in(values, nulls)
    return null_where(found, values) if pc.any(found).as_py() else values


def _whole(text: pa.Array) -> pa.Array:
    """Take the zeros behind whole numbers away; few columns have any."""
    if not pc.any(pc.match_substring(text, ".0")).as_py():
        return text
    return pc.replace_substring_regex(text, WHOLE_WITH_ZEROS, r"\1")


def _to_text(values: pa.Array) -> Converted:
    if pa.types.is_decimal(values.type):
        plain = values if values.type.scale >= 0 else values.cast(pa.decimal256(76, 0))  # else 1200 is 1.2E+3
        return _whole(_cast(plain, pa.string())), []
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
    return null_where(pc.is_nan(values), values)


def _matches(text: pa.Array, pattern: str) -> np.ndarray:
    return np.asarray(pc.fill_null(pc.match_substring_regex(text, pattern), False))


def _valid(values: pa.Array) -> np.ndarray:
    return np.asarray(pc.is_valid(values))


def _only(values: pa.Array, keep: np.ndarray) -> pa.Array:
    """Return the values where `keep`, null elsewhere."""
    return null_where(pa.array(~keep), values)


def null_where(mask: pa.Array, values: pa.Array) -> pa.Array:
    """Return the values, null where the mask is true.

    Of texts that do not start at the start of their buffer, `if_else` with a null makes arrays that are not valid.
    """
    return pc.replace_with_mask(values, pc.fill_null(mask, False), pa.scalar(None, values.type))

"""Columns whose values have not one type: every value as text, for the conversion to judge.

Only blocks of a file that do not go the fast way come here, so that a loop over their values is no harm.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import pyarrow as pa

from tfctr.data._convert.list_text import cut
from tfctr.spec import RawColumn


class NotOneValueError(Exception):
    """A list or an object stands where one value is wanted."""


def text_of(value: object) -> str | bytes | None:
    """Return one value as the text that the conversion reads back as that value."""
    if value is None or isinstance(value, str | bytes):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise NotOneValueError(json.dumps(value, default=str))


def texts_of(value: object, column: RawColumn) -> list[str | bytes | None] | None:
    """Return a list of values as texts; a text is cut, a single value is a list of one."""
    if value in (None, "", *column.null_values):
        return None
    if isinstance(value, str):
        return _cut(value, column.separator)
    if isinstance(value, list):
        return [text_of(one) for one in value]
    return [text_of(value)]


def _cut(value: str, separator: str) -> list[str | bytes | None]:
    """The values in a text; one that is no list stays whole, for the conversion to judge."""
    try:
        lists, problems = cut(pa.array([value]), separator)
    except UnicodeEncodeError:  # half a character, which is reported as not UTF-8
        return list(value.split(separator))
    texts: list[str | bytes | None] = lists.to_pylist()[0]
    return [value] if any(where.any() for _, where in problems) else texts


def mixed_column(values: Iterable[object], column: RawColumn) -> pa.Array:
    """Return the values as an array of texts, or of lists of texts.

    Raises:
        NotOneValueError: When a value is nested more deeply than the column; see `fits`.
    """
    if column.shape == "scalar":
        return pa.array([_bytes(text_of(value)) for value in values], pa.binary())
    lists = (texts_of(value, column) for value in values)
    kind = pa.list_(pa.binary())
    return pa.array([None if texts is None else [_bytes(text) for text in texts] for texts in lists], kind)


def fits(value: object, column: RawColumn) -> bool:
    """Whether a value is not nested more deeply than the column."""
    try:
        if column.shape == "scalar":
            text_of(value)
        else:
            texts_of(value, column)
    except NotOneValueError:
        return False
    return True


def _bytes(text: str | bytes | None) -> bytes | None:
    # A lone surrogate, which JSON can write and UTF-8 cannot, becomes bytes that are reported as not UTF-8.
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text

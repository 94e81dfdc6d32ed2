"""Lists of values and vectors of a fixed width.

A missing list stays missing; an empty text is a missing list, and to a model an empty one. An empty piece inside a list
of texts becomes the token of a missing value, so that aligned sequences stay aligned; inside a list of numbers it is an
error.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.data._columns import ARROW_TYPES
from tfctr.data._convert.list_text import cut, with_items
from tfctr.data._convert.problems import Problems
from tfctr.data._convert.values import UnfitTypeError, to_type
from tfctr.spec import MISSING, RawColumn


def to_lists(values: pa.Array, column: RawColumn, problems: Problems) -> pa.Array:
    """Return `values` as lists of the column's type; rows that cannot be are added to `problems`.

    Raises:
        UnfitTypeError: When the type of the column can never become such a list.
    """
    lists = _as_lists(values, column, problems)
    flat = pc.list_flatten(lists)
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0))
    parents = np.repeat(np.arange(len(lists)), lengths)  # Arrow's own count values that stand behind a null list too
    items, found = to_type(flat, column.type, column.null_values, column.decimal)
    for reason, where in found:
        problems.add(_rows_of(parents[where], len(lists)), f"{column.name}: {reason}", values)
    if items.null_count:
        if column.type == "string":
            items = pc.fill_null(items, MISSING)
        else:
            empty = parents[np.asarray(pc.is_null(items))]
            problems.add(_rows_of(empty, len(lists)), f"{column.name}: a value is missing inside the list", values)
            items = pc.fill_null(items, 0)  # its row is bad already
    result = with_items(lists, items.cast(ARROW_TYPES[column.type]))
    if column.shape == "vector":
        lengths = np.asarray(pc.fill_null(pc.list_value_length(result), column.width))
        wrong = lengths != column.width
        if wrong.any():
            some = int(lengths[wrong][0])
            reason = f"{column.name}: a vector of {some} values where {column.width} are wanted"
            problems.add(wrong & (lengths == some), reason, values)
            problems.add(wrong, f"{column.name}: a vector of another width than {column.width}", values)
    return result


def _as_lists(values: pa.Array, column: RawColumn, problems: Problems) -> pa.Array:
    """Return lists of whatever the file holds: texts are split, single values become lists of one."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind):
        return values.cast(pa.list_(kind.value_type))
    if pa.types.is_list(kind):
        if pa.types.is_nested(kind.value_type):
            raise UnfitTypeError(f"is of type {kind}, a list of lists")
        return values
    if pa.types.is_nested(kind):
        raise UnfitTypeError(f"is of type {kind}, where a list is wanted")
    text_or_value, found = to_type(values, "string", column.null_values)
    for reason, where in found:
        problems.add(where, f"{column.name}: {reason}", values)
    lists, found = cut(text_or_value, column.separator)
    for reason, where in found:
        problems.add(where, f"{column.name}: {reason}", values)
    return lists


def _rows_of(positions: np.ndarray, rows: int) -> np.ndarray:
    where = np.zeros(rows, dtype=bool)
    where[positions] = True
    return where

"""How a raw column is given to the `predict` and `rank` signatures as a dense tensor, and what "no value" looks like.

A missing value, and the padding at the end of a shorter list, is ``""`` for text, the smallest int64 for integers and
NaN for numbers. `MISSING_INT` is the smallest int64 because it is no id that anybody uses, as -1 or 0 may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tfctr.data._convert.values import UnfitTypeError, to_type
from tfctr.spec import RawColumn
from tfctr.spec._input_names import input_name

MISSING_INT = -(2**63)
"""Stands for "no value" in an int64 tensor, as in `tfctr.transform.columns`."""

PADDING: dict[str, Any] = {"string": b"", "int": MISSING_INT, "float": float("nan")}
"""Type of a `RawColumn` -> the value that stands for none."""

_DTYPES: dict[str, Any] = {"string": object, "int": np.int64, "float": np.float32}


def input_names(columns: Iterable[RawColumn]) -> dict[str, str]:
    """Return column -> name in the signature.

    Raises:
        ValueError: When two columns would get one name.
    """
    names: dict[str, str] = {}
    for column in columns:
        name = input_name(column.name)
        if name in names.values():
            other = next(known for known, used in names.items() if used == name)
            raise ValueError(f"raw columns {other!r} and {column.name!r} would both be the input {name!r}; rename one")
        names[column.name] = name
    return names


def dense(values: Sequence[Any], column: RawColumn) -> np.ndarray:
    """Return the values of a column, one entry a row, as the dense array that a signature takes.

    Args:
        values: One value (or None) a row for a scalar column, one list (or None) a row otherwise.
        column: What the column is.

    Returns:
        (batch,) for a scalar, (batch, longest) for a list, (batch, width) for a vector; text as bytes.

    Values may be of another type than the column where the readers of logs take them, too.

    Raises:
        TypeError: When a value cannot be of the column's type.
        ValueError: When a vector has another width.

    Example:
        >>> dense([[3, 5], None], RawColumn("history", "int", "list"))[0].tolist()
        [3, 5]
    """
    if column.shape == "scalar":
        return _array([_value(value, column) for value in values], column, (len(values),))
    lists = [[] if value is None else [_value(entry, column) for entry in _entries(value, column)] for value in values]
    width = column.width if column.shape == "vector" else max((len(entries) for entries in lists), default=0)
    for row, entries in enumerate(lists):
        if column.shape == "vector" and entries and len(entries) != width:
            raise ValueError(f"row {row}: vector {column.name!r} must hold {width} numbers, received {len(entries)}")
        entries += [PADDING[column.type]] * (width - len(entries))
    return _array([entry for entries in lists for entry in entries], column, (len(lists), width))


def _entries(value: Any, column: RawColumn) -> Iterable[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"column {column.name!r} takes a list a row, received {value!r}")
    return value


def _value(value: Any, column: RawColumn) -> Any:
    """Return one value in the column's type; what is of another type goes the way of a log's values."""
    if value is None:
        return PADDING[column.type]
    if column.type == "string" and isinstance(value, str | bytes):
        return value.encode() if isinstance(value, str) else bytes(value)
    if column.type == "int" and isinstance(value, int | np.integer) and -(2**63) <= value < 2**63:
        return int(value)
    if column.type == "float" and isinstance(value, int | float | np.integer | np.floating):
        return float(value)
    return _as_read(value, column)


def _as_read(value: Any, column: RawColumn) -> Any:
    """Return a value as the readers of logs take it: 1098.0 and "1098" for an int column, 1098.0 for a text."""
    try:
        read, problems = to_type(pa.array([value]), column.type, column.null_values, column.decimal)
    except (UnfitTypeError, pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        problems = [("no single value", np.array([True]))]
    reasons = [reason for reason, where in problems if where.any()]
    if reasons:
        raise TypeError(f"column {column.name!r} takes {column.type} values, received {value!r}: {reasons[0]}")
    found = read[0].as_py()
    if found is None:
        return PADDING[column.type]
    return found.encode() if isinstance(found, str) else found


def _array(flat: list[Any], column: RawColumn, shape: tuple[int, ...]) -> np.ndarray:
    if column.type != "string":
        return np.array(flat, _DTYPES[column.type]).reshape(shape)
    array = np.empty(len(flat), object)
    array[:] = flat
    return array.reshape(shape)

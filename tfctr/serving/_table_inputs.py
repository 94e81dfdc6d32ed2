"""The rows of a table as the tensors of a request, whole columns at a time; and what the table has and lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.data._convert.typed import typed_column
from tfctr.serving._raw_inputs import PADDING, input_names
from tfctr.spec import RawColumn, suggest
from tfctr.spec._input_names import input_name

_MOST_NAMES = 20
"""Names that are listed one by one."""

_TYPES = {"string": pa.binary(), "int": pa.int64(), "float": pa.float32()}


@dataclass(frozen=True)
class Matched:
    """The columns of a table beside the inputs of a model.

    Args:
        found: Name of an input -> the table's name of it: its own, or the one that the signature's name is made of.
        passed_over: Columns that are no inputs.
        lacking: Inputs that the table has no column for.
    """

    found: dict[str, str]
    passed_over: tuple[str, ...]
    lacking: tuple[str, ...]

    def told(self) -> list[str]:
        """What a person should know about it, in sentences."""
        lines = []
        if self.lacking:
            lacking = _listed(self.lacking, self.passed_over)
            lines.append(f"inputs of the model that the rows lack, missing in every row: {lacking}")
        if self.passed_over:
            lines.append(f"columns that are no inputs of the model, passed over: {_listed(self.passed_over)}")
        return lines


def match(names: Iterable[str], columns: Sequence[RawColumn]) -> Matched:
    """Return which columns of a table are inputs.

    Raises:
        KeyError: When none is.
    """
    given = list(names)
    by_input = {input_name(name): name for name in reversed(given)} | {name: name for name in given}
    found = {column.name: by_input[column.name] for column in columns if column.name in by_input}
    if columns and not found:
        how = "; a file of another delimiter, or without a header, is read as its spec says (--spec)"
        raise KeyError(
            f"the rows have none of the model's inputs {_listed([column.name for column in columns], given)}; "
            f"their columns are {_listed(given)}{how if len(given) == 1 else ''}"
        )
    used = set(found.values())
    passed_over = tuple(name for name in given if name not in used)
    return Matched(found, passed_over, tuple(column.name for column in columns if column.name not in found))


def typed_table(table: pa.Table, columns: Sequence[RawColumn], matched: Matched, start: int = 0) -> pa.Table:
    """Return the inputs that the table has, by their names as inputs and in their types.

    Raises:
        TypeError, ValueError: When a column or a value cannot be what the model takes; rows are counted from `start`.
    """
    given = {column.name: column for column in columns}
    named = {name: table.column(own) for name, own in matched.found.items()}
    return pa.table({name: typed_column(values, given[name], start) for name, values in named.items()})


def tensors_of(table: pa.Table, columns: Sequence[RawColumn]) -> dict[str, np.ndarray]:
    """Return the inputs of `predict` for a table of `typed_table`, with the missing values of `_raw_inputs`."""
    names = input_names(columns)
    have = set(table.column_names)
    return {
        names[column.name]: _dense(_column(table, column.name), column)
        if column.name in have
        else _absent(table.num_rows, column)
        for column in columns
    }


def _column(table: pa.Table, name: str) -> pa.Array:
    chunks = table.column(name).chunks
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)


def _dense(values: pa.Array, column: RawColumn) -> np.ndarray:
    """The array of `_raw_inputs.dense`, of a whole column."""
    if column.shape == "scalar":
        return _numpy(values, column)
    lengths = np.asarray(pc.fill_null(pc.list_value_length(values), 0))
    width = column.width if column.shape == "vector" else int(lengths.max(initial=0))
    rows = np.repeat(np.arange(len(values)), lengths)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    wrong = (lengths != width) & (lengths > 0)
    if column.shape == "vector" and wrong.any():
        raise ValueError(f"vector {column.name!r} must hold {width} numbers, received {int(lengths[wrong][0])}")
    flat = _numpy(pc.list_flatten(values), column)
    dense = np.full((len(values), width), PADDING[column.type], flat.dtype)
    dense[rows, places] = flat
    return dense


def _numpy(values: pa.Array, column: RawColumn) -> np.ndarray:
    kind = _TYPES[column.type]
    filled = pc.fill_null(values.cast(kind, safe=column.type == "int"), pa.scalar(PADDING[column.type], kind))
    found: np.ndarray = filled.to_numpy(zero_copy_only=False)
    return found


def _absent(rows: int, column: RawColumn) -> np.ndarray:
    shape: tuple[int, ...] = (rows,) if column.shape == "scalar" else (rows, column.width)
    return np.full(shape, PADDING[column.type], {"string": object, "int": np.int64, "float": np.float32}[column.type])


def _listed(names: Sequence[str], others: Sequence[str] = ()) -> str:
    """Names for people, each with that of the others that is spelt alike."""
    shown = ", ".join(
        repr(name) + (suggest(name, others) if get_close_matches(name, others) else "") for name in names[:_MOST_NAMES]
    )
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"

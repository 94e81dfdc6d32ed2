"""Rows in memory, in whatever holds them, as one Arrow table: the way in for data frames and dicts.

Everything that takes a log in memory takes these, through `as_table`:

- an Arrow table, record batch or reader, and whatever offers ``__arrow_c_stream__``, such as polars and DuckDB;
- a pandas data frame, with nullable, categorical and object columns; the named levels of its index are columns too;
- a dict, column -> array, series or list; an array of two dimensions is a column of lists;
- a list of dicts, one a row; a key that a row lacks is a missing value.

Neither pandas nor polars is imported. Values keep their types: what becomes of a float that is an id is decided where
columns get the types of the spec.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeGuard

import numpy as np
import pyarrow as pa

from tfctr.data.errors import DataError


class ArrowStream(Protocol):
    """What offers its rows by Arrow's PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return a capsule of an Arrow stream."""


class PandasFrame(Protocol):
    """A pandas data frame, as far as it is looked at."""

    columns: Any
    index: Any
    iloc: Any


Rows: TypeAlias = (
    "pa.Table | pa.RecordBatch | ArrowStream | PandasFrame | Mapping[str, Any] | Sequence[Mapping[str, Any]]"
)
"""Rows in memory; see this module for what is taken."""

_LISTS = (list, tuple, set, frozenset, np.ndarray)

_TAKEN = "an Arrow table, a pandas or polars data frame, a dict of columns or a list of dicts"


def as_table(rows: Rows) -> pa.Table:
    """Return rows as an Arrow table, without a copy where Arrow can do without.

    Args:
        rows: Any of what this module names.

    Raises:
        DataError: When `rows` is none of these, has a column name twice, columns of several lengths, or values that no
            column can hold.

    Example:
        >>> as_table([{"user": 7, "site": "a"}, {"user": 8}]).to_pydict()
        {'user': [7, 8], 'site': ['a', None]}
        >>> as_table(7)
        Traceback (most recent call last):
        ...
        tfctr.data.errors.DataError: rows are an Arrow table, ... or a list of dicts; received one int
    """
    if isinstance(rows, pa.Table):
        columns = list(zip(rows.column_names, rows.columns, strict=True))
    elif isinstance(rows, pa.RecordBatch):
        columns = list(zip(rows.schema.names, rows.columns, strict=True))
    elif _is_pandas(rows):
        columns = _pandas_columns(rows)
    elif hasattr(rows, "__arrow_c_stream__"):
        table = pa.table(rows)
        columns = list(zip(table.column_names, table.columns, strict=True))
    elif isinstance(rows, Mapping):
        columns = [(str(name), _column(str(name), values)) for name, values in rows.items()]
    elif _is_list_of_dicts(rows):
        names = dict.fromkeys(name for row in rows for name in row)
        columns = [(str(name), _column(str(name), [row.get(name) for row in rows])) for name in names]
    else:
        raise DataError(f"rows are {_TAKEN}; received {_what(rows)}")
    _check(columns)
    return pa.table([_usual_type(values) for _, values in columns], names=[name for name, _ in columns])


def _is_pandas(rows: object) -> TypeGuard[PandasFrame]:
    """Whether this is a pandas data frame, without the seconds that pandas takes to import."""
    return any(kind.__name__ == "DataFrame" and kind.__module__.startswith("pandas.") for kind in type(rows).__mro__)


def _is_list_of_dicts(rows: object) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    return isinstance(rows, list | tuple) and all(isinstance(row, Mapping) for row in rows)


def _what(rows: object) -> str:
    """The type of what was given, in words, and never its content."""
    kind = type(rows)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.split('.')[0]}.{kind.__name__}"
    if hasattr(rows, "collect"):
        return f"a {name}; call its collect() first"
    if hasattr(rows, "to_frame"):
        return f"a {name}, which is one column; call its to_frame() first"
    if isinstance(rows, list | tuple) and rows:
        other = next((row for row in rows if not isinstance(row, Mapping)), rows[0])
        return f"a {name} of {type(other).__name__}"
    return f"one {name}"


def _check(columns: Sequence[tuple[str, pa.Array | pa.ChunkedArray]]) -> None:
    names = [name for name, _ in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"rows have several columns named {', '.join(map(repr, twice))}; rename them")
    lengths = {name: len(values) for name, values in columns}
    if len(set(lengths.values())) > 1:
        longest, shortest = max(lengths, key=lengths.__getitem__), min(lengths, key=lengths.__getitem__)
        told = f"{longest!r} has {lengths[longest]:,} values, {shortest!r} {lengths[shortest]:,}"
        raise DataError(f"columns are of one length; {told}")


def _pandas_columns(frame: PandasFrame) -> list[tuple[str, pa.Array | pa.ChunkedArray]]:
    """The columns, and before them the levels of the index that have a name of their own."""
    names = [_pandas_name(name) for name in frame.columns]
    levels = [
        (str(name), frame.index.get_level_values(level))
        for level, name in enumerate(frame.index.names)
        if name is not None and str(name) not in names
    ]
    series = [(name, frame.iloc[:, place]) for place, name in enumerate(names)]
    return [(name, _column(name, values)) for name, values in [*levels, *series]]


def _pandas_name(name: object) -> str:
    """A name; of a header of several levels those that are not empty, as `groupby().agg()` leaves them."""
    return "_".join(str(part) for part in name if part != "") if isinstance(name, tuple) else str(name)


def _column(name: str, values: Any) -> pa.Array | pa.ChunkedArray:
    """One column of any array, series or list; NaN and NaT among objects are missing."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__len__"):
        raise DataError(f"column {name!r}: a column is an array, a series or a list; received {_what(values)}")
    if getattr(values, "ndim", 1) == 0:
        raise DataError(f"column {name!r}: a column is an array with a value a row; received one of no dimension")
    if getattr(values, "ndim", 1) > 1:
        return _lists_of(name, np.asarray(values))
    if hasattr(values, "cat") and hasattr(values, "dtype") and hasattr(values.dtype, "categories"):
        return _categories(name, values)
    if str(getattr(values, "dtype", "")).startswith("Sparse"):
        values = np.asarray(values)
    if isinstance(values, np.ndarray):
        values = _native(values)
    try:
        if hasattr(values, "__arrow_c_stream__") and not type(values).__module__.startswith("pandas."):
            return pa.chunked_array(values)
        found = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _texts(name, values)
    if isinstance(found.type, pa.BaseExtensionType):  # a period or an interval
        return _texts(name, values)
    return found


def _native(values: np.ndarray) -> np.ndarray:
    """An array of a type that Arrow knows."""
    if values.dtype.byteorder == ">":
        return values.astype(values.dtype.newbyteorder("="))
    return values.astype(object) if values.dtype.kind == "T" else values


def _lists_of(name: str, array: np.ndarray) -> pa.Array:
    """The rows of an array of two dimensions, as lists of one length."""
    if array.ndim != 2:
        raise DataError(f"column {name!r}: an array of {array.ndim} dimensions; a list a row has 2")
    flat = _column(name, array.reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, array.shape[1]) if array.shape[1] else pa.nulls(len(array))


def _categories(name: str, series: Any) -> pa.Array:
    """A categorical series of pandas; its categories may be of any type, such as intervals."""
    codes = np.asarray(series.cat.codes)
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, mask=codes < 0), _column(name, series.cat.categories), ordered=False
    )


def _texts(name: str, values: Any) -> pa.Array:
    """Values of several types, or of one that Arrow does not know, as texts or lists of texts."""
    if all(value is None or isinstance(value, _LISTS) or _is_nan(value) for value in values):
        lists = [[_text(name, v) for v in value] if isinstance(value, _LISTS) else None for value in values]
        return pa.array(lists, pa.list_(pa.string()))
    return pa.array([_text(name, value) for value in values], pa.string())


def _text(name: str, value: Any) -> str | None:
    """One of values of several types, as the text that is read back as that value."""
    if value is None or type(value).__name__ == "NAType" or _is_nan(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, (*_LISTS, Mapping)) or repr(value) == object.__repr__(value):  # the latter has no text
        raise DataError(
            f"column {name!r}: has a {type(value).__name__} among its values; a column holds numbers, texts, times, or "
            "lists of one of these"
        )
    return str(value)


def _is_nan(value: Any) -> bool:
    """Whether this is NaN or NaT, which are not themselves."""
    return np.ndim(value) == 0 and bool(value != value)


def _usual_type(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The column in the types that Arrow's functions work on: views of text become text, half floats floats."""
    kind = values.type
    usual = _usual(kind)
    if usual == kind:
        return values
    if pa.types.is_dictionary(kind):
        chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
        made = [pa.DictionaryArray.from_arrays(c.indices, c.dictionary.cast(_usual(kind.value_type))) for c in chunks]
        return pa.chunked_array(made, usual)
    return values.cast(usual)


def _usual(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _usual(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(_usual(kind.value_type))
    if pa.types.is_list(kind):
        return pa.list_(_usual(kind.value_type))
    if kind == pa.string_view():
        return pa.string()
    if kind == pa.binary_view():
        return pa.binary()
    return pa.float32() if kind == pa.float16() else kind


def is_path(source: object) -> bool:
    """Whether a source names files: a path or a list of paths."""
    if isinstance(source, str) or hasattr(source, "__fspath__"):
        return True
    return isinstance(source, list | tuple) and bool(source) and is_path(source[0])

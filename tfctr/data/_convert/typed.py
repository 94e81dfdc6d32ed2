"""One column of rows that must all be good: a request's, or a table's that goes into the transform as it is."""

from __future__ import annotations

import reprlib

import pyarrow as pa

from tfctr.data._convert.batch import to_column
from tfctr.data._convert.problems import Problems
from tfctr.data._convert.values import UnfitTypeError
from tfctr.spec import RawColumn


def typed_column(values: pa.Array | pa.ChunkedArray, column: RawColumn, start: int = 0) -> pa.Array:
    """Return values of any type in the type of their column, by the rules that hold for files.

    Floating-point numbers for a column of such stay as they are, for what is not finite counts as missing behind here.

    Args:
        values: One a row.
        column: What is wanted.
        start: Rows before these, for messages.

    Raises:
        TypeError: When the type of the values can never become the one wanted.
        ValueError: When a value cannot be read; names its row.
    """
    array = _one_array(values)
    is_list = pa.types.is_list(array.type) or pa.types.is_large_list(array.type)
    if is_list and column.shape == "scalar":
        raise TypeError(f"column {column.name!r} must hold one value a row, received {array.type}")
    value_type = array.type.value_type if is_list else array.type
    if column.type == "float" and pa.types.is_floating(value_type) and is_list == (column.shape != "scalar"):
        return array
    problems = Problems(len(array))
    try:
        made = to_column(array, column, problems)
    except UnfitTypeError as error:
        raise TypeError(f"column {column.name!r} {error}; the spec reads it as {column.type}") from error
    for problem in problems:
        first = f"row {start + int(problem.positions[0]) + 1:,}"
        rows = f"{first} and {len(problem.positions) - 1:,} more" if len(problem.positions) > 1 else first
        raise ValueError(f"column {problem.reason}: {rows}, where it is {reprlib.repr(problem.values[0])}")
    return made


def _one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # what an empty column becomes in some versions of Arrow
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array

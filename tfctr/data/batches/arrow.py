"""Transformed tensors as Arrow tables and Parquet files: a column a tensor, lists and vectors of fixed size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tfctr.data._atomic_write import atomic_write
from tfctr.data.errors import DataError
from tfctr.spec import TensorInfo

GROUP_ROWS = 16_384
"""Rows of a row group, the least that is read at once: at 0.5 kB a row, 8 MB."""


def table_of(arrays: Mapping[str, np.ndarray]) -> pa.Table:
    """Return transformed arrays as a table; ``(rows, width)`` becomes a column of lists of fixed size."""
    return pa.table({name: _column_of(np.asarray(array)) for name, array in arrays.items()})


def arrays_of(table: pa.Table, infos: Sequence[TensorInfo]) -> dict[str, np.ndarray]:
    """Return the columns that belong to these tensors as arrays; the inverse of `table_of`.

    Raises:
        DataError: When a column is missing, has missing values, or another type or width than its tensor.
    """
    return {info.name: _array_of(table, info) for info in infos}


def write_transformed(
    arrays: Mapping[str, np.ndarray],
    folder: str | Path,
    *,
    rows_per_file: int = 4_000_000,
    group_rows: int = GROUP_ROWS,
) -> list[Path]:
    """Write transformed arrays as Parquet files that `ParquetPlan` reads; return the files.

    Each file is written aside and renamed, so that half a file is never taken for a whole one.

    Args:
        arrays: Tensors by name (`TransformOutput.transform`), all with the same number of rows.
        folder: Where to; made when missing. Files of the same names are replaced.
        rows_per_file: Rows of a file.
        group_rows: Rows of a row group; more compress better, fewer mix better.
    """
    target = Path(folder)
    table = table_of(arrays)
    files = []
    for part, start in enumerate(range(0, max(table.num_rows, 1), rows_per_file)):
        path = target / f"part-{part:05d}.parquet"
        with atomic_write(path) as partial:
            pq.write_table(table.slice(start, rows_per_file), partial, row_group_size=group_rows)
        files.append(path)
    return files


def _column_of(array: np.ndarray) -> pa.Array:
    if array.ndim == 1:
        return pa.array(array)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(array).reshape(-1)), array.shape[1])


def _array_of(table: pa.Table, info: TensorInfo) -> NDArray[Any]:
    if info.name not in table.column_names:
        raise DataError(f"column {info.name!r} is missing; there are {', '.join(table.column_names)}")
    column = table.column(info.name)
    wanted: pa.DataType = pa.from_numpy_dtype(np.dtype(info.dtype))
    if info.shape:
        wanted = pa.list_(wanted, info.shape[0])
    if not column.type.equals(wanted):
        raise DataError(f"column {info.name!r} is {column.type}, the spec's tensor is {wanted}; transform anew")
    if column.null_count:
        raise DataError(f"column {info.name!r} has {column.null_count} missing values; a transformed column has none")
    flat = column.combine_chunks()
    if info.shape:
        flat = flat.flatten()
    array: NDArray[Any] = flat.to_numpy(zero_copy_only=False)
    return array.reshape(-1, *info.shape)

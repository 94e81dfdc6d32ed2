"""Vectors of pictures, which the user of the package computes, read from a file of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tfctr.data.errors import DataError


def read_vectors(path: Path, names: Sequence[str], key: str) -> NDArray[np.float32]:
    """Read one vector a name, float32 ``(names, width)``.

    Args:
        path: An ``.npy`` file ``(names, width)`` in the order of the names, or a Parquet file with the columns `key`
            and `vector` (lists of equal length), rows in any order.
        names: Whose vectors are wanted.
        key: Name of the column that tells whose vector it is.

    Raises:
        DataError: When the file cannot be read, a name lacks its vector or has two, or a number is not finite.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; it should hold one vector a value of {key!r}")
    vectors = _from_array(path, len(names), key) if path.suffix == ".npy" else _from_table(path, names, key)
    if not np.isfinite(vectors).all():
        raise DataError(f"{path}: {int((~np.isfinite(vectors)).any(axis=1).sum())} vectors hold NaN or infinity")
    return vectors


def _from_array(path: Path, rows: int, key: str) -> NDArray[np.float32]:
    try:
        array = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise DataError(f"{path}: no array of numbers ({error})") from error
    if array.ndim != 2 or len(array) != rows or array.dtype.kind not in "fiu":
        raise DataError(
            f"{path}: an array of {array.dtype} of shape {array.shape}, expected numbers ({rows}, width), one row for "
            f"each {key} in their order"
        )
    vectors: NDArray[np.float32] = array.astype(np.float32)
    return vectors


def _from_table(path: Path, names: Sequence[str], key: str) -> NDArray[np.float32]:
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: neither an .npy array nor a Parquet table ({error})") from error
    if missing := [name for name in (key, "vector") if name not in table.column_names]:
        raise DataError(f"{path}: no column {' and '.join(missing)}; the columns are {', '.join(table.column_names)}")
    given = table.column(key).cast(pa.string()).to_pylist()
    if twice := len(given) - len(set(given)):
        raise DataError(f"{path}: {twice} values of {key} come more than once")
    places = {name: place for place, name in enumerate(given)}
    if lacking := [name for name in names if name not in places]:
        raise DataError(f"{path}: no vector for {len(lacking)} of {len(names)} values of {key}, such as {lacking[0]}")
    rows = table.column("vector").take(pa.array([places[name] for name in names])).to_pylist()
    widths = {len(row or ()) for row in rows}
    if len(widths) != 1 or 0 in widths:
        raise DataError(f"{path}: vectors of {sorted(widths)} numbers, expected all of one length")
    return np.array(rows, np.float32)

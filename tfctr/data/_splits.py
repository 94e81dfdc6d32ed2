"""Train, valid and test: which row goes where, decided from key columns alone.

`time` cuts the whole log at two moments, `hash` sends all rows of one value to one side on every machine, `random`
deals out each row by itself, `column` reads the answer from the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tfctr.data.errors import DataError
from tfctr.spec import MISSING, FeatureSpec
from tfctr.spec.source import SplitFiles

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)

# FNV-1a, 64 bits, and the finalizer of splitmix64, which spreads its low-entropy high bits.
FNV_START = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3


def split_codes(table: pa.Table, spec: FeatureSpec, *, seed: int = 0) -> NDArray[np.int8]:
    """Return 0 (train), 1 (valid) or 2 (test) per row, int8 ``(rows,)``.

    Args:
        table: A table with the column that the split goes by.
        spec: Its `split` and `meta.time` decide.
        seed: Of `hash` and `random`; changes which values or rows go where.

    Raises:
        DataError: When a split would have no rows, or the column cannot be split by.
    """
    split = spec.split
    shares = np.array([split.train, split.valid, split.test])
    if split.by == "time":
        if spec.meta.time_column is None:
            raise DataError("a split by time needs `meta.time`; give it, or split by hash of a column")
        codes = codes_by_time(_times(table, spec.meta.time_column), shares)
    elif split.by == "hash":
        codes = codes_by_hash(_column(table, str(split.column)), shares, seed=seed)
    elif split.by == "random":
        codes = _codes_of_shares(np.random.default_rng(seed).random(table.num_rows), shares)
    else:
        values = _column(table, str(split.column)).cast(pa.string())
        if split.valid_values:
            codes = codes_by_values(values, split.valid_values, split.test_values)
        else:
            codes = codes_by_column(values, str(split.column))
        if split.files is not None and not split.files.valid:
            drawn = np.random.default_rng(seed).random(len(codes)) < split.valid
            codes = np.where((codes == 0) & drawn, 1, codes).astype(np.int8)
    _require_rows(codes, spec)
    return codes


def split_of_file(file: Path, files: SplitFiles) -> SplitName:
    """Return the split that a file is a part of.

    Raises:
        DataError: When it is a part of none, or of two.
    """
    ends = (file, *file.parents)
    found = [name for name in SPLITS if any(end.match(pattern) for pattern in getattr(files, name) for end in ends)]
    if len(found) != 1:
        patterns = "; ".join(f"{name}: {', '.join(getattr(files, name)) or '-'}" for name in SPLITS)
        raise DataError(f"{file}: is in {' and '.join(found) or 'no part'} of `split.files` ({patterns})")
    return found[0]


def codes_by_time(times: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int8]:
    """Cut at two moments so that the shares are met as nearly as rows of equal time allow.

    Rows of one time stay together, so every time in train is before every time in valid, and so on.

    Raises:
        DataError: When there are fewer than three distinct times.
    """
    distinct, counts = np.unique(times, return_counts=True)
    if len(distinct) < 3:
        raise DataError(
            f"a split by time needs at least 3 distinct times, the log has {len(distinct)}; split by hash of a column"
        )
    rows_before = np.cumsum(counts)[:-1]  # rows in front of a cut behind each distinct time but the last
    wanted = np.cumsum(shares)[:2] * len(times)
    first = int(np.argmin(np.abs(rows_before[:-1] - wanted[0])))
    second = first + 1 + int(np.argmin(np.abs(rows_before[first + 1 :] - wanted[1])))
    return np.searchsorted(distinct[[first, second]], times, side="left").astype(np.int8)


def codes_by_hash(values: pa.ChunkedArray, shares: NDArray[np.float64], *, seed: int = 0) -> NDArray[np.int8]:
    """Send each value to a side by a hash of its text; the same on every machine and in every process."""
    return _codes_of_shares(hash_shares(values, seed=seed), shares)


def codes_by_values(texts: pa.ChunkedArray, valid: Sequence[str], test: Sequence[str]) -> NDArray[np.int8]:
    """Send these values to valid and test, all others and missing ones to train."""
    in_valid, in_test = (np.asarray(pc.is_in(texts, pa.array(names, pa.string())), np.int8) for names in (valid, test))
    return in_valid + np.int8(2) * in_test


def codes_by_column(texts: pa.ChunkedArray, name: str) -> NDArray[np.int8]:
    """Read the side from the column, which holds the words train, valid and test.

    Raises:
        DataError: When a value is none of train, valid, test.
    """
    codes = pc.index_in(texts, pa.array(SPLITS))
    if codes.null_count:
        others = pc.unique(texts.filter(pc.is_null(codes))).to_pylist()
        shown = ", ".join(repr(value) for value in others[:5]) + (", ..." if len(others) > 5 else "")
        raise DataError(
            f"split column {name!r}: {codes.null_count:,} rows hold {shown}; each must hold one of "
            f"{', '.join(SPLITS)}, or the spec must give `split.valid_values` and `split.test_values`"
        )
    return np.asarray(codes, np.int8)


def hash_shares(values: pa.ChunkedArray | pa.Array, *, seed: int = 0) -> NDArray[np.float64]:
    """Return a number in [0, 1) per row, made of the text of its value; float64 ``(rows,)``.

    The number 42 and the text "42" have one hash, so do all missing values.

    Example:
        >>> hash_shares(pa.array(["a", "b", "a"])).round(4).tolist()
        [0.0108, 0.243, 0.0108]
    """
    encoded = pc.dictionary_encode(pc.fill_null(values.cast(pa.string()), MISSING))
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    hashes = _mixed(_fnv1a(encoded.dictionary, seed))
    shares: NDArray[np.float64] = (hashes >> np.uint64(11)) / 2.0**53
    of_rows: NDArray[np.float64] = shares[np.asarray(encoded.indices)]
    return of_rows


def _fnv1a(texts: pa.StringArray, seed: int) -> NDArray[np.uint64]:
    """Hash texts byte by byte, all texts at once; uint64 ``(texts,)``."""
    binary = texts.cast(pa.large_binary())
    _, bounds, data = binary.buffers()
    offsets = np.frombuffer(bounds, dtype=np.int64)[binary.offset : binary.offset + len(binary) + 1]
    content = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    hashes = np.full(len(binary), _mixed(np.array([seed], np.uint64))[0] ^ np.uint64(FNV_START))
    for position in range(int(lengths.max(initial=0))):
        live = np.flatnonzero(lengths > position)
        hashes[live] = (hashes[live] ^ content[starts[live] + position]) * np.uint64(FNV_PRIME)
    return hashes


def _mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


def _codes_of_shares(positions: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.int8]:
    """Turn numbers in [0, 1) into sides."""
    return np.searchsorted(np.cumsum(shares)[:2], positions, side="right").astype(np.int8)


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise DataError(f"the split goes by the column {name!r}, which the log lacks")
    return table.column(name)


def _times(table: pa.Table, name: str) -> NDArray[np.int64]:
    times = _column(table, name)
    if times.null_count:
        raise DataError(
            f"{times.null_count:,} of {table.num_rows:,} rows have no time in {name!r}, so that a split by time cannot "
            "place them; leave them out of the log, or split by hash of a column"
        )
    return np.asarray(times, np.int64)


def _require_rows(codes: NDArray[np.int8], spec: FeatureSpec) -> None:
    counts = np.bincount(codes, minlength=3)
    empty = [name for name, count in zip(SPLITS, counts, strict=True) if count == 0]
    if empty:
        shown = ", ".join(f"{name} {count:,}" for name, count in zip(SPLITS, counts, strict=True))
        raise DataError(
            f"the split by {spec.split.by} leaves no rows for {' and '.join(empty)} ({shown}); "
            "take a larger log, other shares or another `split`"
        )

"""TFRecord files of raw `tf.Example`s. TensorFlow is imported when the first such file is read.

A feature that an example lacks is a missing value. Batches are parsed by TensorFlow; one whose examples differ in
type, or hold a record that is no example, is parsed record by record.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tfctr.data._readers.files import DamagedFileError, LogFile
from tfctr.data._readers.mixed_types import mixed_column
from tfctr.data._readers.raw import RawBatch, require_columns
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import DataError
from tfctr.spec import RawColumn, Source

if TYPE_CHECKING:
    import tensorflow as tf

BATCH_ROWS = 8192
KINDS = {"bytes_list": "string", "int64_list": "int64", "float_list": "float32"}


def read_tfrecord(
    file: LogFile, columns: tuple[RawColumn, ...], source: Source, bad_rows: BadRows
) -> Iterator[RawBatch]:
    """Read a TFRecord file; see `Reader`. A feature that no example of the first batch has is reported as missing."""
    row = 0
    for records in _batches(file):
        kinds = _kinds(records, columns)
        if not row:
            require_columns(file, [c for c in columns if c.name not in kinds], _names(records))
        batch = _parse(records, columns, kinds)
        if batch is None:
            batch = _parse_records(file, records, columns, row, bad_rows)
        yield RawBatch(batch.columns, row + batch.rows)
        row += len(records)


def _batches(file: LogFile) -> Iterator[np.ndarray]:
    """Yield arrays of serialized examples.

    Raises:
        DataError: When the file is compressed in a way TensorFlow does not read.
        DamagedFileError: When the file ends early or is no TFRecord file.
    """
    import tensorflow as tf

    if file.compression not in ("", ".gz"):
        raise DataError(f"{file}: TFRecord files are read plain or gzipped, not as {file.compression}")
    compression = "GZIP" if file.compression else ""
    records = tf.data.TFRecordDataset(str(file.path), compression_type=compression).as_numpy_iterator()
    held: list[bytes] = []
    damage: DamagedFileError | None = None
    while damage is None:
        try:
            record = next(records, None)
        except (tf.errors.DataLossError, tf.errors.OutOfRangeError, tf.errors.InvalidArgumentError) as error:
            damage = DamagedFileError(f"no TFRecord file, or only half of one ({error.message})")
            record = None
        if record is not None:
            held.append(record)
        if held and (record is None or len(held) == BATCH_ROWS):
            yield np.array(held, dtype=object)
            held = []
        if record is None:
            break
    if damage is not None:
        raise damage


def _example(record: bytes) -> tf.train.Example | None:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        return tf.train.Example.FromString(record)
    except DecodeError:
        return None


def _names(records: np.ndarray) -> list[str]:
    names: dict[str, None] = {}
    for record in records[:100]:
        example = _example(record)
        names.update(dict.fromkeys(example.features.feature if example is not None else ()))
    return list(names)


def _kinds(records: np.ndarray, columns: tuple[RawColumn, ...]) -> dict[str, str]:
    """Return the dtype of each column, from the first example of the batch that has a value of it."""
    kinds: dict[str, str] = {}
    for record in records:
        example = _example(record)
        if example is None:
            continue
        for column in columns:
            if column.name not in kinds and column.name in example.features.feature:
                kind = example.features.feature[column.name].WhichOneof("kind")
                if kind is not None:
                    kinds[column.name] = KINDS[kind]
        if len(kinds) == len(columns):
            break
    return kinds


def _parse(records: np.ndarray, columns: tuple[RawColumn, ...], kinds: dict[str, str]) -> RawBatch | None:
    """Parse a batch at once; None when TensorFlow cannot, or a scalar has several values."""
    import tensorflow as tf

    features = {c.name: tf.io.RaggedFeature(kinds.get(c.name, "string"), row_splits_dtype="int64") for c in columns}
    try:
        parsed = tf.io.parse_example(records, features)
    except tf.errors.InvalidArgumentError:
        return None
    arrays: dict[str, pa.Array] = {}
    for column in columns:
        ragged = parsed[column.name]
        values, splits = ragged.values.numpy(), ragged.row_splits.numpy()
        array = _array(values, splits, column)
        if array is None:
            return None
        arrays[column.name] = array
    return RawBatch(arrays, 1 + np.arange(len(records)))


def _array(values: np.ndarray, splits: np.ndarray, column: RawColumn) -> pa.Array | None:
    """Return ragged values as lists or as single values; None when a single value is several."""
    flat = pa.array(values.tolist(), pa.binary()) if values.dtype == object else pa.array(values)
    lengths = np.diff(splits)
    present = lengths > 0
    if column.shape != "scalar":
        missing = None if present.all() else pa.array(~present)
        if values.dtype == object and np.all(lengths <= 1):  # perhaps one text with separators
            return flat.take(pa.array(splits[:-1], mask=~present))
        return pa.ListArray.from_arrays(pa.array(splits.astype(np.int32)), flat, mask=missing)
    if np.any(lengths > 1):
        return None
    return flat.take(pa.array(splits[:-1], mask=~present))


def _parse_records(
    file: LogFile, records: np.ndarray, columns: tuple[RawColumn, ...], row: int, bad_rows: BadRows
) -> RawBatch:
    """Parse record by record; those that are no example, or have several values for one, are set aside."""
    values: dict[str, list[Any]] = {column.name: [] for column in columns}
    numbers: list[int] = []
    for number, record in enumerate(records, start=1):
        example = _example(record)
        if example is None:
            bad_rows.add(str(file), [row + number], "not a tf.Example", [record[:200]])
            continue
        lists = {column.name: _list(example, column.name) for column in columns}
        several = next((c.name for c in columns if c.shape == "scalar" and len(lists[c.name]) > 1), None)
        if several is not None:
            bad_rows.add(str(file), [row + number], f"{several}: several values where one is wanted", [lists[several]])
            continue
        numbers.append(number)
        for column in columns:
            found = lists[column.name]
            scalar = column.shape == "scalar"
            values[column.name].append((found[0] if found else None) if scalar else (found or None))
    arrays = {column.name: mixed_column(values[column.name], column) for column in columns}
    return RawBatch(arrays, np.array(numbers, dtype=np.int64))


def _list(example: tf.train.Example, name: str) -> list[Any]:
    feature = example.features.feature.get(name)
    kind = feature.WhichOneof("kind") if feature is not None else None
    return list(getattr(feature, kind).value) if kind else []

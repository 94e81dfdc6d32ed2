"""`write_log`: a table as a raw log in any of the text and record formats, to be read back by `read_log`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from tfctr.data._readers.files import Format, format_of
from tfctr.data.errors import DataError

SEPARATOR = "|"


def write_log(table: pa.Table, path: Path | str, format: Format | None = None) -> Path:
    """Write a table as a raw log; a name that ends in ``.gz`` is gzipped.

    Lists become texts joined by ``|`` in csv and tsv, and stay lists elsewhere. Missing values become empty fields,
    nulls, or absent features.

    Args:
        table: Columns of text, numbers, or lists of these.
        path: The file to write.
        format: csv, tsv, jsonl, parquet or tfrecord; None tells it from the name.

    Returns:
        The path.

    Raises:
        DataError: When the format is unknown or cannot be written.
    """
    path = Path(path)
    format = format or format_of(path)
    if format in ("csv", "tsv"):
        options = pacsv.WriteOptions(delimiter="," if format == "csv" else "\t", quoting_style="needed")
        with _opened(path) as stream:
            pacsv.write_csv(_joined(table), stream, options)
    elif format == "jsonl":
        _write_jsonl(table, path)
    elif format == "parquet":
        pq.write_table(table, path)
    elif format == "tfrecord":
        _write_tfrecord(table, path)
    else:
        raise DataError(f"{path}: write csv, tsv, jsonl, parquet or tfrecord, not {format or 'an unknown format'}")
    return path


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with cast("IO[bytes]", gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb")) as stream:
        yield stream


def _joined(table: pa.Table) -> pa.Table:
    """Return the table with its lists as texts."""
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_list(column.type):
            column = pc.binary_join(column.cast(pa.list_(pa.string())), SEPARATOR)
        columns[name] = column
    return pa.table(columns)


def _write_jsonl(table: pa.Table, path: Path) -> None:

    with _opened(path) as stream:
        for batch in table.to_batches():
            lines = (json.dumps(row, ensure_ascii=False) for row in batch.to_pylist())
            stream.write("".join(line + "\n" for line in lines).encode())


def _write_tfrecord(table: pa.Table, path: Path) -> None:
    import tensorflow as tf

    options = tf.io.TFRecordOptions(compression_type="GZIP" if path.suffix == ".gz" else "")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for batch in table.to_batches():
            for row in batch.to_pylist():
                example = tf.train.Example()
                for name, value in row.items():
                    _set_feature(example.features.feature[name], value, table.schema.field(name).type)
                writer.write(example.SerializeToString())


def _set_feature(feature: Any, value: object, kind: pa.DataType) -> None:
    """Fill a `tf.train.Feature`; a missing value leaves it without a kind."""
    kind = kind.value_type if pa.types.is_list(kind) else kind
    values = value if isinstance(value, list) else [] if value is None else [value]
    if not values:
        return
    if pa.types.is_floating(kind):
        feature.float_list.value.extend(values)
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        feature.int64_list.value.extend(values)
    else:
        texts = [value if isinstance(value, bytes) else str(value).encode() for value in values]
        feature.bytes_list.value.extend(texts)

"""`read_log`: any raw log as a stream of batches with the types of its spec."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from tfctr.data._columns import log_columns, prepared_columns
from tfctr.data._convert import Converter
from tfctr.data._positions import cut, with_lists
from tfctr.data._readers.delimited import read_delimited
from tfctr.data._readers.files import DamagedFileError, Format, LogFile, Paths, find_files
from tfctr.data._readers.jsonl import read_jsonl
from tfctr.data._readers.libfm import read_libfm
from tfctr.data._readers.parquet import read_parquet
from tfctr.data._readers.raw import Reader, require_columns
from tfctr.data._readers.tfrecord import read_tfrecord
from tfctr.data._splits import split_of_file
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import DataError
from tfctr.data.frames import Rows, as_table
from tfctr.spec import FeatureSpec
from tfctr.spec.source import SPLIT_OF_FILE

READERS: dict[Format, Reader] = {
    "csv": read_delimited,
    "tsv": read_delimited,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "tfrecord": read_tfrecord,
    "libfm": read_libfm,
}


def read_log(
    paths: Paths,
    spec: FeatureSpec,
    *,
    batch_rows: int = 65_536,
    bad_rows: BadRows | None = None,
    prepared: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Read a raw log in batches: the columns that the spec needs, with its types, missing values as nulls.

    Rows that cannot be read are set aside in `bad_rows`; see `tfctr.data._convert` for what is taken for what.
    Memory is bounded by the size of a batch, not of the log. Rows keep the order of the files.

    Args:
        paths: A file, a folder, a glob pattern, or a list of these; the format is recognised by the name unless
            `spec.source.format` gives it.
        spec: Says which columns, of which types, in which format, and how large a share of bad rows may be.
        batch_rows: Most rows in a batch.
        bad_rows: Where bad rows go; None keeps count only for the share that is allowed.
        prepared: Whether the log has its histories already (their columns are read), else they are left out
            and the columns they are built from are read.

    Yields:
        Batches with the columns of `log_columns(spec)`, or of `spec.raw_columns()` with `prepared`.

    Raises:
        DataError: When there is no file or no row, a column is missing, or a file ends early.
        BadRowsError: When the share of bad rows is larger than `spec.source.max_bad_share`.
    """
    if batch_rows < 1:
        raise ValueError(f"batch_rows must be at least 1, received {batch_rows}")
    bad_rows = bad_rows if bad_rows is not None else BadRows()
    encoding = spec.source.encoding
    files = [replace(file, encoding=encoding) for file in find_files(paths, spec.source.format)]
    columns = prepared_columns(spec) if prepared else log_columns(spec)
    convert = Converter(columns, spec, bad_rows)
    for file in files:
        for batch in _read_file(file, convert, bad_rows):
            bad_rows.check(spec.source.max_bad_share, finished=False)
            for start in range(0, batch.num_rows, batch_rows):
                yield batch.slice(start, batch_rows)
    if not bad_rows.total:
        raise DataError(
            f"no rows to read: {files[0]} is empty" + (f", and so are all {len(files)} files" * (len(files) > 1))
        )
    bad_rows.check(spec.source.max_bad_share)


def read_table(
    table: Rows, spec: FeatureSpec, *, bad_rows: BadRows | None = None, name: str = "table"
) -> Iterator[pa.RecordBatch]:
    """Read rows in memory (see `as_table`) as `read_log` reads files: same columns, types, checks and errors."""
    bad_rows = bad_rows if bad_rows is not None else BadRows()
    columns = log_columns(spec)
    convert = Converter(columns, spec, bad_rows)
    yield from _convert_table(as_table(table), convert, name)
    if not bad_rows.total:
        raise DataError(f"no rows to read: {name} is empty")
    bad_rows.check(spec.source.max_bad_share)


def _read_file(file: LogFile, convert: Converter, bad_rows: BadRows) -> Iterator[pa.RecordBatch]:
    before = bad_rows.total
    given = {name: value for name, value in file.partitions.items() if name in convert.schema.names}
    if convert.spec.split.files is not None:
        given[SPLIT_OF_FILE] = split_of_file(file.path, convert.spec.split.files)
    columns = tuple(replace(c, type="string") if c.positive else c for c in convert.columns)  # a label may be words
    positions = convert.spec.source.positions
    columns = with_lists([column for column in columns if column.name not in given], positions)
    try:
        for raw in READERS[file.format](file, columns, convert.spec.source, bad_rows):
            rows = len(raw.rows)
            made = {name: pa.repeat(pa.scalar(value, pa.string()), rows) for name, value in given.items()}
            yield convert(cut(raw.columns, positions, convert.schema.names) | made, raw.rows, str(file))
    except DamagedFileError as error:
        read = bad_rows.total - before
        raise DataError(f"{file}: {error}; {read:,} rows were read before. Get the file again.") from error


def _convert_table(table: pa.Table, convert: Converter, name: str) -> Iterator[pa.RecordBatch]:
    require_columns(name, convert.columns, table.column_names)
    row = 1
    for batch in table.select([column.name for column in convert.columns]).to_batches(max_chunksize=65_536):
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        yield convert(columns, np.arange(row, row + batch.num_rows), name)
        row += batch.num_rows

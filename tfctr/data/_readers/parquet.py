"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tfctr.data._readers.files import LogFile
from tfctr.data._readers.raw import RawBatch, require_columns
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import DataError
from tfctr.spec import RawColumn, Source

BATCH_ROWS = 65_536


def read_parquet(
    file: LogFile, columns: tuple[RawColumn, ...], source: Source, bad_rows: BadRows
) -> Iterator[RawBatch]:
    """Read a Parquet file; see `Reader`."""
    try:
        parquet = pq.ParquetFile(file.path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{file}: no Parquet file, or only half of one: {error}") from error
    with parquet:
        require_columns(file, columns, parquet.schema_arrow.names)
        row = 0
        try:
            for batch in parquet.iter_batches(BATCH_ROWS, columns=[column.name for column in columns]):
                values = {column.name: batch.column(column.name) for column in columns}
                yield RawBatch(values, row + 1 + np.arange(batch.num_rows))
                row += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{file}: the Parquet file is damaged; {row:,} rows were read before: {error}") from error

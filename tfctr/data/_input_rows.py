"""Rows of files that a model is asked about: of any format, with whichever of its inputs they have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from tfctr.data._read_log import READERS
from tfctr.data._readers.files import DamagedFileError, LogFile, Paths, find_files
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import DataError, MissingColumnsError
from tfctr.spec import RawColumn, Source

_NO_COLUMN = RawColumn("\0", "string")
"""A column that no file has: whoever is asked for it tells the columns there are."""


def column_names(file: LogFile, source: Source) -> list[str]:
    """Return the names of a file's columns; of JSON lines and TFRecord files as far as the first rows show them."""
    try:
        next(READERS[file.format](file, (_NO_COLUMN,), source, BadRows()), None)
    except MissingColumnsError as error:
        return list(error.present)
    return []


def read_columns(
    paths: Paths, source: Source, choose: Callable[[list[str]], tuple[RawColumn, ...]]
) -> Iterator[tuple[list[str], pa.Table]]:
    """Yield the names of all columns of a file, and rows with those of them that are chosen, as the file holds them.

    Args:
        paths: A file, a folder, a glob pattern, or a list of these.
        source: How csv and tsv files are cut.
        choose: Returns which columns to read, of the names that a file has; types are not made theirs.

    Raises:
        DataError: When a file cannot be read, or a row cannot be cut into columns: each row is owed an answer.
    """
    for file in find_files(paths, source.format):
        names = column_names(file, source)
        bad_rows = BadRows()
        try:
            columns = choose(names) if names else ()  # of rows that are none the reader says what they are
            for raw in READERS[file.format](file, columns, source, bad_rows):
                if bad_rows.bad:
                    raise DataError(bad_rows.summary())
                yield names, pa.table(raw.columns)
            if bad_rows.bad:
                raise DataError(bad_rows.summary())
        except DamagedFileError as error:
            raise DataError(f"{file}: {error}") from error

"""Comma- and tab-separated files: with or without a header, quoted or not."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from tfctr.data._columns import arrow_type
from tfctr.data._readers.blocks import BLOCK_BYTES, bounded, chunks
from tfctr.data._readers.decoding import encoding_advice
from tfctr.data._readers.files import LogFile
from tfctr.data._readers.quoting import careful_rows, is_plain, quoted_rows
from tfctr.data._readers.raw import RawBatch, require_columns
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import DataError
from tfctr.spec import RawColumn, Source
from tfctr.spec._raw_text import NULL_VALUES

STAND_IN = "\x1f"
"""The unit separator of ASCII, in place of a delimiter of several bytes."""
DELIMITERS = {"csv": ",", "tsv": "\t"}


def read_delimited(
    file: LogFile, columns: tuple[RawColumn, ...], source: Source, bad_rows: BadRows
) -> Iterator[RawBatch]:
    """Read a csv or tsv file; see `Reader`.

    Quoting is that of RFC 4180: a field that starts with a quote ends at the next single one, and a doubled quote
    stands for itself; fields may hold line ends. A quote that is never closed costs its own line and no other.
    """
    delimiter = written = source.delimiter or DELIMITERS.get(file.format, ",")
    with file.open() as stream:
        pieces = chunks(file, stream, BLOCK_BYTES)
        if len(written.encode()) > 1:
            pieces, delimiter = _with_stand_in(file, pieces, written.encode()), STAND_IN
        header, rest = _header(file, pieces) if source.header else (b"", b"")
        if source.header and not header:
            return
        names = _names(file, header, delimiter, source)
        parser = _BlockParser(file, names, columns, delimiter, bad_rows, written=written, decimal=source.decimal)
        for piece in itertools.chain([b""], pieces):
            batch, rest = parser.parse(rest + piece, last=False)
            rest = bounded(file, rest)
            if batch is not None:
                yield batch
        batch, _ = parser.parse(rest, last=True)
        if batch is not None:
            yield batch


def _with_stand_in(file: LogFile, pieces: Iterator[bytes], delimiter: bytes) -> Iterator[bytes]:
    """Put one byte in place of each delimiter of several, which the parser takes no other way."""
    stand_in, rest = STAND_IN.encode(), b""
    for piece in pieces:
        if stand_in in piece:
            raise DataError(f"{file}: holds the byte 0x1f, which stands for the delimiter {delimiter.decode()!r} here")
        data = (rest + piece).replace(delimiter, stand_in)
        held = next((n for n in range(len(delimiter) - 1, 0, -1) if data.endswith(delimiter[:n])), 0)
        data, rest = (data[:-held], data[-held:]) if held else (data, b"")
        yield data
    yield rest


def _header(file: LogFile, pieces: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Return the header's line and what was read behind it."""
    data = b""
    for piece in pieces:
        data = bounded(file, data + piece)
        end = data.find(b"\n") + 1
        while end and data.count(b'"', 0, end) % 2:  # a name with a line end in it
            end = data.find(b"\n", end) + 1
        if end:
            return data[:end], data[end:]
    return data, b""


def _names(file: LogFile, header: bytes, delimiter: str, source: Source) -> list[str]:
    """Return the names of the columns, of the header or of the spec."""
    if not source.header:
        if not source.columns:
            raise DataError(f"{file}: the file has no header, so `source.columns` must name its columns in order")
        return list(source.columns)
    try:
        names = next(csv.reader(io.StringIO(header.decode("utf-8")), delimiter=delimiter), [])
    except UnicodeDecodeError as error:
        advice = encoding_advice(header) or "say its encoding in `source.encoding`"
        raise DataError(f"{file}: the header is not UTF-8; {advice}") from error
    names = [name.strip() for name in names]
    require_unique(file, names)
    if source.columns and list(source.columns) != names:
        raise DataError(
            f"{file}: `source.columns` are given, but the first line is {names}; set `header: false` where the "
            "file has no header, or leave `columns` out"
        )
    return names


def require_unique(file: LogFile, names: Sequence[str]) -> None:
    """Raise when a name stands twice in a header; of columns without a name there may be several.

    Raises:
        DataError: With the places of each such name.
    """
    places = {name: [place for place, other in enumerate(names, 1) if other == name] for name in names if name}
    twice = [f"{name!r} (columns {' and '.join(map(str, at))})" for name, at in places.items() if len(at) > 1]
    if twice:
        raise DataError(f"{file}: the header has {', '.join(twice)} more than once; rename one of them")


class _BlockParser:
    """Parses block after block of one file."""

    def __init__(
        self,
        file: LogFile,
        names: list[str],
        columns: tuple[RawColumn, ...],
        delimiter: str,
        bad_rows: BadRows,
        *,
        written: str,
        decimal: str,
    ):
        require_columns(file, columns, names)
        self.file, self.names, self.delimiter, self.bad_rows = file, names, delimiter, bad_rows
        self.written, self.decimal = written, decimal
        self.wanted = [column.name for column in columns]
        self.text_types = {name: pa.string() for name in self.wanted}
        scalars = {column.name: arrow_type(column) for column in columns if column.shape == "scalar"}
        self.types = self.text_types | scalars
        # What every column takes for missing is found while parsing; of single columns the conversion finds it.
        self.null_values = [text for text in NULL_VALUES if all(text in (*c.null_values, "") for c in columns)]
        self.row = 0  # rows of the file parsed so far, good and bad

    def parse(self, data: bytes, *, last: bool) -> tuple[RawBatch | None, bytes]:
        """Return the rows of `data` and the bytes behind its last whole row."""
        if not data:
            return None, b""
        if not self.row and self._ends_in_delimiter(data):
            self.names = [*self.names, ""]
        if not is_plain(data):
            return self._parse_with_care(data, last=last)
        cut = len(data) if last else data.rfind(b"\n") + 1
        if not cut:
            return None, data
        block = data[:cut]
        table, bad = self._parse_block(block)
        if b'"' in block and table.num_rows + len(bad) != _lines(block):  # a quote swallowed lines
            return self._parse_with_care(data, last=last)
        count = table.num_rows + len(bad)
        numbers = np.arange(1, count + 1)
        return self._batch(table, bad, numbers), data[cut:]

    def _ends_in_delimiter(self, data: bytes) -> bool:
        """Whether rows have a delimiter behind their last value, too, that the header has not."""
        mark = self.delimiter.encode()
        first = data.lstrip(b"\r\n").split(b"\n", 1)[0].rstrip(b"\r")
        return first.endswith(mark) and first.count(mark) == len(self.names) and b'"' not in first

    def _parse_with_care(self, data: bytes, *, last: bool) -> tuple[RawBatch | None, bytes]:
        """Set aside the rows with a broken quote, and parse the rest as a block."""
        for cut in (quoted_rows, careful_rows):
            rows = cut(data, self.delimiter.encode(), len(self.names), last=last)
            table, bad = self._parse_block(rows.block) if rows.block else (None, [])
            found = table.num_rows + len(bad) if table is not None else 0
            if found == len(rows.good):  # else a quote swallowed lines
                break
        # A carriage return alone ends a row for Arrow and not for us; then the numbers of rows are those of Arrow.
        good = rows.good if found == len(rows.good) else np.arange(found)
        self.bad_rows.add(str(self.file), self.row + 1 + rows.broken, "a quote is never closed", rows.texts)
        batch = self._batch(table, bad, 1 + good) if table is not None else None
        self.row += len(rows.broken)
        return batch, rows.rest

    def _parse_block(self, block: bytes) -> tuple[pa.Table, list[pacsv.InvalidRow]]:
        """Return the table of whole rows and those with another number of columns; numbers parsed if all can be."""
        try:
            return self._read(block, self.types)
        except pa.ArrowInvalid:
            return self._read(block, self.text_types)

    def _read(self, block: bytes, types: dict[str, pa.DataType]) -> tuple[pa.Table, list[pacsv.InvalidRow]]:
        bad: list[pacsv.InvalidRow] = []

        def set_aside(row: pacsv.InvalidRow) -> str:
            bad.append(row)
            return "skip"

        table = pacsv.read_csv(
            pa.BufferReader(block),
            pacsv.ReadOptions(column_names=self.names, use_threads=False, block_size=len(block) + 1),
            pacsv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=set_aside),
            pacsv.ConvertOptions(
                check_utf8=False,
                column_types=types,
                include_columns=self.wanted,
                null_values=self.null_values,
                decimal_point=self.decimal,
                strings_can_be_null=True,
            ),
        )
        return table, bad

    def _batch(self, table: pa.Table, bad: list[pacsv.InvalidRow], numbers: np.ndarray) -> RawBatch:
        """Report the bad rows and number the good ones; `numbers` count from 1 in this block."""
        positions = np.array([row.number - 1 for row in bad], dtype=np.int64)
        for reason, few in (("too few columns", True), ("too many columns", False)):
            kind = [row for row in bad if (row.actual_columns < row.expected_columns) == few]
            rows = [self.row + int(numbers[row.number - 1]) for row in kind]
            values = [f"{row.actual_columns} of {row.expected_columns} columns: {row.text}" for row in kind]
            self.bad_rows.add(str(self.file), rows, reason, values)
        good = np.delete(numbers, positions)
        columns = {name: self._as_written(table.column(name).combine_chunks()) for name in self.wanted}
        batch = RawBatch(columns, self.row + good)
        self.row += len(numbers)
        return batch

    def _as_written(self, values: pa.Array) -> pa.Array:
        """Put the delimiter back where it stands inside quotes."""
        if self.written == self.delimiter or not pa.types.is_string(values.type):
            return values
        return pc.replace_substring(values.cast(pa.binary()), STAND_IN.encode(), self.written.encode())


def _lines(block: bytes) -> int:
    """Return the lines that are not blank."""
    if b"\n\n" in block or b"\n\r\n" in block or block.startswith((b"\n", b"\r\n")):
        return sum(1 for line in block.splitlines() if line)
    return block.count(b"\n") + (not block.endswith(b"\n"))

"""The first rows of a log, in batches, without a spec: what there is to look at before one is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tfctr.analysis._log_format import LogFormat, detect_format
from tfctr.data._convert.values import TRUTHS, without_nulls
from tfctr.data._readers.delimited import read_delimited
from tfctr.data._readers.files import DamagedFileError, LogFile, find_files, format_of
from tfctr.data._readers.json_array import json_lines
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import DataError
from tfctr.data.frames import Rows, as_table, is_path
from tfctr.spec import FeatureSpec, RawColumn, Source
from tfctr.spec._raw_text import NULL_VALUES

BATCH_ROWS = 16_384
DEFAULT_ROWS = 200_000

_MOST_PARTITIONS = 31
_INTEGER = r"^[-+]?[0-9]+$"
_DECIMAL = r"(?i)^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?$|^[-+]?nan$"


@dataclass(frozen=True)
class LogSample:
    """A log that can be looked through, batch by batch, as often as needed.

    Args:
        file: The file; of a folder its first one.
        log_format: How it is read.
        max_rows: Rows looked at.
        null_values: What is missing in the columns named here; in others `NULL_VALUES` are.
        more: Files of further partitions, of which as many rows are looked at each.
        table: The rows themselves, where they are in memory; then there is no file.
    """

    file: LogFile
    log_format: LogFormat
    max_rows: int
    null_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    more: tuple[LogFile, ...] = ()
    table: pa.Table | None = None

    @property
    def name(self) -> str:
        """What was looked at, for people."""
        return self.file.path.name if self.table is None else "a table in memory"

    def batches(self, bad_rows: BadRows | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the first `max_rows` rows; columns of csv and tsv hold text, empty cells are null.

        Args:
            bad_rows: Where rows go that cannot be cut into columns.

        Raises:
            DataError: When the file turns out to be broken or not UTF-8.
        """
        quota = -(-self.max_rows // (1 + len(self.more)))
        for file in (self.file, *self.more):
            yield from self._batches_of(file, quota, bad_rows if bad_rows is not None else BadRows())

    def _batches_of(self, file: LogFile, left: int, bad_rows: BadRows) -> Iterator[pa.RecordBatch]:
        """Yield the first `left` rows of a file."""
        try:
            for raw in self._raw_batches(file, bad_rows):
                nulls = [self.null_values.get(name, NULL_VALUES) for name in raw.schema.names]
                columns = [
                    _plain(column, null, self.log_format.decimal)
                    for column, null in zip(raw.columns, nulls, strict=True)
                ]
                batch = _with_partitions(pa.RecordBatch.from_arrays(columns, raw.schema.names), file)
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    part = batch.slice(start, min(BATCH_ROWS, left))
                    yield part
                    left -= part.num_rows
                    if not left:
                        return
        except (OSError, DamagedFileError, pa.ArrowException) as error:
            raise DataError(f"{file}: cannot be read to the end: {error}") from None

    def _raw_batches(self, file: LogFile, bad_rows: BadRows) -> Iterator[pa.RecordBatch]:
        if self.table is not None:
            return iter(self.table.to_batches(max_chunksize=BATCH_ROWS))
        reader = {"parquet": _parquet, "jsonl": _json_lines}.get(self.log_format.format, _delimited)
        return reader(file, self.log_format, bad_rows)


def _with_partitions(batch: pa.RecordBatch, file: LogFile) -> pa.RecordBatch:
    """Add the columns that a file's folders give; they go before its own of that name."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name, value in file.partitions.items():
        columns[name] = pa.repeat(pa.scalar(value, pa.string()), batch.num_rows)
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def _partitions(path: Path, first: LogFile) -> tuple[LogFile, ...]:
    """The other files of a folder of partitions, at most as many as are looked into in a moment."""
    if not path.is_dir() or not first.partitions:
        return ()
    files = [file for file in find_files(path) if file.format == first.format and file.path != first.path]
    step = max(1, len(files) // _MOST_PARTITIONS)
    return tuple(replace(file, encoding=first.encoding) for file in files[::step][:_MOST_PARTITIONS])


def read_sample(
    path: str | Path | Rows,
    *,
    max_rows: int = DEFAULT_ROWS,
    header: bool | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> LogSample:
    """Return the sample of a csv, tsv, jsonl or parquet log, whatever its name, plain or packed (.gz, .xz).

    Args:
        path: A file, a folder of files of one kind, or rows in memory (see `as_table`).
        max_rows: Rows to look at, at least 1.
        header: Whether a csv or tsv file has a header; None looks.
        delimiter: Between the columns of a csv file; None looks.
        encoding: Of the text, as `source.encoding`.

    Raises:
        DataError: When there is no such file, or it is none of these formats, or it is empty.
    """
    if max_rows < 1:
        raise DataError(f"max_rows must be at least 1, received {max_rows}")
    if not is_path(path):
        return LogSample(
            LogFile(Path("table"), "parquet"), LogFormat("parquet"), max_rows, table=as_table(cast("Rows", path))
        )
    file = replace(_first_file(Path(cast("str | Path", path))), encoding=encoding)
    if delimiter is None and file.format == "tsv":
        delimiter = "\t"
    found = detect_format(file, header=header, delimiter=delimiter)
    return LogSample(file, found, max_rows, more=_partitions(Path(cast("str | Path", path)), file))


def sample_for(path: str | Path, spec: FeatureSpec, *, max_rows: int = DEFAULT_ROWS) -> LogSample:
    """Return the sample of a csv, tsv, jsonl or parquet log, read as a spec says.

    Raises:
        DataError: As `read_sample`, and for other formats.
    """
    source = spec.source
    nulls = {column.name: column.null_values for column in spec.log_columns()}
    file = replace(find_files(path, source.format)[0], encoding=source.encoding)
    if file.format in ("parquet", "jsonl"):
        return LogSample(file, LogFormat(file.format), max_rows, nulls)
    if file.format not in ("csv", "tsv"):
        raise DataError(f"{file}: a {file.format} file has no columns to look at")
    delimiter = source.delimiter or ("\t" if file.format == "tsv" else ",")
    if not source.header:
        return LogSample(
            file, LogFormat(file.format, False, delimiter, source.columns, source.decimal), max_rows, nulls
        )
    found = replace(detect_format(file, header=True, delimiter=delimiter), decimal=source.decimal)
    return LogSample(file, found, max_rows, nulls)


def types_of(batches: Iterable[pa.RecordBatch]) -> dict[str, str]:
    """Return the type of every column, in the words of `tfctr.spec.check_columns`.

    Text formats have no types: a column of text whose every value is a number counts as `int` or `float`, and
    numbers without a fraction count as `int` in every format, as the readers take 12.0 for 12.
    """
    types: dict[str, str] = {}
    for batch in batches:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            found = value_type(column)
            if found == "float" and _is_whole(column.cast(pa.float64())):
                found = "int"
            types[name] = wider(types.get(name, "null"), found)
    return types


def value_type(column: pa.Array) -> str:
    """Return `string`, `int`, `float`, `bool`, `time`, `null`, ``list<...>`` of these, or Arrow's name of another."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return value_type(column.dictionary)
    if column.null_count == len(column):
        return "null"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return f"list<{value_type(pc.list_flatten(column))}>"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text_type(column)
    tests = {
        "bool": pa.types.is_boolean,
        "int": pa.types.is_integer,
        "float": pa.types.is_floating,
        "time": lambda kind: pa.types.is_timestamp(kind) or pa.types.is_date(kind),
    }
    return next((name for name, test in tests.items() if test(kind)), str(kind))


def wider(first: str, second: str) -> str:
    """Return the type that holds values of both.

    Example:
        >>> wider("int", "float"), wider("null", "int"), wider("int", "string")
        ('float', 'int', 'string')
    """
    if first == second or second == "null":
        return first
    if first == "null":
        return second
    if first.startswith("list<") and second.startswith("list<"):
        return f"list<{wider(first[5:-1], second[5:-1])}>"
    return "float" if {first, second} == {"int", "float"} else "string"


def _is_whole(numbers: pa.Array) -> bool:
    """Whether no number has a fraction; NaN, which the readers take for missing, has none."""
    whole = pc.or_(pc.equal(numbers, pc.floor(numbers)), pc.is_nan(numbers))
    return bool(pc.all(whole).as_py())


def _plain(column: pa.Array, null_values: tuple[str, ...] = NULL_VALUES, decimal: str = ".") -> pa.Array:
    """The column in the type that the readers make of it: text, whole numbers of 64 bits, float64 or truth values."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    column = _common(column)
    kind = column.type
    if pa.types.is_string(kind) and decimal != ".":
        pointed = pc.replace_substring(column, decimal, ".")
        column = pointed if _text_type(pointed) in ("int", "float") else column
    scalar = pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return without_nulls(column, ("", *null_values)) if scalar else column


def _common(column: pa.Array) -> pa.Array:
    """The column in one of the types that are counted; large texts and bytes become texts."""
    kind = column.type
    if pa.types.is_uint64(kind) and (pc.max(column).as_py() or 0) > np.iinfo(np.int64).max:
        return column.cast(pa.string())  # an id that no int64 holds
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return column.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_large_string(kind):
        try:
            return column.cast(pa.string())
        except pa.ArrowInvalid:
            return column  # bytes that are no text
    return column


def _text_type(column: pa.Array) -> str:
    values = column.drop_null()
    if pc.all(pc.match_substring_regex(values, _INTEGER)).as_py():
        try:
            pc.utf8_ltrim(values, "+").cast(pa.int64())
        except pa.ArrowInvalid:
            return "string"  # digits that no int64 holds are a code
        return "int"
    if pc.all(pc.is_in(pc.utf8_lower(values), pa.array(list(TRUTHS)))).as_py():
        return "bool"
    return "float" if pc.all(pc.match_substring_regex(values, _DECIMAL)).as_py() else "string"


def _first_file(path: Path) -> LogFile:
    """The file to look at; a file whose name tells no format is taken for csv until its bytes tell more."""
    if path.is_dir():
        return find_files(path)[0]
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    return LogFile(path, format_of(path) or "csv")


def _parquet(file: LogFile, log_format: LogFormat, bad_rows: BadRows) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(file.path) as parquet:
        yield from parquet.iter_batches(batch_size=BATCH_ROWS)


def _delimited(file: LogFile, log_format: LogFormat, bad_rows: BadRows) -> Iterator[pa.RecordBatch]:
    """Rows as the production reader cuts them, every cell as text."""
    names = log_format.columns
    source = Source(
        header=log_format.header, columns=() if log_format.header else names, delimiter=log_format.delimiter
    )
    columns = tuple(RawColumn(name, "string") for name in names if name or names.count("") == 1)
    for raw in read_delimited(file, columns, source, bad_rows):
        held = [_utf8(values, name, file) for name, values in raw.columns.items()]
        yield pa.RecordBatch.from_arrays(held, list(raw.columns))


def _utf8(column: pa.Array, name: str, file: LogFile) -> pa.Array:
    """The column, whose bytes the reader has not looked at."""
    try:
        return column.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        raise DataError(
            f"{file}: column {name!r} is not UTF-8 everywhere; say its encoding in `source.encoding`"
        ) from None


def _json_lines(file: LogFile, log_format: LogFormat, bad_rows: BadRows) -> Iterator[pa.RecordBatch]:
    number = 0
    for block in json_lines(file):
        whole = block.splitlines()
        for lines in (whole[start : start + BATCH_ROWS] for start in range(0, len(whole), BATCH_ROWS)):
            rows = [_json_row(line, number + index, file) for index, line in enumerate(lines, 1) if line.strip()]
            number += len(lines)
            names = dict.fromkeys(name for row in rows for name in row)
            yield pa.RecordBatch.from_pydict({name: _array([row.get(name) for row in rows]) for name in names})


def _json_row(line: bytes, number: int, file: LogFile) -> dict[str, object]:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise DataError(f"{file}: line {number} is not UTF-8; write the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: line {number} is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise DataError(f"{file}: line {number} is not a JSON object; every line holds one row as {{...}}")
    return row


def _array(values: list[object]) -> pa.Array:
    """Values of one column; where they are of different types, their texts."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        texts = [None if v is None else v if isinstance(v, str) else json.dumps(v) for v in values]
        return pa.array(texts, pa.string())

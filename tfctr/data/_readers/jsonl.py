"""JSON lines: one object a line, or an array of objects. A key that a line lacks is a missing value.

Three ways, the fast one first: Arrow parses a block with the spec's types; with the types that the block really
has; or, where the lines of a block differ in type or some are no JSON, every line is parsed in Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pajson

from tfctr.data._columns import schema_of
from tfctr.data._readers.files import LogFile
from tfctr.data._readers.json_array import json_lines
from tfctr.data._readers.mixed_types import fits, mixed_column
from tfctr.data._readers.raw import RawBatch, require_columns
from tfctr.data.bad_rows import BadRows
from tfctr.spec import RawColumn, Source

PROBED_LINES = 200


def read_jsonl(file: LogFile, columns: tuple[RawColumn, ...], source: Source, bad_rows: BadRows) -> Iterator[RawBatch]:
    """Read a JSON lines file; see `Reader`. A column that no row of the first block has is reported as missing."""
    schema = schema_of(columns)
    row = 0
    for block in json_lines(file):
        if not row:
            _require_keys(file, block, columns)
        table = _parse(block, schema)
        if table is None:
            found = _probed_schema(block, columns)
            table = _parse(block, found) if found is not None else None
        if table is not None:
            values = {column.name: table.column(column.name).combine_chunks() for column in columns}
            yield RawBatch(values, row + 1 + np.arange(table.num_rows))
            row += table.num_rows
        else:
            lines = [line for line in block.split(b"\n") if line.strip()]
            yield _parse_lines(file, lines, columns, row, bad_rows)
            row += len(lines)


def _parse(block: bytes, schema: pa.Schema) -> pa.Table | None:
    """Return the block's table, None where a line is no JSON or has another type than the schema."""
    try:
        block.decode("utf-8")  # Arrow does not look
        table = pajson.read_json(
            pa.BufferReader(block),
            pajson.ReadOptions(use_threads=False, block_size=len(block) + 1),
            pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    # Arrow takes several objects on a line, and one object on several lines; we hold a line to be a row.
    return table if table.num_rows == sum(1 for line in block.split(b"\n") if line.strip()) else None


def _require_keys(file: LogFile, block: bytes, columns: tuple[RawColumn, ...]) -> None:
    """Raise when a column stands nowhere in the first block; keys with escapes are found the slow way."""
    absent = [column for column in columns if json.dumps(column.name).encode() not in block]
    if absent:
        keys: dict[str, None] = {}
        for line in block.split(b"\n"):
            value = _loads(line)
            keys.update(dict.fromkeys(value) if isinstance(value, dict) else {})
        require_columns(file, absent, keys, " (write null where a row has no value)")


def _probed_schema(block: bytes, columns: tuple[RawColumn, ...]) -> pa.Schema | None:
    """Return the types that the first lines have; None when they have several or are no JSON."""
    lines = [_loads(line) for line in block.split(b"\n", PROBED_LINES)[:PROBED_LINES] if line.strip()]
    if not all(isinstance(line, dict) for line in lines):
        return None
    try:
        arrays = [pa.array([line.get(column.name) for line in lines]) for column in columns]
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return None
    types = [pa.string() if pa.types.is_null(array.type) else array.type for array in arrays]
    return pa.schema([pa.field(column.name, kind) for column, kind in zip(columns, types, strict=True)])


def _parse_lines(
    file: LogFile, lines: list[bytes], columns: tuple[RawColumn, ...], row: int, bad_rows: BadRows
) -> RawBatch:
    """Parse line by line; lines that are no JSON object, or nest where one value is wanted, are set aside."""
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    for number, line in enumerate(lines, start=row + 1):
        value = _loads(line)
        reason = None
        if not isinstance(value, dict):
            reason = "not a JSON object" if _is_utf8(line) else "not UTF-8"
        else:
            deep = next((column for column in columns if not fits(value.get(column.name), column)), None)
            reason = f"{deep.name}: a list or object where one value is wanted" if deep else None
        if reason is not None:
            bad_rows.add(str(file), [number], reason, [line])
        else:
            objects.append(value)
            numbers.append(number)
    values = {column.name: mixed_column([one.get(column.name) for one in objects], column) for column in columns}
    return RawBatch(values, np.array(numbers, dtype=np.int64))


def _loads(line: bytes) -> Any:
    """Return the value of a line; None when it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

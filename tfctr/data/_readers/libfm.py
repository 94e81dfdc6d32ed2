"""libfm and libsvm files: ``label id:value id:value ...``, one position a column.

`source.columns` names the positions, the label first. A column that the spec reads as a number gets the value, any
other gets the id. A label of -1 is the format's way to write 0, and becomes 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from tfctr.data._readers.blocks import line_blocks
from tfctr.data._readers.files import LogFile
from tfctr.data._readers.raw import RawBatch, require_columns
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import DataError
from tfctr.spec import RawColumn, Source


def read_libfm(file: LogFile, columns: tuple[RawColumn, ...], source: Source, bad_rows: BadRows) -> Iterator[RawBatch]:
    """Read a libfm file; see `Reader`."""
    if not source.columns:
        raise DataError(f"{file}: a libfm file has no names, so `source.columns` must name label and positions")
    require_columns(file, columns, source.columns, " in `source.columns`")
    row = 0
    for block in line_blocks(file):
        table, bad = _tokens(_tidy(block), list(source.columns))
        count = table.num_rows + len(bad)
        for reason, few in (("too few columns", True), ("too many columns", False)):
            kind = [one for one in bad if (one.actual_columns < one.expected_columns) == few]
            values = [f"{one.actual_columns} of {one.expected_columns} columns: {one.text}" for one in kind]
            bad_rows.add(str(file), [row + one.number for one in kind], reason, values)
        good = np.delete(np.arange(1, count + 1), [one.number - 1 for one in bad])
        yield RawBatch({column.name: _values(table, column, source) for column in columns}, row + good)
        row += count


def _tidy(block: bytes) -> bytes:
    """One space between tokens, none at the ends of a line."""
    block = block.replace(b"\r\n", b"\n").replace(b"\t", b" ")
    if b"  " in block or b" \n" in block or b"\n " in block or block.startswith(b" "):
        block = re.sub(rb" +", b" ", block).replace(b" \n", b"\n").replace(b"\n ", b"\n").strip(b" ")
    return block


def _tokens(block: bytes, names: list[str]) -> tuple[pa.Table, list[pacsv.InvalidRow]]:
    bad: list[pacsv.InvalidRow] = []

    def set_aside(row: pacsv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    table = pacsv.read_csv(
        pa.BufferReader(block),
        pacsv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1),
        pacsv.ParseOptions(delimiter=" ", quote_char=False, invalid_row_handler=set_aside),
        pacsv.ConvertOptions(check_utf8=False, column_types={name: pa.binary() for name in names}),
    )
    return table, bad


def _values(table: pa.Table, column: RawColumn, source: Source) -> pa.Array:
    """Return the ids or values of a column as text; a token that is no pair stays whole, to be reported as unfit."""
    tokens = table.column(column.name).combine_chunks()
    if column.name == source.columns[0]:
        minus = pc.is_in(tokens, pa.array([b"-1", b"-1.0"]))
        return pc.if_else(minus, pa.scalar(b"0"), tokens)
    part = r"^[^:]+:([^:]+)$" if column.type == "float" else r"^([^:]+):[^:]+$"
    is_pair = pc.match_substring_regex(tokens, r"^[^:]+:[^:]+$")
    return pc.if_else(is_pair, pc.replace_substring_regex(tokens, part, r"\1"), tokens)

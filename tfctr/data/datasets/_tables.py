"""Helpers for reading the files of public data sets, which have each their own ways."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

TITLE = re.compile(r"^(?P<title>.*?)\s*\((?P<year>\d{4})\)(?:\s*\(V\))?$")
"""A MovieLens title: name, year in brackets, and (V) behind that for a film made for video."""


def read_text_table(
    path: Path,
    names: Sequence[str] | None = None,
    *,
    delimiter: str = ",",
    types: dict[str, pa.DataType] | None = None,
    encoding: str = "utf-8",
    nulls: Sequence[str] = ("",),
    quote: bool = True,
) -> pa.Table:
    """Read a well-formed text table; columns without a type are text.

    Args:
        path: The file.
        names: Names of the columns where the file has no header; None reads the header.
        delimiter: Between columns; more than one character is allowed when no value holds a tab.
        types: Types of columns that are no text.
        encoding: Of the file.
        nulls: Texts that mean a missing value.
        quote: Whether values may be quoted.
    """
    data = path.read_bytes()
    if encoding != "utf-8":
        data = data.decode(encoding).encode()
    if len(delimiter) > 1:
        data, delimiter = data.replace(delimiter.encode(), b"\t"), "\t"
    header = data[: data.find(b"\n")].decode().strip("\r").split(delimiter) if names is None else list(names)
    header = [name.strip('"') for name in header]
    kinds = {name: pa.string() for name in header} | (types or {})
    return pacsv.read_csv(
        pa.BufferReader(data),
        pacsv.ReadOptions(column_names=header, skip_rows=int(names is None)),
        pacsv.ParseOptions(delimiter=delimiter, quote_char='"' if quote else False),
        pacsv.ConvertOptions(column_types=kinds, null_values=list(nulls), strings_can_be_null=True),
    )


def joined(events: pa.Table, side: pa.Table, key: str) -> pa.Table:
    """Return `events` with the columns of `side` whose `key` is equal; rows keep their order."""
    positions = pc.index_in(events.column(key), side.column(key).combine_chunks())
    for name in side.column_names:
        if name != key:
            events = events.append_column(name, side.column(name).combine_chunks().take(positions.combine_chunks()))
    return events


def titles_and_years(texts: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Split ``Toy Story (1995)`` into title and int64 year; a title without a year keeps its text."""
    matches = [TITLE.match(text.strip()) for text in texts.to_pylist()]
    titles = [match["title"] if match else text.strip() for match, text in zip(matches, texts.to_pylist(), strict=True)]
    return pa.array(titles, pa.string()), pa.array([int(m["year"]) if m else None for m in matches], pa.int64())


def sorted_by(table: pa.Table, *columns: str) -> pa.Table:
    """Return the table in the order of these columns, rows that are equal in them in the order they had."""
    order = np.lexsort([table.column(name).to_numpy() for name in reversed(columns)])
    return table.take(pa.array(order))

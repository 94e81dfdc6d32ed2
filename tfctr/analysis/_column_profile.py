"""What a column of a log holds: single values, or lists, given as such or as text with separators."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from tfctr.analysis._value_statistics import ValueStatistics
from tfctr.analysis.log_sample import LogSample
from tfctr.data.bad_rows import BadRows

SEPARATORS = ("|", "^", ";", ",", " ")
"""What may part the values of a list that is written as one text."""


class ListStatistics:
    """Lengths and entries of a column seen as lists.

    Attributes:
        entries: Statistics of the single entries.
        rows: Rows with a list.
        longest, shortest: Most and fewest entries of a row.
        several: Rows with more than one entry.
    """

    def __init__(self) -> None:
        self.entries = ValueStatistics()
        self.rows = 0
        self.longest = 0
        self.shortest: int | None = None
        self.several = 0

    def update(self, lists: pa.Array) -> None:
        """Count the lists of one batch; missing ones are left out."""
        lists = lists.drop_null()
        if not len(lists):
            return
        lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
        self.rows += len(lists)
        self.longest = max(self.longest, int(lengths.max()))
        self.shortest = int(lengths.min()) if self.shortest is None else min(self.shortest, int(lengths.min()))
        self.several += int((lengths > 1).sum())
        self.entries.update(pc.list_flatten(lists))


class ColumnProfile:
    """One column.

    Attributes:
        name: Of the column.
        rows: Rows seen.
        missing: Rows without a value.
        type: Arrow's type of the column as the file has it.
        values: Statistics of single values (of lists: none).
        lists: Separator -> statistics of the text cut there; the empty separator for real lists.
    """

    def __init__(self, name: str):
        self.name = name
        self.rows = 0
        self.missing = 0
        self.type: pa.DataType = pa.null()
        self.values = ValueStatistics()
        self.lists: dict[str, ListStatistics] = {}

    def update(self, column: pa.Array) -> None:
        """Count one batch of the column."""
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        self.rows += len(column)
        self.missing += column.null_count
        if not pa.types.is_null(column.type):
            self.type = column.type
        if is_list(column.type):
            self.lists.setdefault("", ListStatistics()).update(column.cast(pa.list_(column.type.value_type)))
        elif is_scalar(column.type):
            self.values.update(column)
            if pa.types.is_string(column.type):
                self._update_separated(column.drop_null())

    def _update_separated(self, texts: pa.Array) -> None:
        for separator in SEPARATORS:
            if separator in self.lists or pc.any(pc.match_substring(texts, separator)).as_py():
                self.lists.setdefault(separator, ListStatistics()).update(pc.split_pattern(texts, separator))

    @property
    def share_missing(self) -> float:
        """Share of the rows without a value."""
        return self.missing / self.rows if self.rows else 0.0


def profile(sample: LogSample, bad_rows: BadRows | None = None) -> dict[str, ColumnProfile]:
    """Return the profile of every column of a sample, in the order of the file.

    Args:
        sample: The rows to look at.
        bad_rows: Where rows go that cannot be cut into columns.
    """
    profiles: dict[str, ColumnProfile] = {}
    rows = 0
    for batch in sample.batches(bad_rows):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name not in profiles:
                profiles[name] = ColumnProfile(name)
                profiles[name].rows = profiles[name].missing = rows  # a key that came late in JSON lines
            profiles[name].update(column)
        rows += batch.num_rows
        _count_absent(profiles, rows)
    return profiles


def _count_absent(profiles: Mapping[str, ColumnProfile], rows: int) -> None:
    """Rows of JSON lines that lack a key lack its value."""
    for column in profiles.values():
        column.missing += rows - column.rows
        column.rows = rows


def is_list(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type are lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def is_scalar(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type are single texts, numbers or truth values."""
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
    )
    return any(test(kind) for test in tests)

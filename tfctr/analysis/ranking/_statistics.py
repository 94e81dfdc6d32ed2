"""What a field holds, over the whole stream: coverage, cardinality, frequent and rare values; bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.analysis._distinct import DistinctCounter
from tfctr.analysis._text_hash import hash_values
from tfctr.analysis.ranking._fields import Column

COUNTED = 30_000
"""Values of a field that are counted one by one."""

SKETCH = 16_384
"""Hashes kept to estimate a cardinality, exact up to so many values, beyond them with a standard error of 0.8 %."""


class FieldStatistics:
    """Counts over one field.

    Args:
        missing_texts: Texts that count as no value in the coverage, besides empty ones.

    Attributes:
        rows, missing: Rows seen, and those without a value.
        lowest_coverage, highest_coverage: Share of rows with a value in the batch that has fewest, and most.
    """

    def __init__(self, missing_texts: tuple[str, ...] = ()):
        self.rows = 0
        self.missing = 0
        self.lowest_coverage, self.highest_coverage = 1.0, 0.0
        self.counts = ValueCounts()
        self._distinct = DistinctCounter(SKETCH)
        self._missing_texts = pa.array(missing_texts, pa.string())

    def update(self, column: Column) -> None:
        """Count one batch."""
        counts, values = column.codes.counts, column.values
        none = pc.is_null(values)
        if pa.types.is_string(values.type) and len(self._missing_texts):
            none = pc.or_(none, pc.is_in(values, value_set=self._missing_texts))
        absent = none.to_numpy(zero_copy_only=False)
        rows, missing = int(counts.sum()), int(counts[absent].sum())
        self.rows += rows
        self.missing += missing
        coverage = 1 - missing / rows
        self.lowest_coverage = min(self.lowest_coverage, coverage)
        self.highest_coverage = max(self.highest_coverage, coverage)
        there = values.filter(pa.array(~absent))
        self._distinct.update_hashes(hash_values(there))
        self.counts.update(there, counts[~absent])

    @property
    def coverage(self) -> float:
        """Share of the rows with a value."""
        return 1 - self.missing / self.rows if self.rows else 0.0

    @property
    def cardinality(self) -> int:
        """Number of distinct values, a missing one not counted."""
        return self._distinct.count

    @property
    def cardinality_is_exact(self) -> bool:
        """Whether `cardinality` is no estimate."""
        return self._distinct.exact


class ValueCounts:
    """Counts of single values, exact for the first `limit` values that come.

    A value that finds the table full never gets in, so each count in it is that of the whole stream.

    Args:
        limit: Values counted.

    Attributes:
        complete: Whether every value that came is in the table.
    """

    def __init__(self, limit: int = COUNTED):
        self.complete = True
        self._limit = limit
        self._values: pa.Array | None = None
        self._counts = np.zeros(0, dtype=np.int64)

    def update(self, values: pa.Array, counts: np.ndarray) -> None:
        """Count distinct values, each `counts` times."""
        if self._values is None:
            self._values = values.slice(0, 0)
        positions = pc.fill_null(pc.index_in(values, value_set=self._values), -1).to_numpy(zero_copy_only=False)
        known = positions >= 0
        self._counts[positions[known]] += counts[known]
        news = np.flatnonzero(~known)
        taken = news[: self._limit - len(self._values)]
        self.complete = self.complete and len(taken) == len(news)
        if len(taken):
            self._values = pa.concat_arrays([self._values, values.take(pa.array(taken))])
            self._counts = np.concatenate([self._counts, counts[taken]])

    def most_frequent(self) -> tuple[str, int]:
        """Return the most frequent value of the table and its rows; an empty text and 0 when there is none."""
        if self._values is None or not len(self._counts):
            return "", 0
        position = int(self._counts.argmax())
        return str(self._values[position].as_py()), int(self._counts[position])

    def rare(self, at_most: int) -> Iterator[tuple[str, int]]:
        """Yield the values of the table seen at most so often, in the order in which they came."""
        if self._values is not None:
            for position in np.flatnonzero(self._counts <= at_most):
                yield str(self._values[int(position)].as_py()), int(self._counts[position])

    def rows_of_rare(self, at_most: int) -> int:
        """Rows whose value is in the table and was seen at most so often."""
        return int(self._counts[self._counts <= at_most].sum())

"""Which field pairs and crosses a batch scores, when there are more than it may."""

from __future__ import annotations

import itertools
import math

import numpy as np

from tfctr.data.errors import DataError

MOST = 100_000
"""Crosses there may be; each takes up to 3 KB over a long stream."""


class Schedule:
    """Deals out subjects, those that had their turn least often first, ties by lot.

    Over many batches every subject comes about equally often, each time on other rows.

    Args:
        subjects: Pairs of fields (scored against each other) and crosses (scored against the label).
        limit: Most subjects a batch.
        seed: Of the lots.
    """

    def __init__(self, subjects: int, limit: int, seed: int = 0):
        self.turns = np.zeros(subjects, dtype=np.int64)
        self._limit = limit
        self._generator = np.random.default_rng([seed, 11])

    def next(self) -> np.ndarray:
        """Return the subjects of the next batch in ascending order, int64."""
        if len(self.turns) <= self._limit:
            chosen = np.arange(len(self.turns))
        else:
            lots = self._generator.random(len(self.turns))
            chosen = np.sort(np.lexsort((lots, self.turns))[: self._limit])
        self.turns[chosen] += 1
        return chosen


def crosses(fields: int, order: int) -> list[tuple[int, ...]]:
    """Return the sets of 2 to `order` fields, as tuples of their numbers.

    Raises:
        DataError: When there are more than `MOST`.
    """
    count = sum(math.comb(fields, size) for size in range(2, order + 1))
    if count > MOST:
        raise DataError(
            f"{fields} fields have {count:,} crosses of up to {order} fields, at most {MOST:,} can be ranked; "
            "lower the order, or rank single fields first and cross the best of them"
        )
    return [found for size in range(2, order + 1) for found in itertools.combinations(range(fields), size)]

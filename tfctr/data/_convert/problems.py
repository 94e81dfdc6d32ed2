"""The bad rows of one batch, each with the first reason found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class Problem:
    """Rows of a batch that are bad for one reason: their positions, and the values at fault."""

    reason: str
    positions: NDArray[np.intp]
    values: list[Any]


class Problems:
    """Collects the bad rows of a batch; a row that is bad twice counts once.

    Args:
        rows: Rows in the batch.
    """

    def __init__(self, rows: int):
        self.bad = np.zeros(rows, dtype=bool)
        self._found: list[Problem] = []

    def add(self, where: NDArray[np.bool_], reason: str, values: pa.Array | pa.ChunkedArray) -> None:
        """Mark the rows where the boolean array is true; `values` has one value for every row of the batch."""
        positions = np.flatnonzero(where & ~self.bad)
        if len(positions):
            self.bad[positions] = True
            self._found.append(Problem(reason, positions, _taken(values, positions)))

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)


def _taken(values: pa.Array | pa.ChunkedArray, positions: NDArray[np.intp]) -> list[Any]:
    """Return these values as Python objects; text that is not UTF-8 as bytes."""
    taken = values.take(pa.array(positions))
    if pa.types.is_string(taken.type):
        taken = taken.cast(pa.binary())  # an unchecked text column may hold any bytes
        return [value if value is None else value.decode("utf-8", "backslashreplace") for value in taken.to_pylist()]
    return list(taken.to_pylist())

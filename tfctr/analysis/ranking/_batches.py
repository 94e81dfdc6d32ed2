"""A stream of batches of any size as mini-batches of about one size; no row is dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

LEAST = 1_024
"""Rows of the smallest batch; fewer at the end go with the batch before (the reference drops them)."""


def mini_batches(batches: Iterable[pa.RecordBatch], rows: int, every: int = 1) -> Iterator[pa.RecordBatch]:
    """Yield batches of `rows` rows; the last has between `LEAST` and `rows` + `LEAST` - 1, or all of a short stream.

    Args:
        batches: The stream.
        rows: Size of a mini-batch.
        every: Take every so many-th row.
    """
    waiting: list[pa.RecordBatch] = []
    have = passed = 0
    for batch in batches:
        thinned = _every(batch, -passed % every, every)
        passed += batch.num_rows
        waiting.append(thinned)
        have += thinned.num_rows
        while have >= rows + LEAST:
            joined = _joined(waiting)
            yield joined.slice(0, rows)
            waiting = [joined.slice(rows)]
            have -= rows
    if have:
        yield _joined(waiting)


def _every(batch: pa.RecordBatch, first: int, every: int) -> pa.RecordBatch:
    return batch if every == 1 else batch.take(pa.array(np.arange(first, batch.num_rows, every)))


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]

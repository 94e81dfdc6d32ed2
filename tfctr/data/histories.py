"""Histories: what a user did strictly before each row, built from the log without looking ahead.

All rows are sorted once by (user, time); the history of a row is then a slice of that order, so the whole
column is two offset arrays and one gather. The work is O(rows · log rows) and has no loop over rows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tfctr.data._columns import ARROW_TYPES, value_type
from tfctr.data.errors import DataError
from tfctr.spec import BinaryTask, FeatureSpec, History


class HistoryIndex:
    """Where the history of every row lies in the order by (user, time).

    Only the key columns are held, so that the lists can be made for a few rows at a time (`lists`).

    Args:
        users: Key of each row's history; a null has no history and enters none.
        times: Time of each row, seconds, no nulls.
        values: What is collected; a null value is no event.
        keep: Optional boolean per row: whether the row is an event at all (a positive, say).
        max_length: Latest events kept.
    """

    def __init__(
        self,
        users: pa.ChunkedArray | pa.Array,
        times: np.ndarray,
        values: pa.ChunkedArray | pa.Array,
        *,
        keep: np.ndarray | None = None,
        max_length: int,
    ):
        user_codes, known, _ = _codes(users)
        value_codes, has_value, self._items = _codes(values)
        event = known & has_value
        if keep is not None:
            event &= keep
        keys, first_keys = _order_keys(user_codes, times)
        rows = np.flatnonzero(event)
        rows = rows[np.argsort(keys[rows], kind="stable")]  # ties keep the order of the log
        event_keys = keys[rows]
        # Events with a smaller key: those of earlier users and the strictly earlier ones of this user.
        self._ends = np.searchsorted(event_keys, keys, side="left")
        user_starts = np.searchsorted(event_keys, first_keys, side="left")
        self._starts = np.maximum(user_starts, self._ends - max_length)
        self._starts = np.where(known, self._starts, self._ends)
        self._codes = value_codes[rows]
        self._times = times[rows]

    @property
    def lengths(self) -> np.ndarray:
        """Events in the history of each row, int64 ``(rows,)``."""
        return self._ends - self._starts

    def lists(self, start: int = 0, stop: int | None = None) -> tuple[pa.ListArray, pa.ListArray]:
        """Return the histories and their times of rows ``start..stop``, one list a row, oldest event first."""
        first, last = self._starts[start:stop], self._ends[start:stop]
        offsets = np.concatenate([[0], np.cumsum(last - first)])
        if offsets[-1] > np.iinfo(np.int32).max:
            raise DataError(
                f"the histories of {len(first):,} rows hold {offsets[-1]:,} events, more than one Arrow list "
                "column can; lower `max_length` or go through `prepare`, which works in batches"
            )
        positions = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], last - first)
        bounds = pa.array(offsets, pa.int32())
        values = pa.ListArray.from_arrays(bounds, self._items.take(pa.array(self._codes[positions])))
        return values, pa.ListArray.from_arrays(bounds, pa.array(self._times[positions], pa.int64()))


def history_index(table: pa.Table, history: History, spec: FeatureSpec) -> HistoryIndex:
    """Return the index of one history of the spec over a table with the log's columns.

    Raises:
        DataError: When a column that the history needs is missing, or a time is missing.
    """
    needed = {history.of, history.by, spec.meta.time_column}
    if history.positives_of is not None:
        needed.add(label_column(spec, history.positives_of))
    missing = sorted(str(name) for name in needed if name not in table.column_names)
    if missing:
        raise DataError(f"history {history.name!r} needs the missing column(s) {', '.join(missing)}")
    times = table.column(spec.meta.time_column)
    if times.null_count:
        raise DataError(f"history {history.name!r}: {times.null_count} rows have no time in {spec.meta.time_column!r}")
    values = table.column(history.of).cast(ARROW_TYPES[value_type(history, spec)])
    keep = None if history.positives_of is None else positives(table, spec, history.positives_of)
    return HistoryIndex(
        table.column(history.by),
        times.to_numpy().astype(np.int64),
        values,
        keep=keep,
        max_length=history.max_length,
    )


def add_histories(table: pa.Table, spec: FeatureSpec) -> pa.Table:
    """Return `table` with the columns of `spec.history`, one list a row; columns of these names are replaced.

    An event enters the history of a row when it has the same `by`, a time strictly before the row's, and, with
    `positives_of`, a label of 1. Events of one time keep the order of the table. A row without earlier events
    has an empty list. Labels of later rows are never seen, whatever split the rows fall in.

    Raises:
        DataError: When a column that a history needs is missing, or a time is missing.
    """
    made: dict[str, pa.ListArray] = {}
    for history in spec.history:
        values, times = history_index(table, history, spec).lists()
        made[history.name] = values
        if history.times:
            made[history.times] = times
    for name, column in made.items():
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, column)
    return table


def positives(table: pa.Table, spec: FeatureSpec, task_name: str) -> NDArray[np.bool_]:
    """Return, per row, whether the label (the event) of this task is 1; a missing or masked one is not. ``(rows,)``."""
    task = next(task for task in spec.tasks if task.name == task_name)
    labels = np.asarray(table.column(task.label_columns[-1]), np.float64)
    threshold = task.at_least if isinstance(task, BinaryTask) else None
    positive = labels >= (1 if threshold is None else threshold)
    if task.mask is not None and task.mask in table.column_names:
        positive &= np.asarray(table.column(task.mask), np.float64) == 1
    return positive


def label_column(spec: FeatureSpec, task_name: str) -> str:
    """Return the raw label column of a task."""
    return next(task.label_columns[-1] for task in spec.tasks if task.name == task_name)


def _codes(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, np.ndarray, pa.Array]:
    """Return a dense int64 code per value, whether there is a value, and the distinct values; nulls get code 0."""
    encoded = pc.dictionary_encode(column)
    if isinstance(encoded, pa.ChunkedArray):  # combined only now: codes are small, texts may not be
        encoded = encoded.combine_chunks()
    known = np.asarray(pc.is_valid(encoded.indices))
    return np.asarray(pc.fill_null(encoded.indices, 0)).astype(np.int64), known, encoded.dictionary


def _order_keys(user_codes: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one int64 per row that orders by user, then time, and the smallest that this user can have."""
    distinct, ranks = np.unique(times, return_inverse=True)
    first = user_codes * max(len(distinct), 1)
    return first + ranks, first

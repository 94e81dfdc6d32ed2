"""GAUC of a stream sorted by group: exact at any length, holding only the groups at its two ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._gauc import group_auc_mean
from tfctr.training.metrics.group_mean import GroupedResult, GroupMean, Weighting
from tfctr.training.metrics.metric_inputs import Rows, read_groups, read_rows

Part = tuple[NDArray[Any], Rows]


class OrderedGroups:
    """Exact GAUC of rows whose group keys never fall; shards that follow each other merge.

    A group is finished, and becomes nine sums, when the next key appears. The first and the last group stay as rows:
    the shard before or after may hold more of them. Memory is the rows of those two groups.

    Args:
        weighting, min_rows, max_rows: As in `tfctr.training.metrics.gauc.gauc`.

    Example:
        >>> ordered = OrderedGroups().add([1, 0, 1], [0.9, 0.2, 0.4], groups=[1, 1, 2])
        >>> ordered.add([0], [0.6], groups=[2]).result().value
        0.5
    """

    def __init__(self, *, weighting: Weighting = "impressions", min_rows: int = 1, max_rows: int | None = None) -> None:
        self.weighting = weighting
        self.min_rows = min_rows
        self.max_rows = max_rows
        self._first: list[Part] = []  # parts of the first group
        self._last: list[Part] = []  # parts of the last group, when there is more than one group
        self._finished = GroupMean()

    def add(
        self,
        labels: ArrayLike,
        probabilities: ArrayLike,
        groups: ArrayLike,
        weights: ArrayLike | None = None,
    ) -> OrderedGroups:
        """Add the next rows of the stream.

        Raises:
            ValueError: As `gauc`; or a key is below the one before it.
        """
        keys = read_groups(groups, weights, len(np.atleast_1d(np.asarray(labels))))
        rows = read_rows(labels, probabilities, weights, probabilities=False)
        if not len(keys):
            return self
        falls = np.flatnonzero(keys[1:] < keys[:-1])
        if len(falls):
            raise ValueError(_order_error(keys[falls[0]], keys[falls[0] + 1]))
        borders = np.flatnonzero(keys[1:] != keys[:-1]) + 1
        inner = slice(borders[0], borders[-1]) if len(borders) else slice(0, 0)
        self._append(_cut(keys, rows, slice(0, borders[0] if len(borders) else len(keys))))
        if len(borders):
            self._finish(_cut(keys, rows, inner))
            self._append(_cut(keys, rows, slice(borders[-1], len(keys))))
        return self

    def merge(self, other: OrderedGroups) -> OrderedGroups:
        """Append a shard that follows this one; its first group may be this one's last.

        Raises:
            ValueError: It has other settings, or its first key is below the last one here.
        """
        mine = (self.weighting, self.min_rows, self.max_rows)
        theirs = (other.weighting, other.min_rows, other.max_rows)
        if mine != theirs:
            raise ValueError(f"Only accumulators of equal settings merge. Received: {mine} and {theirs}.")
        for part in other._first:
            self._append(part)
        self._finished.merge(other._finished)
        for part in other._last:
            self._append(part)
        return self

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything but the settings, which the constructor takes."""
        state: dict[str, NDArray[Any]] = {"finished": self._finished.sums.copy()}
        for name, parts in (("first", self._first), ("last", self._last)):
            if parts:
                keys, rows = _join(parts)
                columns = {"keys": keys, "labels": rows.labels, "scores": rows.scores, "weights": rows.weights}
                state |= {f"{name}_{column}": values for column, values in columns.items()}
        return state

    def restore(self, state: Mapping[str, NDArray[Any]]) -> OrderedGroups:
        """Go on from what `state()` gave, in an accumulator of the same settings."""
        self._finished = GroupMean(state["finished"])
        self._first, self._last = (
            [(state[f"{name}_keys"], Rows(*(state[f"{name}_{c}"] for c in ("labels", "scores", "weights"))))]
            if f"{name}_keys" in state
            else []
            for name in ("first", "last")
        )
        return self

    def result(self) -> GroupedResult:
        """GAUC of all rows added; rows can be added afterwards."""
        mean = GroupMean(self._finished.sums)
        for parts in (self._first, self._last):
            if parts:
                mean.merge(self._mean_of(_join(parts)))
        return mean.result()

    def _append(self, part: Part) -> None:
        """Add rows of one group that comes after all others or goes on with the last."""
        key = part[0][0]
        end = self._last or self._first
        if end and key < end[0][0][0]:
            raise ValueError(_order_error(end[0][0][0], key))
        if not end:
            self._first = [part]
        elif key == end[0][0][0]:
            end.append(part)
        else:
            self._close_last()
            self._last = [part]

    def _finish(self, part: Part) -> None:
        """Add whole groups that come after all others."""
        if len(part[0]):
            self._close_last()
            self._finished.merge(self._mean_of(part))

    def _close_last(self) -> None:
        if self._last:
            self._finished.merge(self._mean_of(_join(self._last)))
            self._last = []

    def _mean_of(self, part: Part) -> GroupMean:
        return group_auc_mean(*part, self.weighting, self.min_rows, self.max_rows)


def _cut(keys: NDArray[Any], rows: Rows, part: slice) -> Part:
    return keys[part], Rows(*(column[part] for column in rows))


def _join(parts: list[Part]) -> Part:
    columns = zip(*(rows for _, rows in parts), strict=True)
    return np.concatenate([keys for keys, _ in parts]), Rows(*(np.concatenate(column) for column in columns))


def _order_error(before: Any, after: Any) -> str:
    return (
        f"Rows must be sorted by group, but key {after!r} comes after {before!r}. "
        "Sort the rows, or use GroupSample, which takes any order."
    )

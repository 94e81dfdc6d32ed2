"""What each user is shown: the first k candidates, as a matrix that the metrics beyond accuracy read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics.metric_inputs import Floats, read_groups

NOTHING = -1
"""Stands where a list has ended."""


class TopLists(NamedTuple):
    """The lists of users, best first.

    Args:
        users: Keys in ascending order, `(users,)`.
        items: Ids, -1 behind the end of a list, int64 `(users, k)`.
        rows: Place of each item's row in what the lists were made of, -1 behind the end, int64 `(users, k)`.
    """

    users: NDArray[Any]
    items: NDArray[np.int64]
    rows: NDArray[np.int64]

    def of_rows(self, values: ArrayLike) -> Floats:
        """Return what stands in these rows, such as labels, 0 behind the end of a list; float64 `(users, k)`."""
        given = np.r_[np.asarray(values, np.float64), 0.0]
        found: Floats = given[self.rows]
        return found


def top_lists(users: ArrayLike, items: ArrayLike, scores: ArrayLike, *, k: int, at_least: float = -np.inf) -> TopLists:
    """Take the first k rows of each user by score; of equal scores the smaller id goes first.

    Args:
        users: Key of each row's user, integers or text, `(rows,)`.
        items: Ids of the candidates, integers of at least 0, `(rows,)`.
        scores: Any scores, `(rows,)`.
        k: Length of the lists, at least 1.
        at_least: Rows of a lower score are shown to nobody, so that lists may be shorter, or empty.

    Raises:
        ValueError: Shapes differ, an id is below 0, a score is NaN, or k is below 1.

    Example:
        >>> lists = top_lists(["a", "a", "a", "b"], [3, 5, 7, 3], [0.1, 0.9, 0.8, 0.4], k=2)
        >>> lists.items.tolist()
        [[5, 7], [3, -1]]
    """
    ids, points = np.asarray(items, np.int64).reshape(-1), np.asarray(scores, np.float64).reshape(-1)
    keys = read_groups(users, None, len(ids))
    if len(points) != len(ids):
        raise ValueError(f"Items and scores must have the same number of rows. Received: {len(ids)} and {len(points)}.")
    if k < 1:
        raise ValueError(f"k must be at least 1. Received: {k}.")
    if (ids < 0).any() or np.isnan(points).any():
        raise ValueError("Items are ids of at least 0, and no score is NaN.")
    names, user = np.unique(keys, return_inverse=True)
    order = np.lexsort((ids, -points, user))
    order = order[points[order] >= at_least]
    user = user[order]
    first = np.flatnonzero(np.r_[True, user[1:] != user[:-1]]) if len(user) else np.zeros(0, np.int64)
    place = np.arange(len(user)) - np.repeat(first, np.diff(np.r_[first, len(user)]))
    shown = place < k
    made = np.full((2, len(names), k), NOTHING, np.int64)
    made[0, user[shown], place[shown]] = ids[order][shown]
    made[1, user[shown], place[shown]] = order[shown]
    return TopLists(names, made[0], made[1])

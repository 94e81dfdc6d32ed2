"""How often each item was shown, over a stream of lists: coverage, Gini index and entropy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._top_lists import NOTHING
from tfctr.training.metrics.beyond_accuracy import coverage_of, exposure_entropy, exposures, gini_index
from tfctr.training.metrics.metric_inputs import Floats


class ExposureCounts:
    """Counts by item and the users seen; exact, in memory of the catalogue's size.

    Args:
        catalogue: How many items there are.

    Example:
        >>> counts = ExposureCounts(5).add([[0, 1, 2], [0, 1, 2]])
        >>> counts = counts.merge(ExposureCounts(5).add([[0, 1, 3], [0, -1, -1]]))
        >>> counts.catalogue_coverage(), round(counts.gini_index(), 6), counts.user_coverage()
        (0.8, 0.4, 1.0)
    """

    def __init__(self, catalogue: int) -> None:
        self.counts: Floats = np.zeros(catalogue)
        self._users: Floats = np.zeros(2)  # all, and those with a list

    def add(self, items: ArrayLike) -> ExposureCounts:
        """Add the lists of users who did not come before, ids with -1 behind the end, `(users, k)`.

        Raises:
            ValueError: For an id outside the catalogue.
        """
        lists = np.atleast_2d(np.asarray(items, np.int64))
        self.counts += exposures(lists, len(self.counts))
        self._users += [len(lists), int((lists != NOTHING).any(axis=1).sum())]
        return self

    def merge(self, other: ExposureCounts) -> ExposureCounts:
        """Add the lists of `other`.

        Raises:
            ValueError: It is of another catalogue.
        """
        if len(self.counts) != len(other.counts):
            raise ValueError(f"Catalogues differ: {len(self.counts)} and {len(other.counts)} items.")
        self.counts += other.counts
        self._users += other._users
        return self

    def catalogue_coverage(self) -> float:
        """Share of the catalogue that stands in any list."""
        return float(coverage_of(self.counts))

    def user_coverage(self) -> float:
        """Share of users whose list is not empty; NaN without users."""
        return float(self._users[1] / self._users[0]) if self._users[0] else float("nan")

    def gini_index(self) -> float:
        """Gini index of exposure, 0 where all items are shown alike; NaN when nothing was shown."""
        return gini_index(self.counts)

    def exposure_entropy(self) -> float:
        """Entropy of exposure in nats; NaN when nothing was shown."""
        return exposure_entropy(self.counts)

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on elsewhere."""
        return {"counts": self.counts.copy(), "users": self._users.copy()}

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> ExposureCounts:
        """The accumulator that gave this state."""
        made = cls(len(state["counts"]))
        made.counts, made._users = np.array(state["counts"]), np.array(state["users"])
        return made

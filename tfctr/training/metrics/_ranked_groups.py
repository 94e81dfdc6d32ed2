"""Rows of each group, best score first, with the runs of equal scores: what ranking metrics start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfctr.training.metrics.metric_inputs import Floats, Rows

Places = NDArray[np.int64]


@dataclass(frozen=True)
class RankedGroups:
    """Rows by group, in ascending order of keys, and inside a group by falling score.

    A cell is a run of rows of one group with one score. What a metric says of tied rows is its mean over all their
    orders, so that it does not depend on the order in which rows came.

    Args:
        keys, labels: Of each row, `(rows,)`.
        starts: First row of each group, `(groups,)`.
        sizes: Rows of each group, `(groups,)`.
        positions: Of each row in its group, from 0, `(rows,)`.
        cells: First row of each cell, `(cells,)`.
    """

    keys: NDArray[Any]
    labels: Floats
    starts: Places
    sizes: Places
    positions: Places
    cells: Places

    @property
    def cell_sizes(self) -> Places:
        """Rows of each cell, `(cells,)`."""
        sizes: Places = np.diff(np.r_[self.cells, len(self.keys)])
        return sizes

    @property
    def cell_starts(self) -> Places:
        """First cell of each group, `(groups,)`."""
        places: Places = np.searchsorted(self.cells, self.starts)
        return places

    @property
    def cell_of_row(self) -> Places:
        """Number of each row's cell, `(rows,)`."""
        return np.repeat(np.arange(len(self.cells)), self.cell_sizes)

    def group_sum(self, values: Floats) -> Floats:
        """Sum of the rows' values in each group, `(groups,)`."""
        total: Floats = np.add.reduceat(values, self.starts)
        return total

    def tied_sum(self, worth: Floats, hits: Floats) -> Floats:
        """Sum over each group of worth(position) * hit, `(groups,)`; each row has the mean worth of its cell."""
        per_cell = np.add.reduceat(worth, self.cells) * np.add.reduceat(hits, self.cells) / self.cell_sizes
        total: Floats = np.add.reduceat(per_cell, self.cell_starts)
        return total


def rank_groups(keys: NDArray[Any], rows: Rows) -> RankedGroups:
    """Sort the rows of each group by score.

    Args:
        keys: Sortable key of each row, `(rows,)`.
        rows: At least one row.
    """
    order = np.lexsort((-rows.scores, keys))
    keys, scores = keys[order], rows.scores[order]
    new_group = np.r_[True, keys[1:] != keys[:-1]]
    starts = np.flatnonzero(new_group)
    sizes = np.diff(np.r_[starts, len(keys)])
    positions = np.arange(len(keys)) - np.repeat(starts, sizes)
    cells = np.flatnonzero(new_group | np.r_[True, scores[1:] != scores[:-1]])
    return RankedGroups(keys, rows.labels[order], starts, sizes, positions, cells)

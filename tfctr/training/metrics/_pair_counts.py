"""How many pairs of a group two orders agree on: what Kendall's tau and NDPM are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfctr.training.metrics.metric_inputs import Floats, Rows

Places = NDArray[np.int64]


class PairCounts(NamedTuple):
    """Pairs of rows of one group, float64 `(groups,)` each, groups in ascending order of keys.

    Args:
        pairs: All.
        concordant: Label and prediction both differ, the same way.
        discordant: Both differ, opposite ways.
        tied_labels: Equal labels, whatever the predictions.
        tied_predictions: Equal predictions, whatever the labels.
    """

    pairs: Floats
    concordant: Floats
    discordant: Floats
    tied_labels: Floats
    tied_predictions: Floats


def pair_counts(keys: NDArray[Any], rows: Rows) -> PairCounts:
    """Count the pairs of each group in O(rows log rows) time, without a loop over groups.

    Args:
        keys: Sortable key of each row, `(rows,)`.
        rows: At least one row; weights are not looked at.
    """
    group = np.unique(keys, return_inverse=True)[1]
    label, prediction = _ranks(group, rows.labels), _ranks(group, rows.scores)
    order = np.lexsort((prediction, label, group))
    group, label, prediction = group[order], label[order], prediction[order]
    groups = int(group[-1]) + 1
    pairs = _pairs_of(np.bincount(group, minlength=groups))
    tied_labels = _tied(group, groups, label)
    tied_predictions = _tied(group, groups, prediction)
    both = _tied(group, groups, label * (int(prediction.max()) + 1) + prediction)
    discordant = _inversions(group, groups, prediction)
    concordant = pairs - tied_labels - tied_predictions + both - discordant
    return PairCounts(pairs, concordant, discordant, tied_labels, tied_predictions)


def _ranks(group: Places, values: Floats) -> Places:
    """Dense rank of each value in its group, from 0."""
    order = np.lexsort((values, group))
    g, v = group[order], values[order]
    new_group = np.r_[True, g[1:] != g[:-1]]
    steps = np.cumsum(new_group | np.r_[True, v[1:] != v[:-1]])
    ranks = np.empty(len(values), np.int64)
    ranks[order] = steps - steps[np.flatnonzero(new_group)][np.cumsum(new_group) - 1]
    return ranks


def _pairs_of(counts: NDArray[np.int64]) -> Floats:
    return counts * (counts - 1) / 2


def _tied(group: Places, groups: int, values: Places) -> Floats:
    """Pairs of one group with equal values."""
    cells, counts = np.unique(group * (int(values.max()) + 1) + values, return_counts=True)
    return np.bincount(cells // (int(values.max()) + 1), _pairs_of(counts), groups).astype(np.float64)


def _inversions(group: Places, groups: int, values: Places) -> Floats:
    """Pairs of one group of which the earlier row has the larger value; rows ordered by group.

    Two values differ first at one bit, where the larger has 1: each pair is counted at that bit, among the rows that
    share group and the bits above.
    """
    total = np.zeros(groups)
    places = np.arange(len(values))
    for bit in reversed(range(int(values.max()).bit_length())):
        above = values >> (bit + 1)
        order = np.lexsort((places, above, group))
        g, a, high = group[order], above[order], (values[order] >> bit) & 1
        starts = np.flatnonzero(np.r_[True, (g[1:] != g[:-1]) | (a[1:] != a[:-1])])
        upto = np.cumsum(high)
        offset = np.repeat(upto[starts] - high[starts], np.diff(np.r_[starts, len(g)]))
        total += np.bincount(g, (1 - high) * (upto - offset), groups)
    return total

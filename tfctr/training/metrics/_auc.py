"""AUC: the share of (positive, negative) pairs that the score puts in the right order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics.metric_inputs import Floats, Rows, read_rows, reason_of


def auc(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve, exact, ties counted half.

    `AUC = sum_ij w_i w_j ([s_i > s_j] + [s_i = s_j] / 2) / (P N)` over positives i and negatives j, with P and N
    the summed weights of both classes. It is computed by sorting, in O(rows log rows) time.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: Any scores, also logits: only their order counts. Same number of rows.
        weights: Row weights, at least 0; None means 1 each.

    Returns:
        A number in [0, 1]; NaN when there are no rows, one class only, or a NaN among the scores
        (`undefined_reason` says which).

    Raises:
        ValueError: Shapes differ, a label is not 0 or 1, or a weight is negative.

    Example:
        >>> auc([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8])
        0.875
    """
    rows = read_rows(labels, probabilities, weights, probabilities=False)
    if reason_of(rows) is not None:
        return float("nan")
    values, _, _ = auc_by_group(np.zeros(len(rows.labels), np.int64), rows)
    return float(values[0])


def auc_by_group(groups: NDArray[Any], rows: Rows) -> tuple[Floats, Floats, Floats]:
    """AUC of each group, without a loop over groups.

    Args:
        groups: Sortable key of each row, `(rows,)`.
        rows: At least one row.

    Returns:
        AUC, summed weight of positives and of negatives, each `(groups,)` in ascending order of the keys; the AUC of
        a group with one class is NaN.
    """
    order = np.lexsort((rows.scores, groups))
    keys, scores = groups[order], rows.scores[order]  # (rows,) each, by group and within it by score
    positives = (rows.weights * rows.labels)[order]
    negatives = (rows.weights * (1 - rows.labels))[order]

    # A cell is a run of rows of one group with one score: inside a cell every pair is a tie.
    new_group = np.r_[True, keys[1:] != keys[:-1]]
    cells = np.flatnonzero(new_group | np.r_[True, scores[1:] != scores[:-1]])
    positives, negatives = np.add.reduceat(positives, cells), np.add.reduceat(negatives, cells)  # (cells,) each
    starts = np.flatnonzero(new_group[cells])  # (groups,): the first cell of each

    below = np.cumsum(negatives) - negatives
    below -= np.repeat(below[starts], np.diff(np.r_[starts, len(cells)]))  # (cells,): negatives of lower score
    wins = np.add.reduceat(positives * (below + negatives / 2), starts)  # (groups,)
    group_positives = np.add.reduceat(positives, starts)
    group_negatives = np.add.reduceat(negatives, starts)
    pairs = group_positives * group_negatives
    values = np.divide(wins, pairs, out=np.full(len(starts), np.nan), where=pairs > 0)
    return values, group_positives, group_negatives

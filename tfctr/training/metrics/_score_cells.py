"""Rows by score: runs of equal scores as cells, with the weights of both classes in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._bootstrap import Resampled
from tfctr.training.metrics._kinds_of_rows import read_keys
from tfctr.training.metrics.metric_inputs import Floats, Rows, read_rows


class ScoreCells(NamedTuple):
    """Cells, best score first.

    Args:
        order: Places of the rows, best score first, `(rows,)`.
        starts: Where each cell begins in that order, `(cells,)`.
        positives: Summed weight of the rows with label 1, `(cells,)`.
        negatives: Summed weight of the others, `(cells,)`.
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    positives: Floats
    negatives: Floats


def score_cells(rows: Rows) -> ScoreCells:
    """Return the cells of at least one row."""
    order = np.argsort(-rows.scores, kind="stable")
    scores = rows.scores[order]
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])
    positive = (rows.weights * rows.labels)[order]
    return ScoreCells(
        order,
        starts,
        np.add.reduceat(positive, starts),
        np.add.reduceat(rows.weights[order] - positive, starts),
    )


def resampled_cells(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike | None,
    figure: Callable[[Floats, Floats], Floats],
) -> Resampled:
    """Return a figure of cells over groups that are drawn anew; rows are sorted once for all resamples.

    Args:
        labels: 0 or 1, `(rows,)`.
        scores: Any scores, `(rows,)`.
        groups: Key of each row's group.
        weights: Of rows; None means 1 each.
        figure: Weights of both classes by cell, `(samples, cells)` each -> figures, `(samples,)`.
    """
    keys = read_keys(groups, labels, weights)
    rows = read_rows(labels, scores, weights, probabilities=False)
    distinct, place = np.unique(keys, return_inverse=True)
    if not len(keys) or np.isnan(rows.scores).any():
        return Resampled(len(distinct), lambda counts: np.full(len(counts), np.nan))
    cells = score_cells(rows)
    place = place[cells.order]
    positive = (rows.weights * rows.labels)[cells.order]
    negative = rows.weights[cells.order] - positive

    def of_counts(counts: Floats) -> Floats:
        drawn = counts[:, place]
        by_class = (np.add.reduceat(drawn * column, cells.starts, axis=1) for column in (positive, negative))
        return figure(*by_class)

    return Resampled(len(distinct), of_counts)

"""Figures of the rows that a score puts first: area under precision over recall, lift of the first rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics._bootstrap import Resampled
from tfctr.training.metrics._kinds_of_rows import ratio
from tfctr.training.metrics._score_cells import resampled_cells, score_cells
from tfctr.training.metrics.metric_inputs import Floats, read_rows


def pr_auc(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the precision-recall curve in steps: `sum_t (R_t - R_(t-1)) P_t` over falling thresholds t.

    Rows of equal score pass the threshold together. Chance is the share of label 1, not one half, so that it tells
    models apart where clicks are rare. It does not stream: every threshold needs all rows above it.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        scores: Any scores, same number of rows.
        weights: Row weights, at least 0; None means 1 each.

    Returns:
        In (0, 1]; NaN when there is no row of label 1, or a NaN among the scores.

    Raises:
        ValueError: Shapes differ, a label is not 0 or 1, or a weight is negative.

    Example:
        >>> round(pr_auc([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8]), 6)
        1.0

    Reference: Boyd et al., "Area under the Precision-Recall Curve", ECML 2013 (average precision).
    """
    rows = read_rows(labels, scores, weights, probabilities=False)
    if not rows.positives or np.isnan(rows.scores).any():
        return float("nan")
    cells = score_cells(rows)
    return float(_area(cells.positives[None], cells.negatives[None])[0])


def lift_at(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None, *, share: float = 0.1) -> float:
    """Share of label 1 among the first rows over that among all: 2 means twice as many as by chance.

    Of rows with equal scores at the border the part that fits is taken, as if in any order. It does not stream: where
    the border lies is known at the end.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        scores: Any scores, same number of rows.
        weights: Row weights, at least 0; None means 1 each.
        share: How much of the rows' weight is first, in (0, 1].

    Returns:
        At least 0, 1 is chance; NaN when there is no row of label 1, or a NaN among the scores.

    Raises:
        ValueError: As `pr_auc`; or the share is outside (0, 1].

    Example:
        >>> lift_at([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8], share=0.25)
        2.0
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1]. Received: {share}.")
    rows = read_rows(labels, scores, weights, probabilities=False)
    if not rows.positives or np.isnan(rows.scores).any():
        return float("nan")
    cells = score_cells(rows)
    total = cells.positives + cells.negatives
    wanted = share * rows.total
    taken = np.clip(wanted - (np.cumsum(total) - total), 0, total)
    return float(np.sum(taken * cells.positives / total) / wanted / (rows.positives / rows.total))


def pr_auc_resampled(
    labels: ArrayLike, scores: ArrayLike, groups: ArrayLike, weights: ArrayLike | None = None
) -> Resampled:
    """Return `pr_auc` over all rows of groups that are drawn anew, as `bootstrap` takes it.

    Args:
        labels: As in `pr_auc`.
        scores: As in `pr_auc`.
        groups: Key of each row's group: integers or text.
        weights: As in `pr_auc`.

    Example:
        >>> from tfctr.training.metrics import bootstrap
        >>> bootstrap(pr_auc_resampled([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8], ["a", "a", "b", "b"])).value
        1.0
    """
    return resampled_cells(labels, scores, groups, weights, _area)


def auc_resampled(
    labels: ArrayLike, scores: ArrayLike, groups: ArrayLike, weights: ArrayLike | None = None
) -> Resampled:
    """Return `auc` over all rows of groups that are drawn anew, as `bootstrap` takes it.

    Args:
        labels: As in `auc`.
        scores: As in `auc`.
        groups: Key of each row's group: integers or text.
        weights: As in `auc`.

    Example:
        >>> from tfctr.training.metrics import bootstrap
        >>> bootstrap(auc_resampled([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8], ["a", "a", "b", "b"])).value
        0.875
    """
    return resampled_cells(labels, scores, groups, weights, _pairs)


def _area(positives: Floats, negatives: Floats) -> Floats:
    """Area under precision over recall of cells, best first, `(samples, cells)` each; `(samples,)`."""
    found = np.cumsum(positives, axis=1)
    precision = np.nan_to_num(ratio(found, found + np.cumsum(negatives, axis=1)))
    return ratio(np.sum(positives * precision, axis=1), found[:, -1])


def _pairs(positives: Floats, negatives: Floats) -> Floats:
    """Share of ordered pairs of cells, best first, `(samples, cells)` each; `(samples,)`."""
    above = np.cumsum(positives, axis=1) - positives
    total = positives.sum(axis=1) * negatives.sum(axis=1)
    return ratio(np.sum(negatives * (above + positives / 2), axis=1), total)

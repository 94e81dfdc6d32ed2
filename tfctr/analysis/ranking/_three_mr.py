"""3MR: an order of fields by relevance, minus redundancy, plus relation with the fields before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

AGGREGATES: dict[str, Callable[..., np.ndarray]] = {
    "median": np.nanmedian,
    "mean": np.nanmean,
    "sum": np.nansum,
    "max": np.nanmax,
}


def three_mr(
    relevance: np.ndarray,
    redundancy: np.ndarray,
    relation: np.ndarray,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    aggregate: str = "median",
) -> list[int]:
    """Return the fields in the order in which they are worth taking.

    First the most relevant one; then, again and again, the field f with the largest
    r_f - alpha * agg_g d_gf + beta * agg_g q_gf, the aggregate going over the fields g that were taken. Each of the
    three is scaled to [0, 1] over all fields.

    Args:
        relevance: r, the score of each field for the label, ``(fields,)``.
        redundancy: d, row g column f: what g tells about f, ``(fields, fields)``; NaN where it is not known.
        relation: q, the score of the cross of two fields for the label, ``(fields, fields)``; NaN as above.
        alpha: Weight of the redundancy.
        beta: Weight of the relation.
        aggregate: `median` (the code's default), `mean`, `sum`, or `max` (ours): the median forgets that a field copies
            one that was taken as soon as two others were taken, too.

    Example:
        >>> copied = np.array([[0, 0.9, 0], [0.9, 0, 0], [0, 0, 0]])
        >>> three_mr(np.array([0.9, 0.8, 0.1]), copied, np.zeros((3, 3)))
        [0, 2, 1]

    Reference: the released code of OutRank (arXiv 2309.01552), `rank_features_3MR`. Its shipped example asks for a
    heuristic that scores every pair 0, so that the order is arbitrary; here the scores are those of the ranking.
    """
    fields = len(relevance)
    if not fields:
        return []
    gain, shared, joint = _scaled(relevance), _scaled(_off_diagonal(redundancy)), _scaled(_off_diagonal(relation))
    order = [int(np.argmax(gain))]
    while len(order) < fields:
        left = [field for field in range(fields) if field not in order]
        worth = gain[left] - alpha * _over(shared, order, left, aggregate) + beta * _over(joint, order, left, aggregate)
        order.append(left[int(np.argmax(worth))])
    return order


def _over(scores: np.ndarray, taken: list[int], left: list[int], aggregate: str) -> np.ndarray:
    """The aggregate over the fields that were taken; 0 where nothing is known."""
    part = scores[np.ix_(taken, left)]
    unknown = np.isnan(part).all(axis=0)
    return AGGREGATES[aggregate](np.where(unknown, 0.0, part), axis=0)


def _off_diagonal(scores: np.ndarray) -> np.ndarray:
    return np.where(np.eye(len(scores), dtype=bool), np.nan, scores)


def _scaled(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores moved and stretched to [0, 1], NaN left out; zeros when all are equal."""
    known = scores[~np.isnan(scores)]
    if not known.size or known.min() == known.max():
        return np.where(np.isnan(scores), np.nan, 0.0)
    scaled: NDArray[np.float64] = (scores - known.min()) / (known.max() - known.min())
    return scaled

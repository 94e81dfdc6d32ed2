"""C-index: the share of pairs of rows whose predicted lives are in the order of the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._survival_rows import SurvivalRows, read_survival
from tfctr.training.metrics.metric_inputs import Floats


def concordance_index(
    durations: ArrayLike, events: ArrayLike, lives: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Harrell's C, exact, in O(rows log² rows) time: a million rows take seconds.

    A pair is comparable when it is known who came first: i saw its event and ``t_i < t_j``, or the times are equal and
    j is censored. C is the share of comparable pairs with ``life_i < life_j``, equal lives counted half. With weights a
    pair counts ``w_i w_j``.

    Args:
        durations: Time until the event or until the row was last seen, ``(rows,)``.
        events: 1 where the event was seen, 0 where the row is censored, ``(rows,)``.
        lives: Predicted life, or any score that is larger for rows that last longer, ``(rows,)``.
        weights: Row weights, at least 0; None means 1 each.

    Returns:
        In [0, 1], 0.5 is chance; NaN when no pair is comparable or a life is NaN.

    Raises:
        ValueError: Shapes differ, a duration or weight is negative, or an event is not 0 or 1.

    Example:
        >>> concordance_index([2, 4, 4, 6, 9], [1, 1, 0, 1, 0], [1, 5, 3, 4, 8])
        0.75

    Reference: Harrell et al., "Evaluating the yield of medical tests", JAMA 247, 1982.
    """
    rows = read_survival(durations, events, weights)
    scores = np.asarray(lives, np.float64).reshape(-1)
    if len(scores) != len(rows.kept):
        raise ValueError(f"lives must have one number a row, {len(rows.kept)}. Received: {len(scores)}.")
    scores = scores[rows.kept]
    if np.isnan(scores).any() or not len(scores):
        return float("nan")
    order = np.lexsort((~rows.events, rows.durations))
    seen, weight = rows.events[order], rows.weights[order]
    ranks = np.unique(scores, return_inverse=True)[1][order]
    moments = _moments(rows, order)
    firsts = weight * seen
    comparable = _pairs(np.zeros_like(moments), moments, firsts, weight)
    if comparable <= 0:
        return float("nan")
    ties = _pairs(*_grouped(ranks, moments, firsts, weight))
    return float((_ascending(ranks, moments, firsts, weight) + ties / 2) / comparable)


def _moments(rows: SurvivalRows, order: NDArray[np.intp]) -> NDArray[np.int64]:
    """Number of each row's (duration, censored), ascending; rows of equal numbers are not comparable."""
    times, seen = rows.durations[order], rows.events[order]
    return np.cumsum(np.r_[False, (times[1:] != times[:-1]) | (seen[1:] != seen[:-1])]).astype(np.int64)


def _grouped(groups: NDArray[np.int64], *columns: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """The groups and columns ordered by group, rows of a group in their order."""
    order = np.argsort(groups, kind="stable")
    return (groups[order], *(column[order] for column in columns))


def _pairs(groups: NDArray[np.int64], moments: NDArray[np.int64], firsts: Floats, seconds: Floats) -> float:
    """Sum of ``firsts_i · seconds_j`` over pairs of one group with ``moment_i < moment_j``; rows ordered by both."""
    ends_group = np.r_[groups[1:] != groups[:-1], True]  # (rows,): whether the row is its group's last
    ends_cell = ends_group | np.r_[moments[1:] != moments[:-1], True]  # (rows,), of one group and moment
    total = np.cumsum(seconds)
    until_cell = _at_next(total, ends_cell)  # (rows,)
    until_group = _at_next(total, ends_group)
    return float(np.sum(firsts * (until_group - until_cell)))


def _at_next(values: Floats, ends: NDArray[np.bool_]) -> Floats:
    """The value at the first end at or behind each row."""
    positions = np.flatnonzero(ends)
    return values[np.repeat(positions, np.diff(np.r_[-1, positions]))]


def _ascending(ranks: NDArray[np.int64], moments: NDArray[np.int64], firsts: Floats, seconds: Floats) -> float:
    """Sum of ``firsts_i · seconds_j`` over pairs with ``moment_i < moment_j`` and ``rank_i < rank_j``.

    Two ranks differ first at one bit, where the smaller has 0 and the larger 1: each pair is counted at that bit, in
    the group of rows that share the bits above.
    """
    total = 0.0
    for bit in reversed(range(int(ranks.max()).bit_length())):
        order = np.argsort(ranks >> (bit + 1), kind="stable")
        high = (ranks[order] >> bit) & 1
        total += _pairs(ranks[order] >> (bit + 1), moments[order], firsts[order] * (1 - high), seconds[order] * high)
    return total

"""What metrics of ranked lists say of each list; ties are averaged over all their orders.

All take keys and rows, at least one of them, and return one figure a group in ascending order of keys, NaN where it
is undefined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tfctr.training.metrics._kinds_of_rows import ratio
from tfctr.training.metrics._ranked_groups import RankedGroups, rank_groups
from tfctr.training.metrics.metric_inputs import Floats, Rows
from tfctr.training.metrics.ranking import discounts, ranking_values

Gain = Literal["exponential", "linear"]


def ranking_value(keys: NDArray[Any], rows: Rows, *, k: int, place: int) -> Floats:
    """NDCG, recall or precision at k, by its place among these."""
    return ranking_values(rank_groups(keys, rows), k)[place]


def hit_rates(keys: NDArray[Any], rows: Rows, *, k: int) -> Floats:
    """1 minus the probability, over the orders of ties, that no hit is among the first k."""
    ranked = rank_groups(keys, rows)
    sizes, hits = ranked.cell_sizes, np.add.reduceat(ranked.labels, ranked.cells)
    taken = np.clip(k - ranked.positions[ranked.cells], 0, sizes)  # (cells,): places of a cell that are among the k
    misses = sizes - hits.astype(np.int64)
    # Of `size` rows in any order `taken` are first: none of them is a hit in C(misses, taken) of C(size, taken) ways.
    none = np.where(taken <= misses, np.exp(_log_choose(misses, taken) - _log_choose(sizes, taken)), 0.0)
    missed = np.multiply.reduceat(none, ranked.cell_starts)
    return np.where(ranked.group_sum(ranked.labels) > 0, 1 - missed, np.nan)


def reciprocal_ranks(keys: NDArray[Any], rows: Rows) -> Floats:
    """Mean, over the orders of ties, of 1 over the place of the first hit."""
    ranked = rank_groups(keys, rows)
    sizes = ranked.cell_sizes
    hits = np.add.reduceat(ranked.labels, ranked.cells).astype(np.int64)
    before = np.cumsum(hits) - hits  # (cells,): hits of the cells in front, of all groups
    group_of_cell = np.repeat(np.arange(len(ranked.starts)), np.diff(np.r_[ranked.cell_starts, len(ranked.cells)]))
    first = (hits > 0) & (before == before[ranked.cell_starts][group_of_cell])
    cell = ranked.cell_of_row
    inside = 1 + np.arange(len(cell)) - ranked.cells[cell]  # (rows,): place in the cell, from 1
    # The first of m hits among n rows is at place j in C(n - j, m - 1) of C(n, m) ways.
    n, m = sizes[cell], np.maximum(hits[cell], 1)
    possible = first[cell] & (n - inside >= m - 1)
    left = np.where(possible, n - inside, m - 1)
    share = np.where(possible, np.exp(_log_choose(left, m - 1) - _log_choose(n, m)), 0.0)
    ranks = ranked.group_sum(share / (ranked.positions + 1))
    return np.where(ranked.group_sum(ranked.labels) > 0, ranks, np.nan)


def average_precisions(keys: NDArray[Any], rows: Rows) -> Floats:
    """Mean, over the orders of ties, of the mean precision at the places of hits."""
    ranked = rank_groups(keys, rows)
    cell = ranked.cell_of_row
    n = ranked.cell_sizes[cell]
    m = np.add.reduceat(ranked.labels, ranked.cells)[cell]
    upto = np.cumsum(ranked.labels)
    start = np.repeat(ranked.starts, ranked.sizes)
    before = (upto - ranked.labels)[ranked.cells][cell] - (upto - ranked.labels)[start]  # (rows,): hits in front
    inside = ranked.positions - ranked.positions[ranked.cells][cell]  # (rows,): place in the cell, from 0
    # A row of the cell is a hit with probability m / n; the others of its m - 1 hits lie evenly among n - 1 rows.
    others = np.where(n > 1, inside * (m - 1) / np.maximum(n - 1, 1), 0.0)
    precision = (before + 1 + others) / (ranked.positions + 1)
    positives = ranked.group_sum(ranked.labels)
    return ratio(ranked.group_sum(m / n * precision), positives)


def graded_ndcgs(keys: NDArray[Any], rows: Rows, *, k: int, gain: Gain) -> Floats:
    """Discounted gains over those of the best order.

    Raises:
        ValueError: For a grade below 0 or of infinite gain.
    """
    if (rows.labels < 0).any():
        raise ValueError(f"grades must be at least 0. Received: {rows.labels.min()}.")
    with np.errstate(over="ignore"):
        gains = np.exp2(rows.labels) - 1 if gain == "exponential" else rows.labels
    if not np.isfinite(gains).all():
        raise ValueError(f"the gain of {rows.labels.max()} is infinite; take gain='linear'.")
    return _share_of_best(keys, Rows(gains, rows.scores, rows.weights), lambda ranked: discounts(ranked.positions, k))


def r_scores(keys: NDArray[Any], rows: Rows, *, half_life: float, neutral: float) -> Floats:
    """What a reader of this half-life gets, over what the best order would give."""
    gains = np.maximum(rows.labels - neutral, 0)
    return _share_of_best(
        keys,
        Rows(gains, rows.scores, rows.weights),
        lambda ranked: np.exp2(-ranked.positions / (half_life - 1)),
    )


def _share_of_best(keys: NDArray[Any], rows: Rows, worth_of: Callable[[RankedGroups], Floats]) -> Floats:
    """Gains in the order of the scores over gains in their own order, each place at its worth, `(groups,)`."""
    ranked, best = rank_groups(keys, rows), rank_groups(keys, rows._replace(scores=rows.labels))
    found = ranked.tied_sum(worth_of(ranked), ranked.labels)
    return ratio(found, best.tied_sum(worth_of(best), best.labels))


def _log_choose(n: NDArray[np.int64], k: NDArray[np.int64]) -> Floats:
    """Logarithm of the binomial coefficient for 0 <= k <= n, clipped to that."""
    k = np.clip(k, 0, n)
    factorial = np.r_[0.0, np.cumsum(np.log(np.arange(1, int(n.max(initial=0)) + 1)))]
    chosen: Floats = factorial[n] - factorial[k] - factorial[n - k]
    return chosen

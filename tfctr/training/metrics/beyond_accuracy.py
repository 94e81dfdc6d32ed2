"""What lists are besides accurate: do all ads and users have their share, are they new, varied, surprising?

All take the items of lists, ids with -1 behind the end, ``(users, k)``: `top_lists` makes them. Coverage, Gini index
and entropy of a stream are those of `ExposureCounts`; the others are means over users, which merge by users.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._kinds_of_rows import ratio
from tfctr.training.metrics._top_lists import NOTHING
from tfctr.training.metrics.group_mean import GroupedResult, GroupMean
from tfctr.training.metrics.metric_inputs import Floats


def catalogue_coverage(items: ArrayLike, catalogue: int) -> float:
    """Share of the catalogue that stands in any list.

    Args:
        items: Ids of the lists' items, -1 behind the end, `(users, k)`.
        catalogue: How many items there are; ids are below it.

    Returns:
        In [0, 1]; NaN for an empty catalogue.

    Raises:
        ValueError: For an id outside the catalogue.

    Example:
        >>> catalogue_coverage([[0, 1], [0, -1]], catalogue=4)
        0.5
    """
    return float(coverage_of(exposures(items, catalogue)))


def user_coverage(items: ArrayLike) -> float:
    """Share of users whose list is not empty; NaN without users.

    Args:
        items: Ids of the lists' items, -1 behind the end, `(users, k)`.

    Example:
        >>> user_coverage([[0, 1], [-1, -1]])
        0.5
    """
    lists = np.atleast_2d(np.asarray(items))
    return float(np.mean((lists != NOTHING).any(axis=1))) if lists.size else float("nan")


def exposures(items: ArrayLike, catalogue: int) -> Floats:
    """Count how many lists each item stands in, float64 `(catalogue,)`.

    Args:
        items: Ids of the lists' items, -1 behind the end, `(users, k)`.
        catalogue: How many items there are.

    Raises:
        ValueError: For an id outside the catalogue.

    Example:
        >>> exposures([[0, 1], [0, -1]], catalogue=3).tolist()
        [2.0, 1.0, 0.0]
    """
    ids = np.asarray(items, np.int64).ravel()
    ids = ids[ids != NOTHING]
    if len(ids) and not 0 <= ids.min() <= ids.max() < catalogue:
        raise ValueError(f"Ids must be in [0, {catalogue}). Received: {ids.min()} to {ids.max()}.")
    return np.bincount(ids, minlength=catalogue).astype(np.float64)


def gini_index(counts: ArrayLike) -> float:
    """Gini index of exposure: `sum_ij |x_i - x_j| / (2 n sum_i x_i)`, 0 where all items are shown alike.

    Args:
        counts: How often each item of the catalogue was shown, items that never were included, `(items,)`.

    Returns:
        In [0, 1 - 1/n]; NaN when nothing was shown.

    Raises:
        ValueError: For a count below 0.

    Example:
        >>> gini_index([4, 3, 2, 1, 0])
        0.4
    """
    return float(gini_of(_counts(counts)))


def exposure_entropy(counts: ArrayLike) -> float:
    """Shannon entropy of exposure in nats, `-sum_i p_i log p_i`; its largest value is the logarithm of the catalogue.

    Args:
        counts: How often each item of the catalogue was shown, `(items,)`.

    Returns:
        At least 0; NaN when nothing was shown.

    Raises:
        ValueError: For a count below 0.

    Example:
        >>> round(exposure_entropy([4, 3, 2, 1, 0]), 6)
        1.279854
    """
    return float(entropy_of(_counts(counts)))


def novelty(items: ArrayLike, popularity: ArrayLike) -> GroupedResult:
    """Mean of `-log2 popularity` over each list, in bits, then over users with a list.

    Args:
        items: Ids of the lists' items, -1 behind the end, `(users, k)`.
        popularity: Share of users who know each item, in (0, 1], `(items,)`; smooth counts so that none is 0.

    Raises:
        ValueError: For a popularity outside (0, 1], or an id that has none.

    Example:
        >>> novelty([[0, 1], [1, -1]], popularity=[0.5, 0.25]).value
        1.75

    Reference: Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS 2010.
    """
    return _over_users(novelties(items, popularity), items)


def intra_list_diversity(items: ArrayLike, vectors: ArrayLike) -> GroupedResult:
    """Mean distance `1 - cosine` over the pairs of each list, then over users whose list has a pair.

    Computed from the sum of unit vectors, so that its cost is that of reading the lists and not their pairs.

    Args:
        items: Ids of the lists' items, -1 behind the end, `(users, k)`.
        vectors: What each item is: one-hot categories, image vectors; no vector is 0, `(items, width)`.

    Raises:
        ValueError: For a vector of length 0, or an id that has none.

    Example:
        >>> intra_list_diversity([[0, 1], [0, 2]], [[1, 0], [1, 0], [0, 1]]).value
        0.5

    Reference: Ziegler et al., "Improving recommendation lists through topic diversification", WWW 2005.
    """
    return _over_users(diversities(items, vectors), items)


def serendipity(items: ArrayLike, expected: ArrayLike, relevant: ArrayLike) -> GroupedResult:
    """Share of each list that is liked and was not to be expected, then the mean over users with a list.

    Args:
        items: Ids of the lists' items, -1 behind the end, `(users, k)`.
        expected: Ids that a primitive method shows, such as the most popular ones: `(n,)` for all users alike, or
            `(users, n)`.
        relevant: Whether the user likes each item of the list, 0 or 1, `(users, k)`; see `TopLists.of_rows`.

    Raises:
        ValueError: When the shapes do not fit.

    Example:
        >>> serendipity([[0, 1, 2], [0, 3, -1]], expected=[0], relevant=[[1, 1, 0], [1, 1, 0]]).value
        0.41666666666666663

    Reference: Ge, Delgado-Battenfeld and Jannach, "Beyond accuracy: evaluating recommender systems by coverage and
    serendipity", RecSys 2010.
    """
    return _over_users(serendipities(items, expected, relevant), items)


def novelties(items: ArrayLike, popularity: ArrayLike) -> Floats:
    """`novelty` of each list, NaN of an empty one, `(users,)`."""
    shares = np.asarray(popularity, np.float64)
    if not ((shares > 0) & (shares <= 1)).all():
        raise ValueError("A popularity must be in (0, 1]; smooth the counts that it comes from.")
    lists, there = _lists(items, len(shares))
    bits = np.where(there, -np.log2(np.r_[shares, 1.0])[lists], 0.0)
    return ratio(bits.sum(axis=1), there.sum(axis=1).astype(np.float64))


def diversities(items: ArrayLike, vectors: ArrayLike) -> Floats:
    """`intra_list_diversity` of each list, NaN of one without a pair, `(users,)`."""
    given = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(given, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise ValueError("A vector of length 0 has no direction; give every item one.")
    lists, there = _lists(items, len(given))
    unit = np.r_[given / lengths, np.zeros((1, given.shape[1]))]
    sizes = there.sum(axis=1).astype(np.float64)
    joined = unit[np.where(there, lists, len(given))].sum(axis=1)
    similarity = ratio((joined**2).sum(axis=1) - sizes, sizes * (sizes - 1))
    return 1 - similarity


def serendipities(items: ArrayLike, expected: ArrayLike, relevant: ArrayLike) -> Floats:
    """`serendipity` of each list, NaN of an empty one, `(users,)`."""
    lists = np.atleast_2d(np.asarray(items, np.int64))
    liked, usual = np.asarray(relevant) > 0, np.atleast_2d(np.asarray(expected, np.int64))
    if liked.shape != lists.shape or len(usual) not in (1, len(lists)):
        raise ValueError(
            f"relevant must have the shape of items, {lists.shape}, and expected one list or one a user. "
            f"Received: {liked.shape} and {usual.shape}."
        )
    there = lists != NOTHING
    known = (lists[:, :, None] == usual[:, None, :]).any(axis=2)
    surprising = (there & liked & ~known).sum(axis=1).astype(np.float64)
    return ratio(surprising, there.sum(axis=1).astype(np.float64))


def coverage_of(counts: Floats) -> Floats:
    """Share of items with a count above 0, of counts `(..., items)`; NaN without items."""
    return ratio((counts > 0).sum(axis=-1).astype(np.float64), np.asarray(float(counts.shape[-1])))


def gini_of(counts: Floats) -> Floats:
    """Gini index of counts `(..., items)`."""
    shown, items = np.sort(counts, axis=-1), counts.shape[-1]
    places = 2.0 * np.arange(1, items + 1) - items - 1
    return ratio(np.sum(places * shown, axis=-1), items * shown.sum(axis=-1))


def entropy_of(counts: Floats) -> Floats:
    """Entropy of counts `(..., items)`, nats."""
    shares = ratio(counts, counts.sum(axis=-1, keepdims=True))
    entropies: Floats = -np.sum(shares * np.log(np.where(shares > 0, shares, 1.0)), axis=-1)
    return entropies


def _counts(counts: ArrayLike) -> Floats:
    given = np.asarray(counts, np.float64).reshape(-1)
    if (given < 0).any():
        raise ValueError(f"Counts must be at least 0. Received: {given.min()}.")
    return given


def _lists(items: ArrayLike, catalogue: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The lists, and where they have an item."""
    lists = np.atleast_2d(np.asarray(items, np.int64))
    if lists.size and not NOTHING <= lists.min() <= lists.max() < catalogue:
        raise ValueError(f"Ids must be in [0, {catalogue}). Received: {lists.min()} to {lists.max()}.")
    return lists, lists != NOTHING


def _over_users(values: Floats, items: ArrayLike) -> GroupedResult:
    there = np.atleast_2d(np.asarray(items)) != NOTHING
    return GroupMean().add(values, np.ones(len(values)), there.sum(axis=1)).result()

"""Is one model better than another, or were the users lucky? A paired permutation test over users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

CHUNK = 1024


@dataclass(frozen=True)
class PermutationResult:
    """What a paired permutation test found.

    Args:
        difference: Mean of first minus second over the pairs.
        p_value: How often chance alone gives a mean at least as far from 0, in (0, 1].
        pairs: Pairs that both sides are defined for.
        exact: Whether all exchanges were gone through, and not a sample of them.
    """

    difference: float
    p_value: float
    pairs: int
    exact: bool


def paired_permutation_test(
    first: ArrayLike, second: ArrayLike, *, samples: int = 10_000, seed: int = 0
) -> PermutationResult:
    """Exchange the two figures of each pair by chance: if the models are alike, that changes nothing.

    Give it figures of users (`GroupMetric.values`, or errors averaged by user), not of rows: those of a user are alike.
    All exchanges are gone through when there are no more than `samples`; else that many are drawn, and the observed one
    counts as one of them, so that the p-value is never 0. It does not stream, nor does it need to.

    Args:
        first: Figures of one model, `(pairs,)`; NaN leaves the pair out.
        second: Figures of the other, in the same order.
        samples: Most exchanges that are looked at, at least 1.
        seed: Of the draws.

    Raises:
        ValueError: When the two are not equally long, or samples is below 1.

    Example:
        >>> paired_permutation_test([0.8, 0.7, 0.9, 0.6], [0.5, 0.6, 0.6, 0.5])
        PermutationResult(difference=0.2, p_value=0.125, pairs=4, exact=True)

    Reference: Fisher, "The Design of Experiments", 1935; for retrieval Smucker et al., "A comparison of statistical
    significance tests for information retrieval evaluation", CIKM 2007.
    """
    a, b = (np.asarray(values, np.float64).reshape(-1) for values in (first, second))
    if len(a) != len(b):
        raise ValueError(f"Pairs need two sides of equal length. Received: {len(a)} and {len(b)}.")
    if samples < 1:
        raise ValueError(f"samples must be at least 1. Received: {samples}.")
    gaps = (a - b)[~np.isnan(a - b)]
    pairs = len(gaps)
    if not pairs:
        return PermutationResult(float("nan"), float("nan"), 0, True)
    observed = abs(gaps.sum())
    limit = observed - 1e-12 * np.abs(gaps).sum()  # the same exchange, summed in another order, is no smaller
    exact = pairs < 63 and 2**pairs <= samples
    total = 2**pairs if exact else samples
    generator = np.random.default_rng([seed, pairs])
    reached = 0
    for start in range(0, total, CHUNK):
        size = min(CHUNK, total - start)
        if exact:
            exchanged = (np.arange(start, start + size)[:, None] >> np.arange(pairs)) & 1
        else:
            exchanged = generator.integers(2, size=(size, pairs))
        reached += int(np.sum(np.abs((1 - 2 * exchanged) @ gaps) >= limit))
    p_value = reached / total if exact else (1 + reached) / (1 + total)
    return PermutationResult(float(gaps.mean()), p_value, pairs, exact)

"""DeLong's test: do the AUCs of two models on the same rows differ?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics.metric_inputs import Floats, read_rows


@dataclass(frozen=True)
class DeLongResult:
    """What DeLong's test found; NaN where there are fewer than two rows of a class.

    Args:
        first, second: AUC of each model.
        difference: First minus second.
        standard_error: Of the difference.
        z: Difference over its standard error; infinite when a difference never varies.
        p_value: Two-sided, of the normal distribution.
    """

    first: float
    second: float
    difference: float
    standard_error: float
    z: float
    p_value: float


def delong_test(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> DeLongResult:
    """Compare the AUCs of two models on the same rows, ties counted half, in O(rows log rows) time.

    It takes rows to be independent. Rows of one user are not: with several of them a user, the p-value is too small,
    and `paired_permutation_test` over users' AUCs or `bootstrap` over users is the honest one. It does not stream.

    Args:
        labels: 0 or 1, `(rows,)`.
        first: Scores of one model, `(rows,)`.
        second: Scores of the other.

    Raises:
        ValueError: Shapes differ, or a label is not 0 or 1.

    Example:
        >>> test = delong_test([1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.4, 0.5, 0.3, 0.1], [0.6, 0.4, 0.3, 0.5, 0.7, 0.2])
        >>> round(test.first, 4), round(test.second, 4), round(test.z, 4), round(test.p_value, 4)
        (0.8889, 0.4444, 1.4142, 0.1573)

    Reference: DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
    characteristic curves", Biometrics 1988; by ranks as in Sun and Xu, IEEE Signal Process. Lett. 2014.
    """
    rows = [read_rows(labels, scores, probabilities=False) for scores in (first, second)]
    positive = rows[0].labels > 0
    scores = np.stack([one.scores for one in rows])
    if min(positive.sum(), (~positive).sum()) < 2 or np.isnan(scores).any():
        return DeLongResult(*[float("nan")] * 6)
    parts = [_components(one, positive) for one in scores]
    areas = [float(of_positives.mean()) for of_positives, _ in parts]
    gaps = [parts[0][side] - parts[1][side] for side in (0, 1)]
    error = math.sqrt(sum(float(gap.var(ddof=1)) / len(gap) for gap in gaps))
    gap = areas[0] - areas[1]
    z = gap / error if error > 0 else math.copysign(math.inf, gap) if gap else 0.0
    return DeLongResult(areas[0], areas[1], gap, error, z, math.erfc(abs(z) / math.sqrt(2)))


def _components(scores: Floats, positive: np.ndarray) -> tuple[Floats, Floats]:
    """Share of negatives below each positive, and of positives above each negative, ties counted half."""
    above, below = scores[positive], scores[~positive]
    everything = _mean_ranks(scores)
    of_positives = (everything[positive] - _mean_ranks(above)) / len(below)
    of_negatives = 1 - (everything[~positive] - _mean_ranks(below)) / len(above)
    return of_positives, of_negatives


def _mean_ranks(values: Floats) -> Floats:
    """Rank of each value from 1, ties at their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks

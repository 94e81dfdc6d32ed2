"""Mean of a metric over groups, as sums that merge: what GAUC and the ranking metrics end in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tfctr.training.metrics.metric_inputs import Floats

Weighting = Literal["impressions", "clicks", "uniform"]

# Order of the sums in a GroupMean: (weight, weight * value, weight^2, weight^2 * value, weight^2 * value^2) for the
# standard error, then counts.
_W, _WV, _W2, _W2V, _W2V2, _USED, _GROUPS, _USED_ROWS, _ROWS = range(9)


@dataclass(frozen=True)
class GroupedResult:
    """A mean over groups and what it was taken over.

    Args:
        value: The mean; NaN when no group could be used.
        groups, rows: All groups and rows seen (rows of weight 0 left out).
        used_groups, used_rows: Those that entered the mean.
        sampled_share: Share of groups that were kept; below 1 only in a streaming result out of memory budget.
        standard_error: Standard error of `value` from that sampling; 0 when every group was seen. The value over all
            groups lies within two standard errors in 95 of 100 samples.
    """

    value: float
    groups: int
    used_groups: int
    rows: int
    used_rows: int
    sampled_share: float = 1.0
    standard_error: float = 0.0

    @property
    def skipped_groups_share(self) -> float:
        """Share of groups left out (one class only, or outside the size limits); NaN without groups."""
        return 1 - self.used_groups / self.groups if self.groups else float("nan")

    @property
    def skipped_rows_share(self) -> float:
        """Share of rows in the groups left out; NaN without rows."""
        return 1 - self.used_rows / self.rows if self.rows else float("nan")


class GroupMean:
    """Weighted mean of a per-group metric, accumulated over disjoint sets of groups.

    `mean = sum_g n_g m_g / sum_g n_g` over the groups where the metric m is defined. The state is nine float64 sums
    (`sums`), so that adding and merging are additions.

    Example:
        >>> left = GroupMean().add(np.array([0.5]), weights=np.array([3.0]), rows=np.array([3]))
        >>> right = GroupMean().add(np.array([0.75, np.nan]), weights=np.array([4.0, 2.0]), rows=np.array([4, 2]))
        >>> round(left.merge(right).result().value, 6)
        0.642857
    """

    def __init__(self, sums: Floats | None = None) -> None:
        self.sums: Floats = np.zeros(9) if sums is None else np.array(sums, np.float64)

    def add(self, values: Floats, weights: Floats, rows: NDArray[np.int64]) -> GroupMean:
        """Add groups; one whose value is NaN counts as skipped.

        Args:
            values: Metric of each group, `(groups,)`.
            weights: Weight of each group, `(groups,)`.
            rows: Number of rows of each group, `(groups,)`.
        """
        used = ~np.isnan(values)
        v, w = values[used], weights[used]
        self.sums += [
            w.sum(),
            (w * v).sum(),
            (w * w).sum(),
            (w * w * v).sum(),
            (w * w * v * v).sum(),
            used.sum(),
            len(values),
            rows[used].sum(),
            rows.sum(),
        ]
        return self

    def merge(self, other: GroupMean) -> GroupMean:
        """Add the groups of `other`, which must be disjoint from those seen here."""
        self.sums += other.sums
        return self

    def result(self, sampled_share: float = 1.0) -> GroupedResult:
        """The mean over all groups added.

        Args:
            sampled_share: Share of all groups that were added, for the standard error.
        """
        s = self.sums
        mean = s[_WV] / s[_W] if s[_W] > 0 else float("nan")
        squares = max(s[_W2V2] - 2 * mean * s[_W2V] + mean * mean * s[_W2], 0.0) if s[_W] > 0 else float("nan")
        error = float(np.sqrt(squares * (1 - sampled_share)) / s[_W]) if sampled_share < 1 and s[_W] > 0 else 0.0
        return GroupedResult(
            value=float(mean),
            groups=int(s[_GROUPS]),
            used_groups=int(s[_USED]),
            rows=int(s[_ROWS]),
            used_rows=int(s[_USED_ROWS]),
            sampled_share=sampled_share,
            standard_error=error,
        )


def group_weights(weighting: Weighting, positives: Floats, negatives: Floats) -> Floats:
    """Weight of each group `(groups,)` from the summed weights of its positives and negatives.

    Raises:
        ValueError: The weighting is unknown.
    """
    if weighting == "impressions":
        return positives + negatives
    if weighting == "clicks":
        return positives
    if weighting == "uniform":
        return np.ones_like(positives)
    raise ValueError(f"weighting must be one of {get_args(Weighting)}. Received: {weighting!r}.")

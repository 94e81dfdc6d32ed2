"""GAUC: AUC inside each group (user, request), averaged over groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._auc import auc_by_group
from tfctr.training.metrics.group_mean import GroupedResult, GroupMean, Weighting, group_weights
from tfctr.training.metrics.metric_inputs import Rows, read_groups, read_rows


def gauc(
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    weighting: Weighting = "impressions",
    min_rows: int = 1,
    max_rows: int | None = None,
) -> GroupedResult:
    """Group AUC, exact: `sum_u n_u AUC_u / sum_u n_u` over the groups that have both classes.

    A single AUC over all users also rewards telling active users from passive ones, which no ranking inside a request
    can use; GAUC does not.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: Any scores: only their order inside a group counts. Ties count half.
        groups: Key of each row's group: integers or text.
        weights: Row weights, at least 0; None means 1 each. They enter both AUC_u and n_u.
        weighting: What n_u is: "impressions" (summed weight of the group's rows; the paper's), "clicks" (of its
            positives) or "uniform" (1).
        min_rows: Groups with fewer rows are skipped.
        max_rows: Groups with more rows are skipped; None means no limit.

    Returns:
        The value (NaN when no group has both classes, or a score is NaN), and the share of groups and rows skipped.

    Raises:
        ValueError: As `auc`; or `groups` has another length, or the weighting is unknown.

    Example:
        >>> result = gauc(
        ...     labels=[1, 0, 0, 1, 1, 0, 0, 0, 0],
        ...     probabilities=[0.9, 0.2, 0.95, 0.1, 0.4, 0.3, 0.05, 0.5, 0.6],
        ...     groups=["A", "A", "A", "B", "B", "B", "B", "C", "C"],
        ... )
        >>> round(result.value, 6), round(result.skipped_groups_share, 6)
        (0.642857, 0.333333)

    Reference: Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, arXiv 1706.06978,
    section 5.3 (called AUC there).
    """
    keys = read_groups(groups, weights, len(np.atleast_1d(np.asarray(labels))))
    rows = read_rows(labels, probabilities, weights, probabilities=False)
    return group_auc_mean(keys, rows, weighting, min_rows, max_rows).result()


def group_auc_mean(
    keys: NDArray[Any],
    rows: Rows,
    weighting: Weighting = "impressions",
    min_rows: int = 1,
    max_rows: int | None = None,
) -> GroupMean:
    """GAUC of whole groups as sums that can be merged with those of other groups.

    Args:
        keys: Group of each row, `(rows,)`.
        rows: The rows.
        weighting: Weight of a group, as in `gauc`.
        min_rows: Smallest group that counts.
        max_rows: Largest group that counts; None means no limit.
    """
    mean = GroupMean()
    if not len(keys):
        return mean
    aucs, positives, negatives = auc_by_group(keys, rows)
    sizes = np.unique(keys, return_counts=True)[1]
    limit = np.inf if max_rows is None else max_rows
    aucs[(sizes < min_rows) | (sizes > limit)] = np.nan
    mean.add(aucs, group_weights(weighting, positives, negatives), sizes)
    if np.isnan(rows.scores).any():
        mean.sums[1] = np.nan  # the value is NaN, the counts stay
    return mean

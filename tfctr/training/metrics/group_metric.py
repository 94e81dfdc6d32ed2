"""Metrics that each user has one of: of a ranked list, or of the agreement of two orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._bootstrap import Resampled
from tfctr.training.metrics._kinds_of_rows import RowKind, ratio, read_keys, read_kind
from tfctr.training.metrics.group_mean import GroupedResult, GroupMean, Weighting
from tfctr.training.metrics.metric_inputs import Floats, Rows
from tfctr.training.metrics.sum_metric import mean_of_groups, weights_of_groups


@dataclass(frozen=True)
class GroupMetric:
    """A figure of the rows of a group, averaged over groups.

    `GroupStream` takes it over streams whose parts hold whole groups, `resampled` gives it to `bootstrap`.

    Args:
        name: Of the figure.
        values: Keys and rows -> figure of each group, in ascending order of the keys, NaN where it is undefined;
            `(groups,)`. It is never asked about no rows.
        kind: What labels and predictions are.

    Example:
        >>> from tfctr.training.metrics import list_metrics
        >>> list_metrics(k=1)["hit_rate"].result([1, 0, 0, 1], [0.9, 0.2, 0.7, 0.1], ["a", "a", "b", "b"]).value
        0.5
    """

    name: str
    values: Callable[[NDArray[Any], Rows], Floats]
    kind: RowKind = "scores"

    def result(
        self,
        labels: ArrayLike,
        predictions: ArrayLike,
        groups: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        *,
        weighting: Weighting = "uniform",
    ) -> GroupedResult:
        """Return the mean over groups; a group whose figure is undefined is skipped and counted.

        Args:
            labels: As `kind` says, `(rows,)`.
            predictions: As `kind` says, same number of rows.
            groups: Key of each row's group; None takes all rows as one list.
            weights: Only to leave out rows of weight 0, and for the weight of a group.
            weighting: Weight of a group in the mean: "uniform", "impressions" or, with 0/1 labels, "clicks".

        Raises:
            ValueError: When the arrays are not what the metric takes, or the weighting is unknown or wants others.
        """
        keys = read_keys(groups, labels, weights)
        return self.group_mean(keys, read_kind(self.kind, labels, predictions, weights), weighting).result()

    def group_mean(self, keys: NDArray[Any], rows: Rows, weighting: Weighting = "uniform") -> GroupMean:
        """As `result` for rows already read, as sums that can be merged with those of other groups."""
        if not len(keys):
            return GroupMean()
        return mean_of_groups(self.values(keys, rows), keys, rows, weighting, self.kind)

    def sums_by(
        self,
        clusters: ArrayLike,
        labels: ArrayLike,
        predictions: ArrayLike,
        groups: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        weighting: Weighting = "uniform",
    ) -> Floats:
        """Return weight times figure, and weight, summed over the groups of each cluster, `(clusters, 2)`.

        Groups without a figure add nothing to either. The first over the second is the mean of a cluster.

        Args:
            clusters: Key of each row's cluster, such as the user whose lists of several folds are groups; all rows of
                a group are of one cluster.
            labels: As in `result`.
            predictions: As in `result`.
            groups: As in `result`.
            weights: As in `result`.
            weighting: As in `result`.
        """
        keys, owners = (read_keys(one, labels, weights) for one in (groups, clusters))
        rows = read_kind(self.kind, labels, predictions, weights)
        if not len(keys):
            return np.zeros((0, 2))
        values, shares = self.values(keys, rows), weights_of_groups(keys, rows, weighting, self.kind)
        broken = np.isnan(np.bincount(np.unique(keys, return_inverse=True)[1], rows.scores))
        defined = ~np.isnan(values) | broken
        shares = np.where(defined, shares, 0.0)
        worth = np.where(broken, np.nan, shares * np.where(defined, values, 0.0))
        owner = np.unique(owners, return_inverse=True)[1][np.unique(keys, return_index=True)[1]]
        return np.stack([np.bincount(owner, worth), np.bincount(owner, shares)], axis=1)

    def resampled(
        self,
        labels: ArrayLike,
        predictions: ArrayLike,
        groups: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        weighting: Weighting = "uniform",
        clusters: ArrayLike | None = None,
    ) -> Resampled:
        """Return the figure as `bootstrap` takes it: the mean over groups, or clusters of them, that are drawn anew.

        Args:
            labels: As in `result`.
            predictions: As in `result`.
            groups: As in `result`.
            weights: As in `result`.
            weighting: As in `result`.
            clusters: What is drawn, as in `sums_by`; None draws the groups.
        """
        drawn = groups if clusters is None else clusters
        sums = self.sums_by(drawn, labels, predictions, groups, weights, weighting=weighting)
        return resampled_mean(sums)


def resampled_mean(sums: Floats) -> Resampled:
    """Return a mean over clusters as `bootstrap` takes it.

    Args:
        sums: Weight times figure, and weight, of each cluster, `(clusters, 2)`.
    """
    return Resampled(len(sums), lambda counts: ratio(counts @ sums[:, 0], counts @ sums[:, 1]))

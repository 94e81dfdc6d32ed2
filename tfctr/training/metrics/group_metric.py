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

    def resampled(
        self,
        labels: ArrayLike,
        predictions: ArrayLike,
        groups: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        weighting: Weighting = "uniform",
    ) -> Resampled:
        """Return the figure as `bootstrap` takes it: the mean over groups that are drawn anew."""
        keys = read_keys(groups, labels, weights)
        rows = read_kind(self.kind, labels, predictions, weights)
        if not len(keys):
            return Resampled(0, lambda counts: ratio(counts.sum(axis=1), 0 * counts.sum(axis=1)))
        values, shares = self.values(keys, rows), weights_of_groups(keys, rows, weighting, self.kind)
        return resampled_mean(values, shares)


def resampled_mean(values: Floats, weights: Floats) -> Resampled:
    """Return the weighted mean of groups' figures as `bootstrap` takes it; undefined ones are left out.

    Args:
        values: Of each group, `(groups,)`.
        weights: Of each group, `(groups,)`.
    """
    defined = ~np.isnan(values)
    shares = np.where(defined, weights, 0.0)
    worth = shares * np.where(defined, values, 0.0)
    return Resampled(len(values), lambda counts: ratio(counts @ worth, counts @ shares))

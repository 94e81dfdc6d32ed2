"""Metrics that follow from sums over rows: of all rows, of each user, of a stream, of users drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._bootstrap import Resampled
from tfctr.training.metrics._kinds_of_rows import RowKind, read_keys, read_kind
from tfctr.training.metrics.group_mean import GroupedResult, GroupMean, Weighting, group_weights
from tfctr.training.metrics.metric_inputs import Floats, Rows


@dataclass(frozen=True)
class SumMetric:
    """A figure of sums, such as `sqrt(sum w (y - p)^2 / sum w)`.

    That is all that one definition needs for four uses: a value over rows (`value`), the mean over users
    (`by_group`), a stream of any length (`SumStream`), and an interval over resampled users (`resampled`).

    Args:
        name: Of the figure.
        of_rows: What a row of weight 1 adds to each sum, `(rows, sums)`; row weights multiply it.
        figure: The figure of sums `(..., sums)`, NaN where it is undefined; `(...)`.
        kind: What labels and predictions are.

    Example:
        >>> from tfctr.training.metrics import rating_metrics
        >>> rmse = rating_metrics()["rmse"]
        >>> rmse.value([4, 2], [3, 2]), rmse.by_group([4, 2], [3, 2], ["a", "b"]).value
        (0.7071067811865476, 0.5)
    """

    name: str
    of_rows: Callable[[Rows], Floats]
    figure: Callable[[Floats], Floats]
    kind: RowKind = "probabilities"

    def value(self, labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> float:
        """Return the figure over all rows; NaN where it is undefined.

        Raises:
            ValueError: When the arrays are not what the metric takes (`kind`), or a weight is negative.
        """
        return float(self.figure(self.sums(read_kind(self.kind, labels, predictions, weights))))

    def sums(self, rows: Rows) -> Floats:
        """Return the sums over rows, `(sums,)`."""
        total: Floats = np.sum(rows.weights[:, None] * self.of_rows(rows), axis=0)
        return total

    def group_sums(self, keys: NDArray[Any], rows: Rows) -> Floats:
        """Return the sums of each group, `(groups, sums)`, groups in ascending order of their keys."""
        distinct, place = np.unique(keys, return_inverse=True)
        weighted = rows.weights[:, None] * self.of_rows(rows)
        columns = [np.bincount(place, column, len(distinct)) for column in weighted.T]
        return np.stack(columns, axis=1) if len(distinct) else np.zeros((0, weighted.shape[1]))

    def by_group(
        self,
        labels: ArrayLike,
        predictions: ArrayLike,
        groups: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        weighting: Weighting = "uniform",
    ) -> GroupedResult:
        """Return the mean of the figures of the groups; a group whose figure is undefined is skipped and counted.

        Args:
            labels: As for `value`.
            predictions: As for `value`.
            groups: Key of each row's group: integers or text.
            weights: As for `value`.
            weighting: Weight of a group in the mean: "uniform", "impressions" or, with 0/1 labels, "clicks".

        Raises:
            ValueError: As `value`; or "clicks" with other labels.
        """
        keys = read_keys(groups, labels, weights)
        return self.group_mean(keys, read_kind(self.kind, labels, predictions, weights), weighting).result()

    def group_mean(self, keys: NDArray[Any], rows: Rows, weighting: Weighting = "uniform") -> GroupMean:
        """As `by_group` for rows already read, as sums that can be merged with those of other groups."""
        return mean_of_groups(self.figure(self.group_sums(keys, rows)), keys, rows, weighting, self.kind)

    def resampled(
        self, labels: ArrayLike, predictions: ArrayLike, groups: ArrayLike, weights: ArrayLike | None = None
    ) -> Resampled:
        """Return the figure as `bootstrap` takes it: over all rows of groups that are drawn anew."""
        keys = read_keys(groups, labels, weights)
        sums = self.group_sums(keys, read_kind(self.kind, labels, predictions, weights))
        return Resampled(len(sums), lambda counts: self.figure(counts @ sums))


def mean_of_groups(values: Floats, keys: NDArray[Any], rows: Rows, weighting: Weighting, kind: RowKind) -> GroupMean:
    """The mean of groups' figures; NaN when a prediction is NaN, for a broken model is not to look well.

    Args:
        values: Of each group, in ascending order of the keys, `(groups,)`.
        keys: Group of each row, `(rows,)`.
        rows: The rows.
        weighting: Of groups.
        kind: What the labels are; "clicks" wants 0/1.

    Raises:
        ValueError: For a weighting that is unknown, or wants other labels.
    """
    mean = GroupMean()
    if not len(keys):
        return mean
    mean.add(values, weights_of_groups(keys, rows, weighting, kind), np.unique(keys, return_counts=True)[1])
    if np.isnan(rows.scores).any():
        mean.sums[1] = np.nan
    return mean


def weights_of_groups(keys: NDArray[Any], rows: Rows, weighting: Weighting, kind: RowKind) -> Floats:
    """Weight of each group, in ascending order of the keys, `(groups,)`.

    Raises:
        ValueError: As `mean_of_groups`.
    """
    if weighting == "clicks" and kind == "numbers":
        raise ValueError("weighting 'clicks' needs labels of 0 and 1; take 'uniform' or 'impressions'.")
    _, place = np.unique(keys, return_inverse=True)
    positives, total = (
        np.bincount(place, column).astype(np.float64) for column in (rows.weights * rows.labels, rows.weights)
    )
    return group_weights(weighting, positives, total - positives)

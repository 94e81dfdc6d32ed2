"""A figure of each user over a stream whose parts hold whole users: exact, in nine numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._kinds_of_rows import read_keys, read_kind
from tfctr.training.metrics.group_mean import GroupedResult, GroupMean, Weighting
from tfctr.training.metrics.group_metric import GroupMetric
from tfctr.training.metrics.sum_metric import SumMetric


class GroupStream:
    """The mean of any `GroupMetric` or `SumMetric` over the groups of a stream.

    All rows of a group must come in one call of `add`: a shard by user, or a log grouped by request. Nothing checks
    that, for the keys that came are not kept. Rows in any other order need them all: `GroupSample` holds a sample.

    Args:
        metric: What is figured out of each group.
        weighting: Weight of a group in the mean: "uniform", "impressions" or, with 0/1 labels, "clicks".

    Example:
        >>> from tfctr.training.metrics import list_metrics
        >>> stream = GroupStream(list_metrics(k=1)["hit_rate"])
        >>> stream.add([1, 0], [0.9, 0.2], ["a", "a"]).add([0, 1], [0.7, 0.1], ["b", "b"]).result().value
        0.5
    """

    def __init__(self, metric: GroupMetric | SumMetric, *, weighting: Weighting = "uniform") -> None:
        self.metric = metric
        self.weighting = weighting
        self._mean = GroupMean()

    def add(
        self, labels: ArrayLike, predictions: ArrayLike, groups: ArrayLike, weights: ArrayLike | None = None
    ) -> GroupStream:
        """Add whole groups; arguments and errors as in `GroupMetric.result`."""
        keys = read_keys(groups, labels, weights)
        rows = read_kind(self.metric.kind, labels, predictions, weights)
        self._mean.merge(self.metric.group_mean(keys, rows, self.weighting))
        return self

    def merge(self, other: GroupStream) -> GroupStream:
        """Add the groups of `other`, which must be other groups.

        Raises:
            ValueError: It is of another metric or weighting.
        """
        mine, theirs = ((one.metric.name, one.weighting) for one in (self, other))
        if mine != theirs:
            raise ValueError(f"Only streams of one metric and weighting merge. Received: {mine} and {theirs}.")
        self._mean.merge(other._mean)
        return self

    def result(self) -> GroupedResult:
        """Return the mean over all groups added."""
        return self._mean.result()

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything but the settings, which the constructor takes."""
        return {"sums": self._mean.sums.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> GroupStream:
        """Go on from what `state()` gave, in a stream of the same settings."""
        self._mean = GroupMean(state["sums"])
        return self

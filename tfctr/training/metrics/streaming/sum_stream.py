"""A figure of sums over a stream: exact, in a few numbers, however long the stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._kinds_of_rows import read_kind
from tfctr.training.metrics.metric_inputs import Floats
from tfctr.training.metrics.sum_metric import SumMetric


class SumStream:
    """Any `SumMetric` of a stream; equal to `SumMetric.value` of all rows up to the rounding of sums.

    R² subtracts sums of squares, so that labels whose mean is a million times their spread lose their digits; shift
    them first.

    Args:
        metric: What is figured out.

    Example:
        >>> from tfctr.training.metrics import rating_metrics
        >>> mae = rating_metrics()["mae"]
        >>> SumStream(mae).add([4, 2], [3, 2]).merge(SumStream(mae).add([5], [3])).result()
        1.0
    """

    def __init__(self, metric: SumMetric) -> None:
        self.metric = metric
        self._sums: Floats | None = None

    def add(self, labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> SumStream:
        """Add rows; arguments and errors as in `SumMetric.value`."""
        return self._add(self.metric.sums(read_kind(self.metric.kind, labels, predictions, weights)))

    def merge(self, other: SumStream) -> SumStream:
        """Add the rows of `other`.

        Raises:
            ValueError: It is of another metric.
        """
        if self.metric.name != other.metric.name:
            raise ValueError(f"Only streams of one metric merge. Received: {self.metric.name} and {other.metric.name}.")
        return self if other._sums is None else self._add(other._sums)

    def result(self) -> float:
        """Return the figure of all rows added; NaN where it is undefined."""
        return float("nan") if self._sums is None else float(self.metric.figure(self._sums))

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything but the metric, which the constructor takes."""
        return {} if self._sums is None else {"sums": self._sums.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> SumStream:
        """Go on from what `state()` gave, in a stream of the same metric."""
        self._sums = np.array(state["sums"]) if "sums" in state else None
        return self

    def _add(self, sums: Floats) -> SumStream:
        self._sums = sums.copy() if self._sums is None else self._sums + sums
        return self

"""A histogram of predictions on the logit scale: AUC, calibration slope and equal-mass ECE of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._recalibration import UNDEFINED, LogitCells, Recalibration, fit_cells, separable
from tfctr.training.metrics.calibration import BINS, mass_bins_of_cells
from tfctr.training.metrics.metric_inputs import EPSILON, Floats, Rows, read_rows, to_logit

# Columns of the histogram: summed weight of positives and negatives, and over both classes of weight * probability,
# weight * offset, weight * offset^2; the offset is the logit minus the middle of its bin, which loses no digits.
_POSITIVE, _NEGATIVE, _PROBABILITY, _OFFSET, _OFFSET2 = range(5)
_LIMIT = float(to_logit(np.array(1 - EPSILON)))


class AUCEstimate(NamedTuple):
    """AUC of a stream: the exact one is within `error` of `value`."""

    value: float
    error: float


class ECEEstimate(NamedTuple):
    """Equal-mass ECE of a stream: the exact one is within `error` of `value`."""

    value: float
    error: float


class LogitHistogram:
    """Sums by bin of the logit, for metrics that need an order.

    Bins are equally wide on the logit scale between the logits of 1e-7 and 1 - 1e-7: fine where click probabilities
    differ by small factors, which bins of the probability itself are not.

    Error of the AUC: only pairs inside one bin can be misjudged, each by at most half, and a bin that holds a single
    value misjudges none. So `error = sum over bins of more than one value of positives * negatives / (2 P N)`, a bound
    that always holds. For logits spread like a normal distribution of deviation s, with 65,536 bins, it is about
    7e-5 / s. The true error is usually tens to thousands of times smaller, the more rows the smaller, because inside a
    narrow bin the order is as good as random.

    Args:
        bins: Number of bins. Memory is 56 bytes a bin (3.7 MB by default), whatever the number of rows.

    Raises:
        ValueError: bins is below 2.

    Example:
        >>> histogram = LogitHistogram().add([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8])
        >>> histogram.auc()
        AUCEstimate(value=0.875, error=0.0)
    """

    def __init__(self, *, bins: int = 65_536) -> None:
        if bins < 2:
            raise ValueError(f"bins must be at least 2. Received: {bins}.")
        self.bins = bins
        self._columns: Floats = np.zeros((5, bins))  # summed weight of positives and negatives, then w·p, offsets
        self._lowest: Floats = np.full(bins, np.inf)  # probabilities, uncut
        self._highest: Floats = np.full(bins, -np.inf)
        # (lowest, highest) probability of negatives and of positives
        self._ranges: Floats = np.array([[np.inf, -np.inf], [np.inf, -np.inf]])
        self._scalars: Floats = np.zeros(2)  # NaN rows, summed weight * logit of positives

    def add(self, labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> LogitHistogram:
        """Add rows; arguments and errors as in `tfctr.training.metrics.logloss.logloss`."""
        return self.add_rows(read_rows(labels, probabilities, weights))

    def add_rows(self, rows: Rows) -> LogitHistogram:
        """Add rows already read."""
        nan = np.isnan(rows.scores)
        self._scalars[0] += nan.sum()
        y, p, w = (column[~nan] for column in rows) if nan.any() else rows
        if not len(y):
            return self
        x = to_logit(p)
        index = np.clip(((x + _LIMIT) * (self.bins / (2 * _LIMIT))).astype(np.int64), 0, self.bins - 1)
        offset = x - self._middles()[index]  # (rows,): from the middle of the row's bin
        positive = w * y
        for column, values in enumerate((positive, w - positive, w * p, w * offset, w * offset * offset)):
            np.add.at(self._columns[column], index, values)
        np.minimum.at(self._lowest, index, p)
        np.maximum.at(self._highest, index, p)
        self._scalars[1] += np.sum(positive * x)
        for label in (0, 1):
            of_class = p[y == label]
            if len(of_class):
                low, high = self._ranges[label]
                self._ranges[label] = min(low, of_class.min()), max(high, of_class.max())
        return self

    def merge(self, other: LogitHistogram) -> LogitHistogram:
        """Add the rows of `other`.

        Raises:
            ValueError: It has another number of bins.
        """
        if self.bins != other.bins:
            raise ValueError(f"Only histograms of equal bins merge. Received: bins={self.bins} and bins={other.bins}.")
        self._columns += other._columns
        self._lowest = np.minimum(self._lowest, other._lowest)
        self._highest = np.maximum(self._highest, other._highest)
        self._ranges[:, 0] = np.minimum(self._ranges[:, 0], other._ranges[:, 0])
        self._ranges[:, 1] = np.maximum(self._ranges[:, 1], other._ranges[:, 1])
        self._scalars += other._scalars
        return self

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Everything needed to go on elsewhere."""
        return {
            "columns": self._columns.copy(),
            "lowest": self._lowest.copy(),
            "highest": self._highest.copy(),
            "ranges": self._ranges.copy(),
            "scalars": self._scalars.copy(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[np.float64]]) -> LogitHistogram:
        """The accumulator that gave this state."""
        histogram = cls(bins=state["columns"].shape[1])
        histogram._columns = np.array(state["columns"])
        histogram._lowest = np.array(state["lowest"])
        histogram._highest = np.array(state["highest"])
        histogram._ranges = np.array(state["ranges"])
        histogram._scalars = np.array(state["scalars"])
        return histogram

    def auc(self) -> AUCEstimate:
        """AUC and the bound of its error; NaN both without two classes or with a NaN probability."""
        positive, negative = self._columns[_POSITIVE], self._columns[_NEGATIVE]
        pairs = positive.sum() * negative.sum()
        if self._scalars[0] or pairs <= 0:
            return AUCEstimate(float("nan"), float("nan"))
        below = np.cumsum(negative) - negative  # (bins,): negatives of lower bins
        value = np.sum(positive * (below + negative / 2)) / pairs
        mixed = self._lowest < self._highest
        error = np.sum(positive[mixed] * negative[mixed]) / (2 * pairs)
        return AUCEstimate(float(value), float(error))

    def recalibration(self) -> Recalibration:
        """Calibration slope and intercept with the bound of their errors.

        NaN as the exact function, and when the bins are too wide to tell (never with the default and a slope below
        some hundreds).
        """
        if self._scalars[0] or not np.isfinite(self._ranges).all():
            return UNDEFINED
        logits = to_logit(self._ranges)
        if separable(tuple(logits[0]), tuple(logits[1])):
            return UNDEFINED
        weight = self._columns[_POSITIVE] + self._columns[_NEGATIVE]
        full = weight > 0
        w, shift = weight[full], self._columns[_OFFSET][full] / weight[full]
        mean = self._middles()[full] + shift  # (full bins,)
        low, high = to_logit(self._lowest[full]), to_logit(self._highest[full])
        one_value = low == high
        spread = np.maximum(self._columns[_OFFSET2][full] - w * shift * shift, 0)
        spread[one_value], mean[one_value] = 0, low[one_value]
        reach = np.maximum(high - mean, mean - low)
        return fit_cells(LogitCells(w, mean, spread, reach), self._columns[_POSITIVE].sum(), self._scalars[1])

    def expected_calibration_error(self, bins: int = BINS) -> ECEEstimate:
        """Equal-mass ECE and the bound of its error; NaN both without rows or with a NaN probability.

        Only rows of histogram bins that lie across a border between buckets can be in the wrong bucket; the bound is
        twice what they could add to a bucket's gap.
        """
        weight = self._columns[_POSITIVE] + self._columns[_NEGATIVE]
        full = weight > 0
        if self._scalars[0] or not full.any():
            return ECEEstimate(float("nan"), float("nan"))
        w, positive = weight[full], self._columns[_POSITIVE][full]
        gaps = self._columns[_PROBABILITY][full] - positive
        value = np.abs(np.bincount(mass_bins_of_cells(w, bins), gaps)).sum() / w.sum()
        ends = np.cumsum(w)
        first = np.floor((ends - w) / ends[-1] * bins * (1 - 1e-12))
        last = np.floor(ends / ends[-1] * bins * (1 + 1e-12))
        across = (first < last) & (self._lowest[full] < self._highest[full])
        moved = positive * (1 - self._lowest[full]) + (w - positive) * self._highest[full]
        return ECEEstimate(float(value), float(2 * moved[across].sum() / w.sum()))

    def _middles(self) -> Floats:
        return (np.arange(self.bins, dtype=np.float64) + 0.5) * (2 * _LIMIT / self.bins) - _LIMIT

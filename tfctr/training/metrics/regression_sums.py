"""RegressionSums: RMSE, MAE and R² of a stream of numbers, exact in eight sums."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._number_rows import read_numbers
from tfctr.training.metrics.metric_inputs import Floats

_ROWS, _BROKEN, _WEIGHT, _LABEL, _SPREAD, _PREDICTION, _SQUARE, _ABSOLUTE = range(8)


class RegressionSums:
    """RMSE, MAE and R² of a stream; each equals its exact function up to the rounding of float64 sums.

    The spread of the labels is held about their own mean and merged as such, so that labels far from 0 keep their
    digits. A row whose prediction is no finite number makes every figure of predictions NaN.

    Example:
        >>> sums = RegressionSums().add([1, 2], [1, 3]).merge(RegressionSums().add([6], [5]))
        >>> round(sums.rmse(), 6), round(sums.mae(), 6), round(sums.r2(), 6)
        (0.816497, 0.666667, 0.857143)
    """

    def __init__(self) -> None:
        self._totals: Floats = np.zeros(8)  # of the label its mean and the summed squares about it
        self._lowest, self._highest = np.inf, -np.inf  # of the labels

    def add(self, labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> RegressionSums:
        """Add rows; arguments and errors as in `tfctr.training.metrics.rmse`."""
        y, p, w = read_numbers(labels, predictions, weights)
        if not len(y):
            return self
        part = RegressionSums()
        finite = np.isfinite(p)
        error, weight = (p - y)[finite], w.sum()
        mean = np.sum(w * y) / weight
        # Sums of products, not dot products: BLAS splits those over threads that wait for each other.
        part._totals[:] = [
            len(y),
            (~finite).sum(),
            weight,
            mean,
            np.sum(w * (y - mean) ** 2),
            np.sum((w * p)[finite]),
            np.sum(w[finite] * error**2),
            np.sum(w[finite] * np.abs(error)),
        ]
        part._lowest, part._highest = float(y.min()), float(y.max())
        return self.merge(part)

    def merge(self, other: RegressionSums) -> RegressionSums:
        """Add the rows of `other`."""
        ours, theirs = self._totals, other._totals
        weight = ours[_WEIGHT] + theirs[_WEIGHT]
        if weight > 0:
            apart, share = theirs[_LABEL] - ours[_LABEL], theirs[_WEIGHT] / weight
            mean, between = ours[_LABEL] + apart * share, apart**2 * ours[_WEIGHT] * share
            self._totals = ours + theirs
            self._totals[_LABEL] = mean
            self._totals[_SPREAD] += between
            self._lowest, self._highest = min(self._lowest, other._lowest), max(self._highest, other._highest)
        return self

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Everything needed to go on elsewhere."""
        return {"totals": self._totals.copy(), "bounds": np.array([self._lowest, self._highest])}

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[np.float64]]) -> RegressionSums:
        """The accumulator that gave this state."""
        sums = cls()
        sums._totals = np.array(state["totals"])
        sums._lowest, sums._highest = map(float, state["bounds"])
        return sums

    @property
    def rows(self) -> int:
        """Rows of weight above 0 added."""
        return int(self._totals[_ROWS])

    def mean_label(self) -> float:
        """Weighted mean label."""
        return float(self._totals[_LABEL]) if self._totals[_WEIGHT] > 0 else float("nan")

    def mean_prediction(self) -> float:
        """Weighted mean prediction."""
        return self._mean(_PREDICTION)

    def rmse(self) -> float:
        """Root of the mean squared error, in the label's unit."""
        return float(np.sqrt(self._mean(_SQUARE)))

    def mae(self) -> float:
        """Mean absolute error, in the label's unit."""
        return self._mean(_ABSOLUTE)

    def r2(self) -> float:
        """Share of the labels' variance that is explained; NaN for labels that are all alike."""
        return 1 - self.relative_error() ** 2

    def relative_error(self) -> float:
        """RMSE over the labels' standard deviation: 1 is no better than their mean; NaN where they are all alike."""
        if not self._lowest < self._highest:
            return float("nan")
        return float(self.rmse() / np.sqrt(self._totals[_SPREAD] / self._totals[_WEIGHT]))

    def _mean(self, place: int) -> float:
        totals = self._totals
        return float(totals[place] / totals[_WEIGHT]) if totals[_WEIGHT] > 0 and not totals[_BROKEN] else float("nan")

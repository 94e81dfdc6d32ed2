"""Metrics that are ratios of sums: exact in a few hundred bytes, however long the stream."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._logloss import loss_over_entropy, row_loss
from tfctr.training.metrics.calibration import BINS, summed_by, width_bins
from tfctr.training.metrics.metric_inputs import EPSILON, Floats, Rows, read_rows

_ROWS, _NANS, _WEIGHT, _LABEL, _PREDICTION, _LOSS, _SQUARE = range(7)


class BinarySums:
    """Logloss, normalized entropy, RIG, Brier score, calibration ratio and equal-width ECE of a stream.

    Each equals its exact function on all rows added, up to the rounding of float64 sums. A row whose probability is
    NaN makes every result NaN.

    Args:
        bins: Buckets of the ECE.
        epsilon: Where probabilities are cut before a logarithm.

    Example:
        >>> sums = BinarySums().add([1, 0], [0.5, 0.5]).merge(BinarySums().add([0, 0], [0.25, 0.25]))
        >>> round(sums.logloss(), 6), sums.calibration_ratio()
        (0.490415, 1.5)
    """

    def __init__(self, *, bins: int = BINS, epsilon: float = EPSILON) -> None:
        if bins < 1:
            raise ValueError(f"bins must be at least 1. Received: {bins}.")
        self.bins = bins
        self.epsilon = epsilon
        self._totals: Floats = np.zeros(7)
        self._gaps: Floats = np.zeros(bins)  # summed weight * (prediction - label) by bucket

    def add(self, labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> BinarySums:
        """Add rows; arguments and errors as in `tfctr.training.metrics.logloss.logloss`."""
        return self.add_rows(read_rows(labels, probabilities, weights))

    def add_rows(self, rows: Rows) -> BinarySums:
        """Add rows already read."""
        nan = np.isnan(rows.scores)
        self._totals[_NANS] += nan.sum()
        y, p, w = (column[~nan] for column in rows) if nan.any() else rows
        gap = p - y
        self._totals[_ROWS] += len(y)
        self._totals[_WEIGHT] += w.sum()
        # Sums of products, not dot products: BLAS splits those over threads that wait for each other.
        self._totals[_LABEL] += np.sum(w * y)
        self._totals[_PREDICTION] += np.sum(w * p)
        self._totals[_LOSS] += np.sum(w * row_loss(y, p, self.epsilon))
        self._totals[_SQUARE] += np.sum(w * gap * gap)
        self._gaps += summed_by(width_bins(p, self.bins), w * gap, self.bins)
        return self

    def merge(self, other: BinarySums) -> BinarySums:
        """Add the rows of `other`.

        Raises:
            ValueError: It was made with other settings.
        """
        if (self.bins, self.epsilon) != (other.bins, other.epsilon):
            raise ValueError(
                f"Only sums of equal settings merge. Received: bins={self.bins}, epsilon={self.epsilon} "
                f"and bins={other.bins}, epsilon={other.epsilon}."
            )
        self._totals += other._totals
        self._gaps += other._gaps
        return self

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Everything needed to go on elsewhere."""
        return {
            "totals": self._totals.copy(),
            "gaps": self._gaps.copy(),
            "settings": np.array([self.bins, self.epsilon]),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[np.float64]]) -> BinarySums:
        """The accumulator that gave this state."""
        bins, epsilon = state["settings"]
        sums = cls(bins=int(bins), epsilon=float(epsilon))
        sums._totals = np.array(state["totals"])
        sums._gaps = np.array(state["gaps"])
        return sums

    @property
    def rows(self) -> int:
        """Rows of weight above 0 added, those with NaN included."""
        return int(self._totals[_ROWS] + self._totals[_NANS])

    @property
    def nan_rows(self) -> int:
        """Rows whose probability was NaN."""
        return int(self._totals[_NANS])

    def mean_label(self) -> float:
        """Weighted mean label: the observed click rate."""
        return self._ratio(_LABEL, _WEIGHT)

    def mean_prediction(self) -> float:
        """Weighted mean probability."""
        return self._ratio(_PREDICTION, _WEIGHT)

    def logloss(self) -> float:
        """Mean cross entropy, nats."""
        return self._ratio(_LOSS, _WEIGHT)

    def normalized_entropy(self) -> float:
        """Logloss over the entropy of the mean label; NaN for one class."""
        return loss_over_entropy(self.logloss(), self.mean_label())

    def relative_information_gain(self) -> float:
        """1 - normalized entropy."""
        return 1 - self.normalized_entropy()

    def brier(self) -> float:
        """Mean squared error of the probability."""
        return self._ratio(_SQUARE, _WEIGHT)

    def calibration_ratio(self) -> float:
        """Mean prediction over mean label; NaN without positives."""
        return self._ratio(_PREDICTION, _LABEL)

    def expected_calibration_error(self) -> float:
        """ECE with equal-width buckets."""
        weight = self._totals[_WEIGHT]
        if self.nan_rows or weight <= 0:
            return float("nan")
        return float(np.abs(self._gaps).sum() / weight)

    def _ratio(self, above: int, below: int) -> float:
        if self.nan_rows or self._totals[below] <= 0:
            return float("nan")
        return float(self._totals[above] / self._totals[below])

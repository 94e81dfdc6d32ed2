"""What a model must beat to be worth its cost."""

from __future__ import annotations

import numpy as np


class Popularity:
    """Answer each candidate's smoothed rate in training, whoever asks.

    ``rate(i) = (positives_i + s · overall) / (rows_i + s)``; an id never seen in training gets the overall rate.

    Args:
        smoothing: Rows of the overall rate that each id starts with.

    Example:
        >>> import numpy as np
        >>> popularity = Popularity(smoothing=2.0).fit(np.array([7, 7, 9, 9]), np.array([1, 1, 0, 1]))
        >>> popularity.predict(np.array([7, 9, 5])).tolist()
        [0.875, 0.625, 0.75]
    """

    def __init__(self, smoothing: float = 20.0):
        if smoothing <= 0:
            raise ValueError(f"smoothing is a number of rows and above 0. Received: {smoothing}")
        self.smoothing = smoothing
        self.overall = float("nan")
        self._ids = np.zeros(0, np.int64)
        self._rates = np.zeros(0)

    def fit(self, ids: np.ndarray, labels: np.ndarray) -> Popularity:
        """Learn the rates from ids ``(rows,)``, numbers or text, and 0/1 labels ``(rows,)``; return self."""
        self._ids, position = np.unique(ids, return_inverse=True)
        self.overall = float(np.mean(labels)) if len(labels) else float("nan")
        positives = np.bincount(position, weights=np.asarray(labels, np.float64))
        rows = np.bincount(position)
        self._rates = (positives + self.smoothing * self.overall) / (rows + self.smoothing)
        return self

    def predict(self, ids: np.ndarray) -> np.ndarray:
        """Return the rate of each id, float64 ``(rows,)``."""
        if not len(self._ids):
            return np.full(len(ids), self.overall)
        position = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return np.where(self._ids[position] == ids, self._rates[position], self.overall)

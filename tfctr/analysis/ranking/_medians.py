"""Medians over the batches of a stream, in memory that does not grow with it."""

from __future__ import annotations

import numpy as np

KEPT = 256
"""Scores kept of each subject: up to so many batches the median is exact, then that of a random sample of them."""


class Medians:
    """The median of each of several figures of many subjects.

    Args:
        subjects: How many there are.
        figures: Figures a subject.
        seed: Of the sample, once there are more than `KEPT` scores.

    Example:
        >>> medians = Medians(2, 1)
        >>> for score in (1.0, 9.0, 2.0):
        ...     medians.add(np.array([0]), np.array([[score]]))
        >>> medians.result().tolist(), medians.counts.tolist()
        ([[2.0], [nan]], [3, 0])
    """

    def __init__(self, subjects: int, figures: int, seed: int = 0):
        self.counts = np.zeros(subjects, dtype=np.int64)
        self._kept = np.full((subjects, 4, figures), np.nan, dtype=np.float32)
        self._generator = np.random.default_rng([seed, 7])

    def add(self, subjects: np.ndarray, scores: np.ndarray) -> None:
        """Take one more score of some subjects.

        Args:
            subjects: Different ones, int64 ``(n,)``.
            scores: ``(n, figures)``.
        """
        before = self.counts[subjects]
        self.counts[subjects] += 1
        while len(before) and before.max() >= self._kept.shape[1] < KEPT:
            self._kept = np.concatenate([self._kept, np.full_like(self._kept, np.nan)], axis=1)
        places = before.copy()
        full = before >= KEPT
        if full.any():  # a score that comes n-th stays with probability KEPT / n (reservoir sampling)
            places[full] = self._generator.integers(0, before[full] + 1)
        stays = places < KEPT
        self._kept[subjects[stays], places[stays]] = scores[stays]

    def result(self) -> np.ndarray:
        """Return the medians, float64 ``(subjects, figures)``; NaN for subjects never scored."""
        found = np.full((self._kept.shape[0], self._kept.shape[2]), np.nan)
        scored = self.counts > 0
        if scored.any():
            found[scored] = np.nanmedian(self._kept[scored], axis=1)
        return found

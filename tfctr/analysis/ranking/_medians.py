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
        self._scores = np.full((subjects, 4, figures), np.nan, dtype=np.float32)
        self._generator = np.random.default_rng([seed, 7])

    def add(self, subjects: np.ndarray, scores: np.ndarray) -> None:
        """Take one more score of some subjects.

        Args:
            subjects: Different ones, int64 ``(n,)``.
            scores: ``(n, figures)``.
        """
        before = self.counts[subjects]
        self.counts[subjects] += 1
        while len(before) and before.max() >= self._scores.shape[1] < KEPT:
            self._scores = np.concatenate([self._scores, np.full_like(self._scores, np.nan)], axis=1)
        positions = before.copy()
        full = before >= KEPT
        if full.any():  # a score that comes n-th stays with probability KEPT / n (reservoir sampling)
            positions[full] = self._generator.integers(0, before[full] + 1)
        stays = positions < KEPT
        self._scores[subjects[stays], positions[stays]] = scores[stays]

    def result(self) -> np.ndarray:
        """Return the medians, float64 ``(subjects, figures)``; NaN for subjects never scored."""
        found = np.full((self._scores.shape[0], self._scores.shape[2]), np.nan)
        scored = self.counts > 0
        if scored.any():
            found[scored] = np.nanmedian(self._scores[scored], axis=1)
        return found

"""Decisions at a threshold: the four counts, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics._kinds_of_rows import ratio
from tfctr.training.metrics.metric_inputs import Floats, Rows, read_rows
from tfctr.training.metrics.sum_metric import SumMetric

_TP, _FP, _FN, _TN = range(4)


@dataclass(frozen=True)
class Confusion:
    """Summed weights of the four kinds of row; two of them add up, so that it is its own accumulator.

    What is undefined is NaN: precision without a predicted positive, recall without a positive, and what they enter.

    Args:
        true_positives, false_positives: Rows that were decided for, with label 1 and 0.
        false_negatives, true_negatives: Rows that were decided against, with label 1 and 0.

    Example:
        >>> half = confusion([1, 0], [0.9, 0.6], threshold=0.5)
        >>> (half + confusion([1, 0], [0.2, 0.1], threshold=0.5)).precision
        0.5
    """

    true_positives: float = 0.0
    false_positives: float = 0.0
    false_negatives: float = 0.0
    true_negatives: float = 0.0

    def __add__(self, other: Confusion) -> Confusion:
        """Put the rows of both together."""
        return Confusion(*(self._counts() + other._counts()).tolist())

    def _counts(self) -> Floats:
        return np.array([self.true_positives, self.false_positives, self.false_negatives, self.true_negatives])

    @property
    def accuracy(self) -> float:
        """Share of rows that were decided rightly."""
        return float(_accuracy(self._counts()))

    @property
    def precision(self) -> float:
        """Share of label 1 among the rows that were decided for."""
        return float(_precision(self._counts()))

    @property
    def recall(self) -> float:
        """Share of the rows with label 1 that were decided for: the true positive rate."""
        return float(_recall(self._counts()))

    @property
    def false_positive_rate(self) -> float:
        """Share of the rows with label 0 that were decided for."""
        return float(_false_positive_rate(self._counts()))

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return self.f_beta(1.0)

    @property
    def lift(self) -> float:
        """Precision over the share of label 1 among all rows: 2 means twice as many as by chance."""
        return float(_lift(self._counts()))

    def f_beta(self, beta: float) -> float:
        """Return `(1 + beta^2) P R / (beta^2 P + R)`, which counts recall `beta` times as much as precision.

        It is 0 when there are rows of label 1 and none was found; NaN when there is neither such a row nor a decision
        for one.
        """
        return float(_f_beta(self._counts(), beta))


def confusion(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None, *, threshold: float = 0.5
) -> Confusion:
    """Count the decisions "score at or above the threshold".

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        scores: Any scores, same number of rows.
        weights: Row weights, at least 0; None means 1 each.
        threshold: Where the decision changes.

    Returns:
        The counts; all NaN when a score is.

    Raises:
        ValueError: Shapes differ, a label is not 0 or 1, or a weight is negative.

    Example:
        >>> counts = confusion([1, 0, 0, 1, 0, 1], [4.5, 3.5, 2, 3, 2.5, 4], threshold=3.5)
        >>> round(counts.precision, 4), round(counts.recall, 4), round(counts.false_positive_rate, 4)
        (0.6667, 0.6667, 0.3333)
    """
    rows = read_rows(labels, scores, weights, probabilities=False)
    return Confusion(*np.sum(rows.weights[:, None] * _cells(rows, threshold), axis=0).tolist())


def threshold_metrics(threshold: float = 0.5, beta: float = 1.0) -> dict[str, SumMetric]:
    """Return accuracy, precision, recall, false_positive_rate, f_beta and lift by name.

    They are for streams, means over users and intervals; `confusion` gives the same figures of rows.

    Args:
        threshold: Where the decision changes.
        beta: Of f_beta.
    """
    figures = {
        "accuracy": _accuracy,
        "precision": _precision,
        "recall": _recall,
        "false_positive_rate": _false_positive_rate,
        "f_beta": lambda counts: _f_beta(counts, beta),
        "lift": _lift,
    }
    return {
        name: SumMetric(name, lambda rows: _cells(rows, threshold), figure, "scores")
        for name, figure in figures.items()
    }


def _cells(rows: Rows, threshold: float) -> Floats:
    """Which of the four kinds each row is, `(rows, 4)`; NaN where its score is."""
    decided = rows.scores >= threshold
    positive = rows.labels > 0
    cells = np.stack(
        [decided & positive, decided & ~positive, ~decided & positive, ~decided & ~positive], axis=1
    ).astype(np.float64)
    cells[np.isnan(rows.scores)] = np.nan
    return cells


def _accuracy(counts: Floats) -> Floats:
    return ratio(counts[..., _TP] + counts[..., _TN], counts.sum(axis=-1))


def _precision(counts: Floats) -> Floats:
    return ratio(counts[..., _TP], counts[..., _TP] + counts[..., _FP])


def _recall(counts: Floats) -> Floats:
    return ratio(counts[..., _TP], counts[..., _TP] + counts[..., _FN])


def _false_positive_rate(counts: Floats) -> Floats:
    return ratio(counts[..., _FP], counts[..., _FP] + counts[..., _TN])


def _f_beta(counts: Floats, beta: float) -> Floats:
    hits = (1 + beta**2) * counts[..., _TP]
    return ratio(hits, hits + beta**2 * counts[..., _FN] + counts[..., _FP])


def _lift(counts: Floats) -> Floats:
    return ratio(_precision(counts), ratio(counts[..., _TP] + counts[..., _FN], counts.sum(axis=-1)))

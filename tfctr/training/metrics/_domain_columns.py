"""Figures of groups of rows, by kind of task: one pass over the rows, whatever the number of groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._auc import auc_by_group
from tfctr.training.metrics._evaluate_survival import restricted_life, row_nll
from tfctr.training.metrics._logloss import row_loss
from tfctr.training.metrics._survival_rows import SurvivalRows, read_survival
from tfctr.training.metrics.concordance import concordance_by_group
from tfctr.training.metrics.metric_inputs import EPSILON, Floats, Rows

Columns = dict[str, Floats]


@dataclass(frozen=True)
class Groups:
    """Which group each row is of, and what it weighs.

    Attributes:
        index: Group of each row, ``(rows,)``.
        count: Number of groups.
        weights: Of the rows, ``(rows,)``.
    """

    index: NDArray[np.int64]
    count: int
    weights: Floats

    def rows(self) -> Floats:
        """Return how many rows each group has, ``(groups,)``."""
        return np.bincount(self.index, minlength=self.count).astype(np.float64)

    def weight(self) -> Floats:
        """Return what they weigh together, ``(groups,)``."""
        return np.bincount(self.index, self.weights, self.count).astype(np.float64)

    def mean(self, values: Floats) -> Floats:
        """Return the weighted mean of values ``(rows,)`` in each group, ``(groups,)``."""
        return np.asarray(np.bincount(self.index, self.weights * values, self.count) / self.weight())

    def any(self, marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return whether a row of each group is marked, ``(groups,)``."""
        return np.asarray(np.bincount(self.index, marks, self.count) > 0)


def event_columns(rows: Rows, groups: Groups) -> Columns:
    """Return the figures of probabilities."""
    y, p, _ = rows
    auc = auc_by_group(groups.index, rows)[0] if len(y) else np.zeros(0)
    return {
        "rows": groups.rows(),
        "mean_label": groups.mean(y),
        "mean_prediction": groups.mean(p),
        "logloss": groups.mean(row_loss(y, p, EPSILON)),
        "auc": np.where(groups.any(np.isnan(p)), np.nan, auc),
    }


def number_columns(rows: Rows, groups: Groups) -> Columns:
    """Return the figures of numbers; an infinite prediction counts as none."""
    y, p, _ = rows
    p = np.where(np.isfinite(p), p, np.nan)
    return {
        "rows": groups.rows(),
        "mean_label": groups.mean(y),
        "mean_prediction": groups.mean(p),
        "rmse": np.sqrt(groups.mean((p - y) ** 2)),
        "mae": groups.mean(np.abs(p - y)),
    }


class Lives(NamedTuple):
    """Durations and predicted curves of the rows that count.

    Attributes:
        rows: The durations.
        curves: Probability of lasting beyond each cut point, ``(rows, cut points)``.
        cut_points: Upper ends of the intervals.
    """

    rows: SurvivalRows
    curves: Floats
    cut_points: Sequence[float]


def read_lives(labels: ArrayLike, curves: ArrayLike, cut_points: Sequence[float], weights: ArrayLike | None) -> Lives:
    """Check and convert signed durations and curves; rows of weight 0 are left out.

    Raises:
        ValueError: Shapes differ, or as `read_survival`.
    """
    signed, predicted = np.asarray(labels, np.float64).reshape(-1), np.asarray(curves, np.float64)
    rows = read_survival(np.abs(signed), signed > 0, weights)
    if predicted.shape != (len(signed), len(cut_points)):
        raise ValueError(
            f"predictions of durations must have one column a cut point, shape ({len(signed)}, {len(cut_points)}). "
            f"Received: {predicted.shape}."
        )
    return Lives(rows, predicted[rows.kept], cut_points)


def life_columns(lives: Lives, groups: Groups) -> Columns:
    """Return the figures of curves."""
    return {
        "rows": groups.rows(),
        "event_share": groups.mean(lives.rows.events.astype(np.float64)),
        "nll": groups.mean(row_nll(*lives)),
        "c_index": concordance_by_group(
            groups.index, groups.count, lives.rows, restricted_life(lives.curves, lives.cut_points)
        ),
    }

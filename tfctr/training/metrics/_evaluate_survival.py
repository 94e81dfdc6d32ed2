"""All figures of predicted survival curves at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics._survival_rows import SurvivalRows, read_survival
from tfctr.training.metrics.concordance import concordance_index
from tfctr.training.metrics.metric_inputs import Floats
from tfctr.training.metrics.survival_curves import integrated_brier, survival_brier

_SMALLEST = 1e-300
"""Probability of lasting, and duration, below which nothing is told apart."""


def evaluate_survival(
    durations: ArrayLike,
    events: ArrayLike,
    curves: ArrayLike,
    cut_points: Sequence[float],
    weights: ArrayLike | None = None,
) -> dict[str, float]:
    """Return the figures of survival curves on the rows of weight above 0.

    Args:
        durations: Time until the event or until the row was last seen, ``(rows,)``.
        events: 1 where the event was seen, else 0, ``(rows,)``.
        curves: Predicted probability of lasting beyond each cut point, ``(rows, cut points)``.
        cut_points: Upper ends of the intervals, the first of which begins at 0; at least two.
        weights: Row weights, at least 0; None means 1 each.

    Returns:
        rows, event_share, c_index (of the expected life up to the last cut point), brier (integrated over the cut
        points at which it is defined), nll (the mean negative log-likelihood of `SurvivalLoss`) and ``brier@t`` at each
        cut point t. What is undefined is NaN, and so is brier when a prediction is.

    Raises:
        ValueError: As `read_survival` and `survival_brier`.
    """
    rows = read_survival(durations, events, weights)
    predicted = np.asarray(curves, np.float64)
    scores = survival_brier(durations, events, predicted, cut_points, weights)
    broken = np.isnan(predicted[rows.kept]).any()  # not to be mistaken for cut points that no row was watched until
    figures = {
        "rows": float(len(rows.durations)),
        "event_share": float(rows.weights @ rows.events / rows.weights.sum()) if len(rows.weights) else float("nan"),
        "c_index": concordance_index(durations, events, restricted_life(predicted, cut_points), weights),
        "brier": float("nan") if broken else integrated_brier(scores, cut_points),
    }
    figures["nll"] = survival_nll(durations, events, predicted, cut_points, weights)
    figures |= {f"brier@{time:g}": float(score) for time, score in zip(cut_points, scores, strict=True)}
    return figures


def survival_nll(
    durations: ArrayLike,
    events: ArrayLike,
    curves: ArrayLike,
    cut_points: Sequence[float],
    weights: ArrayLike | None = None,
) -> float:
    """Return the weighted mean of the negative log-likelihood, intervals and censoring as in `SurvivalLoss`.

    Args:
        durations: Time until the event or until the row was last seen, ``(rows,)``.
        events: 1 where the event was seen, else 0, ``(rows,)``.
        curves: Predicted probability of lasting beyond each cut point, ``(rows, cut points)``.
        cut_points: Upper ends of the intervals, the first of which begins at 0.
        weights: Row weights, at least 0; None means 1 each.

    Returns:
        In nats; hazards are cut to at least 1e-12 and at most 1 - 1e-12. NaN when there are no rows.
    """
    rows = read_survival(durations, events, weights)
    if not len(rows.durations):
        return float("nan")
    losses = row_nll(rows, np.asarray(curves, np.float64)[rows.kept], cut_points)
    return float(rows.weights @ losses / rows.weights.sum())


def row_nll(rows: SurvivalRows, curves: Floats, cut_points: Sequence[float]) -> Floats:
    """Return the negative log-likelihood of each row that counts, ``(rows,)``; see `survival_nll`."""
    after = np.maximum(curves, _SMALLEST)
    before = np.column_stack([np.ones(len(after)), after[:, :-1]])
    hazard = np.clip(1 - after / before, 1e-12, 1 - 1e-12)
    upper = np.asarray(cut_points, np.float64)
    lower = np.r_[0.0, upper[:-1]]
    time, seen = np.maximum(rows.durations, _SMALLEST)[:, None], rows.events[:, None]
    survived = np.where(seen, time > upper, time >= (lower + upper) / 2)
    ended = seen & (time > lower) & (time <= upper)
    return np.asarray(-np.sum(survived * np.log1p(-hazard) + ended * np.log(hazard), axis=1))


def restricted_life(curves: Floats, cut_points: Sequence[float]) -> Floats:
    """Return the expected life up to the last cut point, ``sum_l S_(l-1) (t_l - t_(l-1))``, float64 ``(rows,)``.

    Args:
        curves: Probability of lasting beyond each cut point, ``(rows, cut points)``.
        cut_points: Upper ends of the intervals, the first of which begins at 0.
    """
    before = np.column_stack([np.ones(len(curves)), np.asarray(curves, np.float64)[:, :-1]])
    return np.asarray(before @ np.diff(np.r_[0.0, np.asarray(cut_points, np.float64)]))

"""Kaplan–Meier and life-table estimates, and the Brier score of predicted survival curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics._survival_rows import SurvivalRows, read_survival
from tfctr.training.metrics.metric_inputs import Floats


class KaplanMeier:
    """The survival curve of all rows together, a step function.

    Args:
        durations: Time until the event or until the row was last seen, ``(rows,)``.
        events: 1 where the event was seen, else 0, ``(rows,)``.
        weights: Row weights, at least 0; None means 1 each.
        of_censoring: Estimate how long rows stay uncensored instead; at one time, events come before censoring.

    Raises:
        ValueError: As `read_survival`.

    Example:
        >>> curve = KaplanMeier([1, 2, 3], [1, 0, 1])
        >>> curve([1, 2.5, 3]).round(4).tolist(), curve.before([1]).tolist()
        ([0.6667, 0.6667, 0.0], [1.0])

    Reference: Kaplan and Meier, "Nonparametric estimation from incomplete observations", JASA 53, 1958.
    """

    def __init__(
        self, durations: ArrayLike, events: ArrayLike, weights: ArrayLike | None = None, *, of_censoring: bool = False
    ):
        rows = read_survival(durations, events, weights)
        self.times, index = np.unique(rows.durations, return_inverse=True)
        ended = np.bincount(index, rows.weights * rows.events, len(self.times))
        left = np.bincount(index, rows.weights, len(self.times))
        at_risk = np.cumsum(left[::-1])[::-1]
        if of_censoring:
            at_risk, ended = at_risk - ended, left - ended
        safe = np.where(ended > 0, at_risk, 1.0)
        steps = np.where(ended > 0, 1 - ended / safe, 1.0)
        self.values = np.cumprod(np.maximum(steps, 0.0))

    def __call__(self, times: ArrayLike) -> Floats:
        """Return the probability of lasting beyond each time, ``(times,)``."""
        return self._at(np.searchsorted(self.times, times, side="right"))

    def before(self, times: ArrayLike) -> Floats:
        """Return the probability of lasting until just before each time, ``(times,)``."""
        return self._at(np.searchsorted(self.times, times, side="left"))

    def _at(self, steps: np.ndarray) -> Floats:
        values: Floats = np.r_[1.0, self.values][steps]
        return values


def life_table(
    durations: ArrayLike, events: ArrayLike, cut_points: Sequence[float], weights: ArrayLike | None = None
) -> Floats:
    """Return the hazard of each interval for all rows together: events in it over rows at risk, ``(intervals,)``.

    It is what a model without features learns; censored rows are at risk in intervals of which they lived through
    half, as in `SurvivalLoss`. An interval that nobody reaches has NaN.

    Args:
        durations: Time until the event or until the row was last seen, ``(rows,)``.
        events: 1 where the event was seen, else 0, ``(rows,)``.
        cut_points: Upper ends of the intervals, the first of which begins at 0.
        weights: Row weights, at least 0; None means 1 each.

    Example:
        >>> life_table([1, 2, 3, 9], [1, 0, 1, 0], (2, 4)).round(3).tolist()
        [0.25, 0.5]
    """
    rows = read_survival(durations, events, weights)
    upper = np.asarray(cut_points, np.float64)
    lower = np.r_[0.0, upper[:-1]]
    time, seen = rows.durations[:, None], rows.events[:, None]
    ended = seen & (time > lower) & (time <= upper) | (seen & (time == 0) & (lower == 0))
    survived = np.where(seen, time > upper, time >= (lower + upper) / 2)
    events_in = rows.weights @ ended
    at_risk = events_in + rows.weights @ survived
    rates: Floats = np.full(len(upper), np.nan)
    np.divide(events_in, at_risk, out=rates, where=at_risk > 0)
    return rates


def survival_brier(
    durations: ArrayLike,
    events: ArrayLike,
    curves: ArrayLike,
    times: Sequence[float],
    weights: ArrayLike | None = None,
) -> Floats:
    """Mean squared error of the probability of lasting beyond each time, censored rows weighted out, ``(times,)``.

    ``BS(t) = mean[ S_i(t)² 1(t_i <= t, event) / G(t_i-) + (1 - S_i(t))² 1(t_i > t) / G(t) ]``, where G is the
    Kaplan–Meier estimate of staying uncensored, of these very rows: rows of which the outcome at t is known stand for
    those that were censored before.

    Args:
        durations: Time until the event or until the row was last seen, ``(rows,)``.
        events: 1 where the event was seen, else 0, ``(rows,)``.
        curves: Predicted probability of lasting beyond each time, ``(rows, times)``.
        times: When to look, ascending.
        weights: Row weights, at least 0; None means 1 each.

    Returns:
        One number a time; NaN when there are no rows, a prediction is NaN, or a time lies beyond the end of the last
        row, if that row is censored: what became of the rows still there then, nobody knows.

    Raises:
        ValueError: Shapes differ, or as `read_survival`.

    Example:
        >>> survival_brier([1, 3], [1, 1], [[0.2], [0.9]], [2]).round(4).tolist()
        [0.025]

    Reference: Graf et al., "Assessment and comparison of prognostic classification schemes for survival data",
    Statistics in Medicine 18, 1999, equation 5.
    """
    rows = read_survival(durations, events, weights)
    predicted = np.asarray(curves, np.float64)
    if predicted.shape != (len(rows.kept), len(times)):
        raise ValueError(f"curves must have shape ({len(rows.kept)}, {len(times)}). Received: {predicted.shape}.")
    if not len(rows.durations):
        return np.full(len(times), np.nan)
    return _brier(rows, predicted[rows.kept], np.asarray(times, np.float64))


def _brier(rows: SurvivalRows, predicted: Floats, times: Floats) -> Floats:
    uncensored = KaplanMeier(rows.durations, rows.events, rows.weights, of_censoring=True)
    until_event, until_time = uncensored.before(rows.durations), uncensored(times)  # (rows,), (times,)
    ended = (rows.durations[:, None] <= times) & rows.events[:, None]  # (rows, times)
    alive = rows.durations[:, None] > times  # (rows, times)
    # Where somebody is alive, or ended with an event, the estimate of staying uncensored until then is above 0; it is 0
    # from the last row on, if that row is censored: no row stands for those that it was left of.
    share = np.where(ended, 1 / np.where(until_event > 0, until_event, 1.0)[:, None], 0.0)
    share = share + np.where(alive, 1 / np.where(until_time > 0, until_time, 1.0), 0.0)
    errors = np.where(ended, predicted**2, (1 - predicted) ** 2)  # (rows, times)
    found = rows.weights @ (share * errors) / rows.weights.sum()  # (times,)
    found[np.isnan(predicted).any(axis=0) | (until_time <= 0)] = np.nan
    return np.asarray(found)


def integrated_brier(scores: ArrayLike, times: Sequence[float]) -> float:
    """Mean of Brier scores over the time between the first and the last that are defined, by the trapezoid rule.

    Args:
        scores: Of `survival_brier`, ``(times,)``; those that are NaN are left out.
        times: At least two, ascending.

    Returns:
        The mean; the score itself when there is one alone, NaN when there is none.

    Example:
        >>> round(integrated_brier([0.1, 0.2], [1, 3]), 4)
        0.15
    """
    values, when = np.asarray(scores, np.float64), np.asarray(times, np.float64)
    values, when = values[~np.isnan(values)], when[~np.isnan(values)]
    if len(values) < 2:
        return float(values[0]) if len(values) else float("nan")
    return float(np.sum((values[1:] + values[:-1]) / 2 * np.diff(when)) / (when[-1] - when[0]))

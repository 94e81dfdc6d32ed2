"""Calibration slope and intercept: the logistic curve that would repair the predictions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics.metric_inputs import Floats, read_rows, reason_of, to_logit

_MAX_STEPS = 200
# The step after one this small is at the rounding of float64: Newton's method squares the error.
_TOLERANCE = 1e-9
# A cell that reaches further than this from its mean, on the scale of the repaired logit, is too wide to be expanded.
_WIDEST = 1.0


class Recalibration(NamedTuple):
    """Slope and intercept of the logistic recalibration, and how far they can be off.

    Args:
        slope: 1 is right; below 1 the predictions are too extreme (overfitted), above 1 too timid; negative: reversed.
        intercept: 0 is right when the slope is 1; above 0 the predictions are too low.
        slope_error, intercept_error: Bound of the error, 0 when computed from single rows.
    """

    slope: float
    intercept: float
    slope_error: float = 0.0
    intercept_error: float = 0.0


UNDEFINED = Recalibration(float("nan"), float("nan"), float("nan"), float("nan"))


class LogitCells(NamedTuple):
    """Rows put together by logit: all that the fit needs to know of them, float64 `(cells,)` each.

    Args:
        weight: Summed weight, above 0.
        mean: Weighted mean logit.
        spread: `sum w (logit - mean)^2`, 0 where a cell is one value.
        reach: Largest possible distance of a logit in the cell from the mean.
    """

    weight: Floats
    mean: Floats
    spread: Floats
    reach: Floats


def recalibration(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> Recalibration:
    """Maximum-likelihood fit of `P(y = 1) = sigmoid(intercept + slope * logit(p))` on the given rows.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: In [0, 1], same number of rows; cut to [1e-7, 1 - 1e-7] before the logit.
        weights: Row weights, at least 0; None means 1 each.

    Returns:
        Slope and intercept. NaN both when they do not exist: no rows, one class only, a NaN among the probabilities,
        all probabilities equal, or classes that a threshold separates without error (the likelihood then grows
        without end).

    Raises:
        ValueError: Shapes differ, a label is not 0 or 1, a probability is outside [0, 1], or a weight is negative.

    Example:
        >>> fit = recalibration([0, 0, 1, 0, 1, 1], [0.02, 0.02, 0.02, 0.98, 0.98, 0.98])
        >>> round(fit.slope, 4), abs(round(fit.intercept, 4))
        (0.1781, 0.0)

    Reference: Cox, "Two further applications of a model for binary regression", Biometrika 1958; Van Calster et al.,
    "A calibration hierarchy for risk models was defined", J. Clin. Epidemiol. 2016.
    """
    rows = read_rows(labels, probabilities, weights)
    if reason_of(rows) is not None:
        return UNDEFINED
    x, y, w = to_logit(rows.scores), rows.labels, rows.weights
    if separable((x[y == 0].min(), x[y == 0].max()), (x[y == 1].min(), x[y == 1].max())):
        return UNDEFINED
    nothing = np.zeros_like(x)
    return fit_cells(LogitCells(w, x, nothing, nothing), float(np.sum(w * y)), float(np.sum(w * y * x)))


def calibration_slope(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Slope of `recalibration`: 1 is right, below 1 too extreme, above 1 too timid."""
    return recalibration(labels, probabilities, weights).slope


def separable(negatives: tuple[float, float], positives: tuple[float, float]) -> bool:
    """Whether one threshold splits the classes, given (lowest, highest) logit of each; true also for one value."""
    return negatives[1] <= positives[0] or positives[1] <= negatives[0]


def fit_cells(cells: LogitCells, positives: float, positive_logits: float) -> Recalibration:
    """Newton's method on the log-likelihood of cells, each expanded to second order around its mean logit.

    With eta = a + b * mean, `s(eta) = log(1 + e^eta)`:
    `likelihood(a, b) = a P + b Q - sum_cells [W s(eta) + b^2 V s''(eta) / 2]`, where P and Q are the exact sums of
    w y and w y logit. The remainder of the expansion bounds the gradient's error; multiplied by the inverse of the
    Hessian it bounds the parameters' (to first order). With single rows as cells (V = 0) all is exact. Cells too wide
    for the expansion give NaN: nothing can be said then.

    Args:
        cells: Cells of rows; more than one value of the mean.
        positives: P, summed weight of the positives.
        positive_logits: Q, summed weight times logit of the positives.
    """
    total = cells.weight.sum()
    centre = float(np.sum(cells.weight * cells.mean) / total)
    scale = float(np.sqrt(np.sum(cells.weight * (cells.mean - centre) ** 2 + cells.spread) / total))
    z = LogitCells(
        cells.weight / total,
        (cells.mean - centre) / scale,
        cells.spread / (total * scale * scale),
        cells.reach / scale,
    )
    target = np.array([positives, (positive_logits - centre * positives) / scale]) / total
    theta = _newton(z, target)
    if theta is None or np.any(abs(theta[1]) * z.reach[z.spread > 0] > _WIDEST):
        return UNDEFINED
    hessian, remainder = _gradient(z, target, theta)[1], _remainder(z, float(theta[1]))
    errors = np.abs(np.linalg.inv(hessian)) @ remainder
    slope = theta[1] / scale
    return Recalibration(
        float(slope),
        float(theta[0] - slope * centre),
        float(errors[1] / scale),
        float(errors[0] + abs(centre) * errors[1] / scale),
    )


def _newton(cells: LogitCells, target: Floats) -> Floats | None:
    """Maximise the likelihood with halved steps where a full one does not raise it; None if it does not end."""
    theta: Floats = np.array([0.0, 0.0])
    value = _likelihood(cells, target, theta)
    for _ in range(_MAX_STEPS):
        gradient, hessian = _gradient(cells, target, theta)
        determinant = hessian[0, 0] * hessian[1, 1] - hessian[0, 1] ** 2
        if not determinant > 0:  # flat to the last digit, or NaN
            return None
        step = np.linalg.solve(hessian, gradient)
        shrink = 1.0
        # Near the top the likelihood is flat and falls by rounding alone; that must not stop a good step.
        floor = value - 1e-12 * (1 + abs(value))
        while shrink > 1e-10 and _likelihood(cells, target, theta + shrink * step) < floor:
            shrink /= 2
        theta = theta + shrink * step
        if shrink <= 1e-10 or np.max(np.abs(step)) <= _TOLERANCE * (1 + np.max(np.abs(theta))):
            return theta
        value = _likelihood(cells, target, theta)
    return None


def _likelihood(cells: LogitCells, target: Floats, theta: Floats) -> float:
    a, b = theta
    eta = a + b * cells.mean
    probability = _sigmoid(eta)
    curvature = probability * (1 - probability)
    softplus = np.logaddexp(0, eta)
    return float(target @ theta - np.sum(cells.weight * softplus + b * b * cells.spread * curvature / 2))


def _gradient(cells: LogitCells, target: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """Gradient of the likelihood, and the negative Hessian without its terms of higher order, `(2,)` and `(2, 2)`."""
    a, b = theta
    mean, spread = cells.mean, cells.spread
    probability = _sigmoid(a + b * mean)
    v = probability * (1 - probability)
    third = v * (1 - 2 * probability) * spread * b * b / 2
    first = np.array(
        [
            np.sum(cells.weight * probability + third),
            np.sum((cells.weight * probability + third) * mean + b * spread * v),
        ]
    )
    wv = cells.weight * v
    cross = np.sum(wv * mean)
    hessian = np.array([[np.sum(wv), cross], [cross, np.sum(wv * mean * mean + spread * v)]])
    return target - first, hessian


def _remainder(cells: LogitCells, b: float) -> Floats:
    """Bound of what the gradient leaves out, `(2,)`: Taylor's third term, with |s'''| <= 0.0963 and |s''''| <= 1/8."""
    cubes = cells.spread * cells.reach
    intercept = np.sum(cubes) * abs(b) ** 3 / 48
    slope = np.sum(cubes * (3 * 0.0963 * b * b + (np.abs(cells.mean) + cells.reach) * abs(b) ** 3 / 8)) / 6
    return np.array([intercept, slope])


def _sigmoid(values: Floats) -> Floats:
    result: Floats = np.exp(-np.logaddexp(0, -values))
    return result

"""How far predicted numbers, such as stars, are from the true ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics._kinds_of_rows import ratio
from tfctr.training.metrics.metric_inputs import Floats, Rows
from tfctr.training.metrics.sum_metric import SumMetric


def _errors(rows: Rows) -> Floats:
    """Weight, absolute and squared error of each row."""
    gap = rows.scores - rows.labels
    return np.stack([np.ones_like(gap), np.abs(gap), gap * gap], axis=1)


def _squares(rows: Rows) -> Floats:
    """Weight, label, squared label and squared error of each row."""
    gap = rows.scores - rows.labels
    return np.stack([np.ones_like(gap), rows.labels, rows.labels**2, gap * gap], axis=1)


def _explained(sums: Floats) -> Floats:
    weight, label, square, error = np.moveaxis(sums, -1, 0)
    return 1 - ratio(error, square - ratio(label * label, weight))


_MAE = SumMetric("mae", _errors, lambda sums: ratio(sums[..., 1], sums[..., 0]), "numbers")
_MSE = SumMetric("mse", _errors, lambda sums: ratio(sums[..., 2], sums[..., 0]), "numbers")
_RMSE = SumMetric("rmse", _errors, lambda sums: np.sqrt(_MSE.figure(sums)), "numbers")
_R2 = SumMetric("r2", _squares, _explained, "numbers")


def rating_metrics(lowest: float = 1.0, highest: float = 5.0) -> dict[str, SumMetric]:
    """Return mae, mse, rmse, nmae and r2 by name, for streams, means over users and intervals.

    Args:
        lowest: Lower bound of the ratings; nmae divides by the range.
        highest: Upper bound.

    Raises:
        ValueError: When the range is empty.
    """
    if not lowest < highest:
        raise ValueError(f"highest must be above lowest. Received: {lowest} and {highest}.")
    width = highest - lowest
    nmae = SumMetric("nmae", _errors, lambda sums: _MAE.figure(sums) / width, "numbers")
    return {metric.name: metric for metric in (_MAE, _MSE, _RMSE, nmae, _R2)}


def mse(labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean squared error, `sum w (y - p)^2 / sum w`; arguments, result and errors as in `rmse`.

    Example:
        >>> mse([5, 3, 1, 4], [4.5, 3.5, 2, 3])
        0.625
    """
    return _MSE.value(labels, predictions, weights)


def nmae(
    labels: ArrayLike,
    predictions: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    lowest: float = 1.0,
    highest: float = 5.0,
) -> float:
    """Mean absolute error as a share of the range of ratings, which makes scales of stars comparable.

    Args:
        labels: As in `rmse`.
        predictions: As in `rmse`.
        weights: As in `rmse`.
        lowest: Lower bound of the ratings.
        highest: Upper bound.

    Raises:
        ValueError: As `rmse`; or the range is empty.

    Example:
        >>> nmae([5, 3, 1, 4], [4.5, 3.5, 2, 3])
        0.1875

    Reference: Goldberg et al., "Eigentaste: A Constant Time Collaborative Filtering Algorithm", Inf. Retrieval 2001.
    """
    return rating_metrics(lowest, highest)["nmae"].value(labels, predictions, weights)

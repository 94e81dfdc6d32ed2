"""Errors of predicted numbers: RMSE, MAE, R², and all of them at once."""

from __future__ import annotations

from numpy.typing import ArrayLike

from tfctr.training.metrics.regression_sums import RegressionSums


def rmse(labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Root mean squared error, in the label's unit: ``sqrt(sum_i w_i (p_i - y_i)² / sum_i w_i)``.

    Args:
        labels: Finite numbers, ``(rows,)`` or ``(rows, 1)``.
        predictions: Same number of rows.
        weights: Row weights, at least 0; None means 1 each.

    Returns:
        At least 0; NaN when there are no rows, or a prediction is no finite number.

    Raises:
        ValueError: Shapes differ, a label is not finite, or a weight is negative.

    Example:
        >>> round(rmse([3, 5], [4, 7]), 6)
        1.581139
    """
    return RegressionSums().add(labels, predictions, weights).rmse()


def mae(labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean absolute error, in the label's unit; arguments, NaN and errors as for `rmse`.

    Example:
        >>> mae([3, 5], [4, 7])
        1.5
    """
    return RegressionSums().add(labels, predictions, weights).mae()


def r2(labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Coefficient of determination ``1 - sum w (p - y)² / sum w (y - mean)²``, the mean that of these labels.

    Arguments and errors as for `rmse`.

    Returns:
        At most 1; 0 is no better than always answering the mean. NaN as `rmse`, and where all labels are alike.

    Example:
        >>> round(r2([1, 2, 6], [1, 3, 5]), 6)
        0.857143
    """
    return RegressionSums().add(labels, predictions, weights).r2()


def evaluate_regression(
    labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None
) -> dict[str, float]:
    """Return every figure of predicted numbers; arguments and errors as for `rmse`.

    Returns:
        rows, mean_label, mean_prediction, rmse, mae, r2 and relative_error: the RMSE over the labels' standard
        deviation, which has no unit; 1 is no better than their mean. What is undefined is NaN.

    Example:
        >>> figures = evaluate_regression([1, 2, 6], [1, 3, 5])
        >>> figures["rows"], figures["mean_label"], round(figures["relative_error"], 6)
        (3.0, 3.0, 0.377964)
    """
    sums = RegressionSums().add(labels, predictions, weights)
    return {
        "rows": float(sums.rows),
        "mean_label": sums.mean_label(),
        "mean_prediction": sums.mean_prediction(),
        "rmse": sums.rmse(),
        "mae": sums.mae(),
        "r2": sums.r2(),
        "relative_error": sums.relative_error(),
    }

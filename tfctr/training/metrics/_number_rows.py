"""Rows whose labels are numbers, such as ratings: checked once, in one shape and one number type."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics.metric_inputs import Rows, read_weighted


def read_numbers(labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> Rows:
    """Check and convert numbers and what was predicted for them; rows of weight 0 are left out.

    Args:
        labels: Any finite numbers, `(rows,)` or `(rows, 1)`.
        predictions: Same number of rows. NaN is let through: a metric of it is NaN.
        weights: Row weights, finite and at least 0; None means 1 each.

    Raises:
        ValueError: Shapes differ, a label is not finite, or a weight is negative or not finite.
    """
    rows = read_weighted(labels, predictions, weights)
    bad = ~np.isfinite(rows.labels)
    if bad.any():
        raise ValueError(
            f"labels must be finite numbers. Received: {rows.labels[bad][0]} ({int(bad.sum())} such rows)."
        )
    return rows

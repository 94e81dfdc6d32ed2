"""What a metric takes for labels and predictions, and groups without keys."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._number_rows import read_numbers
from tfctr.training.metrics.metric_inputs import Floats, Rows, read_groups, read_rows

RowKind = Literal["probabilities", "scores", "numbers"]
"""0/1 labels with probabilities, 0/1 labels with any score, or numbers with predicted numbers."""


def read_kind(kind: RowKind, labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None) -> Rows:
    """Read the rows of a metric of this kind.

    Raises:
        ValueError: As `read_rows` and `read_numbers`.
    """
    if kind == "numbers":
        return read_numbers(labels, predictions, weights)
    return read_rows(labels, predictions, weights, probabilities=kind == "probabilities")


def read_keys(groups: ArrayLike | None, labels: ArrayLike, weights: ArrayLike | None) -> NDArray[Any]:
    """Group keys of the rows that count; without groups all rows are one.

    Raises:
        ValueError: As `read_groups`.
    """
    rows = len(np.atleast_1d(np.asarray(labels)))
    return read_groups(np.zeros(rows, np.int64) if groups is None else groups, weights, rows)


def ratio(above: Floats, below: Floats) -> Floats:
    """Divide; NaN where the divisor is not above 0."""
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    quotient: Floats = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return quotient

"""Count, mean and squared deviations of columns, of parts of the rows and merged; in NumPy alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONSTANT_SHARE = 1e-6
"""A label whose standard deviation is below this share of its mean is taken as constant: models count in float32, which
cannot tell its values apart, and dividing by rounding errors would invent a signal."""

Moments = NDArray[np.float64]
"""Number of values, their mean and the sum of squared deviations from it, of each column: ``(columns, 3)``."""


def moments_of(columns: Sequence[NDArray[Any]]) -> Moments:
    """Return the moments of each column of values, in float64; the columns need not be of one length."""
    return np.array([_of_values(column) for column in columns], np.float64).reshape(len(columns), 3)


def _of_values(values: NDArray[Any]) -> tuple[float, float, float]:
    if not len(values):
        return 0.0, 0.0, 0.0
    mean = values.mean(dtype=np.float64)
    return len(values), float(mean), float(np.sum((values - mean) ** 2))


def merged(one: Moments, other: Moments) -> Moments:
    """Return the moments of both parts together; a deviation far below the mean keeps its digits."""
    count = one[:, 0] + other[:, 0]
    share = np.divide(other[:, 0], count, out=np.zeros_like(count), where=count > 0)
    apart = other[:, 1] - one[:, 1]
    squares = one[:, 2] + other[:, 2] + apart**2 * one[:, 0] * share
    return np.stack([count, one[:, 1] + apart * share, squares], axis=1)


def scale_of(count: float, mean: float, squares: float) -> tuple[float, float]:
    """Return mean and deviation as models take them, in float32's digits; labels that are all alike have deviation 1.

    >>> scale_of(4, 2.5, 5.0), scale_of(3, 7.0, 0.0), scale_of(0, 0.0, 0.0)
    ((2.5, 1.1180340051651), (7.0, 1.0), (0.0, 1.0))
    """
    deviation = float(np.sqrt(squares / count)) if count else 0.0
    varies = deviation > CONSTANT_SHARE * abs(mean)
    return float(np.float32(mean)), float(np.float32(deviation)) if varies else 1.0


def scales_text(moments: Moments, tasks: Sequence[str]) -> str:
    """Return the file of label scales, ``{task: [mean, deviation]}`` in JSON."""
    scales = {task: scale_of(*row) for task, row in zip(tasks, moments.tolist(), strict=True)}
    return json.dumps(scales, sort_keys=True)

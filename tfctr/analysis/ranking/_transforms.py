"""Numbers as roots and logarithms of several resolutions, each a column of its own to be scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tfctr.analysis.ranking._fields import Column, renumbered
from tfctr.analysis.ranking._information import Codes

FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"sqrt": np.sqrt, "log": np.log1p}
RESOLUTIONS = (1, 10, 50, 100)
THRESHOLDS = (1, 2, 4, 8, 16, 32, 64, 96)
MAJORITY = 0.8
MISSING = 0.75


@dataclass(frozen=True)
class Transform:
    """``round(function(x - threshold) * resolution)`` from a threshold on, and x itself below it.

    Args:
        function: A name of `FUNCTIONS`.
        resolution: Steps a unit.
        threshold: Where the function begins.

    Example:
        >>> Transform("sqrt", 10, 4)(np.array([1.0, 4.0, 13.0, np.nan]))
        array([ 1.,  4., 34., nan])

    Source: the transformers "fw" of OutRank's released code, whose steps and thresholds are taken over. There the
    rounded values may equal a raw value below the threshold, and log(0) is -inf; here the threshold is added to them
    and the logarithm is log(1 + x), so that the order of the numbers is kept.
    """

    function: str
    resolution: int
    threshold: int

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        above = FUNCTIONS[self.function](np.maximum(numbers - self.threshold, 0))
        rounded = self.threshold + np.round(above * self.resolution)
        return np.where(numbers < self.threshold, numbers, rounded)

    def __str__(self) -> str:
        return f"{self.function}(x - {self.threshold}) in steps of 1/{self.resolution}"


TRANSFORMS = tuple(Transform(f, r, t) for f in FUNCTIONS for r in RESOLUTIONS for t in THRESHOLDS)


def transformed(column: Column) -> Iterator[tuple[Transform, Codes]]:
    """Yield the transforms of a batch of numbers that are worth scoring, without those that equal an earlier one.

    Worth scoring: more than one value, less than 80 % of the rows in one value, less than 75 % missing.
    """
    numbers = column.values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    rows = len(column.codes.values)
    missing = column.codes.counts[np.isnan(numbers)].sum()
    if missing >= MISSING * rows:
        return
    known: set[bytes] = {column.codes.values.tobytes()}
    for transform in TRANSFORMS:
        codes = renumbered(transform(numbers)[column.codes.values])
        if codes.size > 1 and codes.counts.max() < MAJORITY * rows and codes.values.tobytes() not in known:
            known.add(codes.values.tobytes())
            yield transform, codes

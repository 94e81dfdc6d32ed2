"""Learning rates by row of a weight: what an optimizer must know to hold some rows back, or still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from tfctr.spec import BoundSpec, NumericFeature, VectorFeature, is_bucketed, table_of


@dataclass(frozen=True)
class RowRates:
    """Multipliers of the learning rate for stretches of rows; hangs on a weight as its ``row_rates``.

    The optimizers of `tfctr.training.optimizers` follow it; 0 holds a row still, whatever its gradient.

    Args:
        starts: First row of each stretch, rising from 0.
        multipliers: One a stretch, at least 0.
    """

    starts: tuple[int, ...]
    multipliers: tuple[float, ...]

    def multipliers_at(self, rows: Any) -> Any:
        """Return the multipliers of `rows`, float32 of their shape."""
        starts = ops.cast(ops.convert_to_tensor(self.starts), rows.dtype)
        stretch = ops.searchsorted(starts, rows, side="right") - 1
        return ops.take(ops.convert_to_tensor(self.multipliers, "float32"), stretch)

    def all_multipliers(self, rows: int) -> np.ndarray:
        """Return the multipliers of the rows ``0 .. rows - 1``, float32 ``(rows,)``."""
        lengths = np.diff([*self.starts, rows])
        return np.repeat(np.array(self.multipliers, np.float32), lengths)


def set_row_rates(weight: Any, rates: RowRates) -> None:
    """Hang `rates` on a weight; rates that change nothing are left away."""
    if any(multiplier != 1 for multiplier in rates.multipliers):
        weight.row_rates = rates


def set_uniform_rate(weights: Any, multiplier: float) -> None:
    """Hang one multiplier for all rows on each of the weights."""
    for weight in weights:
        set_row_rates(weight, RowRates((0,), (multiplier,)))


def check_rates(spec: BoundSpec, rates: Mapping[str, float]) -> None:
    """Raise where `rates` names nothing that has rows of its own, or gives what is no multiplier.

    Raises:
        ValueError: Saying which names can be given.
    """
    known = dict.fromkeys(spec.rows)
    known |= dict.fromkeys(f.name for f in spec.spec.of_kind(NumericFeature, VectorFeature) if not is_bucketed(f))
    sharing = {f.name: table_of(f) for f in spec.spec.features if table_of(f) in spec.rows and f.name not in spec.rows}
    for name, multiplier in rates.items():
        if name in sharing:
            raise ValueError(
                f"learning_rates: {name!r} shares the rows of {sharing[name]!r}; give the rate of that one"
            )
        if name not in known:
            raise ValueError(f"learning_rates names {name!r}, which has no rows in the spec; known: {sorted(known)}")
        if not multiplier >= 0:
            raise ValueError(f"a learning-rate multiplier is at least 0 (0 freezes). Received: {name}={multiplier}")

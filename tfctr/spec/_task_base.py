"""What tasks of every kind have, and what those have that are trained on every row."""

from __future__ import annotations

from tfctr.spec._base import Frozen
from tfctr.spec.features import Identifier


class Task(Frozen):
    """What all kinds share.

    Args:
        name: Name of the output and of the transformed label tensor, float32 ``(batch,)``.
        weight: Raw column with a non-negative weight per row (transformed: `weight_name`).
        mask: Raw 0/1 column; rows with 0 do not count for this task (folded into the weight).
    """

    name: Identifier
    weight: str | None = None
    mask: str | None = None

    @property
    def weight_name(self) -> str:
        """Name of the transformed tensor of weights: weight × mask, float32 ``(batch,)``."""
        return f"{self.name}__weight"

    @property
    def weighted(self) -> bool:
        """Whether rows of this task carry weights."""
        return self.weight is not None or self.mask is not None


class WholeTask(Task):
    """A task whose label is neither yes nor no: it has no negatives to leave out, and no other task waits for it."""

    @property
    def after(self) -> None:
        """No order: it comes after no other task."""
        return None

    @property
    def negative_rate(self) -> float:
        """All rows are trained on."""
        return 1.0

    @property
    def log_is_sampled(self) -> bool:
        """No rows were dropped."""
        return False

    @property
    def drops_negatives(self) -> bool:
        """Training leaves no rows out."""
        return False

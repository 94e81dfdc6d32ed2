"""What all plans that read rows have in common: their options, given and stored once."""

from __future__ import annotations

from typing import Required, TypedDict

from tfctr.data.batches.element import spec_of
from tfctr.data.batches.prefetch import DEFAULT_PREFETCH, Prefetch
from tfctr.spec import BoundSpec, FeatureSpec


class PlanOptions(TypedDict, total=False):
    """The keyword arguments of every plan, described at `SeededPlan`."""

    batch_size: Required[int]
    seed: int
    shuffle: bool
    drop_remainder: bool
    labels: bool
    prefetch: Prefetch


class SeededPlan:
    """Batches whose order follows from a seed and the number of the epoch. A subclass has `rows` and `epoch`.

    Args:
        spec: The spec of the rows.
        batch_size: Rows in a batch; the last one may be smaller.
        seed: With the number of the epoch it decides the order of the rows.
        shuffle: False keeps the order of the rows as they come.
        drop_remainder: Leave out the smaller batch at the end.
        labels: False gives ``(features,)``, for rows that have no labels.
        prefetch: How batches are made beside the step.

    Raises:
        ValueError: For a batch size below 1.
    """

    rows: int

    def __init__(
        self,
        spec: FeatureSpec | BoundSpec,
        *,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        drop_remainder: bool = False,
        labels: bool = True,
        prefetch: Prefetch = DEFAULT_PREFETCH,
    ):
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, received {batch_size}")
        self.spec = spec_of(spec)
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        self.drop_remainder, self.labels, self.prefetch = drop_remainder, labels, prefetch

    @property
    def options(self) -> PlanOptions:
        """What another plan of the same batches is made with."""
        return PlanOptions(
            batch_size=self.batch_size,
            seed=self.seed,
            shuffle=self.shuffle,
            drop_remainder=self.drop_remainder,
            labels=self.labels,
            prefetch=self.prefetch,
        )

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        whole, rest = divmod(self.rows, self.batch_size)
        return whole + (rest > 0 and not self.drop_remainder)

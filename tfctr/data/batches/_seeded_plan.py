"""What all plans that read rows have in common."""

from __future__ import annotations

from tfctr.data.batches.element import spec_of
from tfctr.data.batches.prefetch import Prefetch
from tfctr.spec import BoundSpec, FeatureSpec


class SeededPlan:
    """Batches whose order follows from a seed and the number of the epoch. A subclass has `rows` and `epoch`.

    Args:
        spec: The spec of the rows.
        batch_size: Rows in a batch.
        seed: Of the order.
        shuffle: Whether rows are mixed.
        drop_remainder: Whether the smaller batch at the end is left out.
        labels: Whether batches have labels.
        prefetch: How they are made beside the step.

    Raises:
        ValueError: For a batch size below 1.
    """

    rows: int

    def __init__(
        self,
        spec: FeatureSpec | BoundSpec,
        *,
        batch_size: int,
        seed: int,
        shuffle: bool,
        drop_remainder: bool,
        labels: bool,
        prefetch: Prefetch,
    ):
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, received {batch_size}")
        self.spec = spec_of(spec)
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        self.drop_remainder, self.labels, self.prefetch = drop_remainder, labels, prefetch

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        whole, rest = divmod(self.rows, self.batch_size)
        return whole + (rest > 0 and not self.drop_remainder)

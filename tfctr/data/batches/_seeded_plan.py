"""What all plans that read rows have in common: their options, given and stored once."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Required, Self, TypedDict

import numpy as np
import tensorflow as tf

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

    _columns: Mapping[str, np.ndarray] = MappingProxyType({})
    _numbers: np.ndarray | None = None
    _all_rows: int | None = None

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

    def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of an epoch (from 0) from `start_step` (from 0) on."""
        raise NotImplementedError

    @property
    def all_rows(self) -> int:
        """Rows of the source, in whose order `with_columns` and `subset` are given."""
        return self.rows if self._all_rows is None else self._all_rows

    def with_columns(self, columns: Mapping[str, np.ndarray]) -> Self:
        """Return the same batches with further features, such as another model's answers.

        Args:
            columns: Name -> one value, or one row of values, for each row of the source, in its own order.

        Raises:
            ValueError: When there are more or fewer values than rows.
        """
        for name, values in columns.items():
            if len(values) != self.all_rows:
                raise ValueError(f"{name!r} has {len(values)} values, the source has {self.all_rows} rows")
        plan = self._copied()
        plan._columns = {**self._columns, **columns}
        return plan

    def _copied(self) -> Self:
        """A plan with the same settings, without what this one has traced."""
        plan = copy.copy(self)
        vars(plan).pop("_gather", None)
        return plan

    def in_order(self) -> Self:
        """Return all the plan's rows in the order of the source, the smaller batch at the end too."""
        plan = self._copied()
        plan.shuffle = plan.drop_remainder = False
        return plan

    def with_batch_size(self, batch_size: int) -> Self:
        """Return the same rows in batches of another size.

        Raises:
            ValueError: For a batch size below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, received {batch_size}")
        plan = self._copied()
        plan.batch_size = batch_size
        return plan

    def subset(self, kept: np.ndarray) -> Self:
        """Return a plan of some of the rows, mixed among themselves.

        Args:
            kept: bool, one for each row of the source, in its own order.
        """
        if len(kept) != self.all_rows:
            raise ValueError(f"kept has {len(kept)} values, the source has {self.all_rows} rows")
        plan = self._copied()
        plan._all_rows = self.all_rows
        plan._numbers = self.row_numbers[np.asarray(kept, bool)[self.row_numbers]]
        plan.rows = len(plan._numbers)
        return plan

    @property
    def row_numbers(self) -> np.ndarray:
        """Numbers of the plan's rows in the source, int64, ascending."""
        return np.arange(self.all_rows) if self._numbers is None else self._numbers

    def with_choice_of(self, other: SeededPlan) -> Self:
        """Return this plan with rows, columns and order as another one of the same source has them."""
        plan = self._copied()
        plan._columns, plan._numbers, plan._all_rows = other._columns, other._numbers, other.all_rows
        plan.shuffle, plan.drop_remainder = other.shuffle, other.drop_remainder
        plan.rows = other.rows
        return plan

    def split(self, share: float, *, seed: int = 0) -> tuple[Self, Self]:
        """Return two plans of other rows each: most of them, and a share drawn at random.

        Args:
            share: Of the rows in the second plan, in (0, 1).
            seed: Of the draw.

        Raises:
            ValueError: When either would have no row.
        """
        if not 0 < share < 1:
            raise ValueError(f"share lies between 0 and 1. Received: {share}")
        drawn = np.random.default_rng([seed, self.all_rows]).permutation(self.all_rows) < share * self.all_rows
        parts = self.subset(~drawn), self.subset(drawn)
        if not all(part.rows for part in parts):
            raise ValueError(f"{self.all_rows} rows cannot be split at {share}: one part would have none")
        return parts

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        whole, rest = divmod(self.rows, self.batch_size)
        return whole + (rest > 0 and not self.drop_remainder)

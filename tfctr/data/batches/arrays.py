"""Batches of arrays in memory: one gather a batch and dtype, never a loop over rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Unpack

import numpy as np
import tensorflow as tf

from tfctr.data.batches._packed import Layout
from tfctr.data.batches._seeded_plan import PlanOptions, SeededPlan
from tfctr.data.batches.element import Element, element, tensor_infos
from tfctr.data.errors import DataError
from tfctr.spec import BoundSpec, FeatureSpec, TensorInfo


class ArrayPlan(SeededPlan):
    """The batches of arrays, epoch by epoch; the same seed gives the same batches on every machine.

    Args:
        arrays: Transformed tensors by name, all with the same number of rows.
        spec: The spec they were made by.
        **options: `batch_size`, `seed`, `shuffle`, `drop_remainder`, `labels` and `prefetch` of `SeededPlan`.

    Raises:
        DataError: When a tensor is missing, or lengths or shapes do not fit the spec.

    Example:
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "numeric", "name": "price", "role": "item"}],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     meta={"time": "second"},
        ... )
        >>> arrays = {"price": np.arange(5, dtype=np.float32), "click": np.zeros(5, np.float32)}
        >>> plan = ArrayPlan(arrays, spec, batch_size=2, shuffle=False)
        >>> plan.steps_per_epoch
        3
        >>> [features["price"].numpy().tolist() for features, label in plan.epoch(0, start_step=1)]
        [[2.0, 3.0], [4.0]]
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        spec: FeatureSpec | BoundSpec,
        **options: Unpack[PlanOptions],
    ):
        super().__init__(spec, **options)
        infos = tensor_infos(self.spec, arrays, labels=self.labels)
        self.rows = _rows_of(arrays, infos)
        self._layout = Layout.from_infos(infos)
        packed = self._layout.pack(arrays, self.rows)
        self._matrices = {dtype: _on_host(matrix) for dtype, matrix in packed.items()}

    def order(self, epoch: int) -> np.ndarray:
        """Return the order of the rows in an epoch, int64 ``(rows,)``."""
        if not self.shuffle:
            return self.row_numbers
        return self.row_numbers[np.random.default_rng([self.seed, epoch]).permutation(self.rows)]

    def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of an epoch (from 0) from `start_step` (from 0) on."""
        order = tf.constant(self.order(epoch))
        return self._complete(self._batches(order, start_step), max(self.steps_per_epoch - start_step, 0))

    def passes(self, seed: int | None) -> tf.data.Dataset:
        """Return a dataset with a new order of the rows in every pass over it."""
        if not self.shuffle:
            return self.epoch(0)
        draws = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)

        def one_pass(draw: tf.Tensor) -> tf.data.Dataset:
            order = tf.random.experimental.stateless_shuffle(tf.constant(self.row_numbers), seed=[draw, 0])
            return self._batches(order)

        return self._complete(draws.flat_map(one_pass), self.steps_per_epoch)

    def _batches(self, order: tf.Tensor, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of the rows in this order."""
        steps = tf.data.Dataset.range(start_step, self.steps_per_epoch)
        return self.prefetch.map(steps, lambda step: self._gather(step, order))

    @cached_property
    def _gather(self) -> Any:
        """The function from a step and an order to a batch, traced once for all epochs."""
        return tf.function(self._batch, autograph=False)

    def _batch(self, step: tf.Tensor, order: tf.Tensor) -> Element:
        """Return one batch of the rows in an order."""
        rows = order[step * self.batch_size : (step + 1) * self.batch_size]
        if self.drop_remainder:  # a TPU wants to know the size of every batch
            rows = tf.ensure_shape(rows, (self.batch_size,))
        batch = {dtype: tf.gather(matrix, rows) for dtype, matrix in self._matrices.items()}
        columns = {name: tf.gather(_on_host(values), rows) for name, values in self._columns.items()}
        return element(self._layout.unpack(batch) | columns, self.spec, labels=self.labels)

    def _complete(self, batches: tf.data.Dataset, steps: int) -> tf.data.Dataset:
        return batches.apply(tf.data.experimental.assert_cardinality(steps))


def array_dataset(
    arrays: Mapping[str, np.ndarray],
    spec: FeatureSpec | BoundSpec,
    *,
    batch_size: int,
    seed: int | None = None,
    shuffle: bool = False,
    drop_remainder: bool = False,
    labels: bool = True,
) -> tf.data.Dataset:
    """Return arrays in memory as a dataset for `model.fit`, `evaluate` and `predict`.

    With `shuffle` every pass over the dataset has a new order of all rows; a `seed` makes the sequence of orders
    the same in every run. For training that can be resumed take `ArrayPlan`.

    Args:
        arrays: Transformed tensors by name (`TransformOutput.transform`).
        spec: The spec they were made by.
        batch_size: Rows in a batch.
        seed: None takes a different order in every run.
        shuffle: Whether to mix the rows.
        drop_remainder: Leave out the smaller batch at the end.
        labels: False gives ``(features,)``, for arrays that have no labels.

    Raises:
        DataError: When a tensor is missing, or lengths or shapes do not fit the spec.
    """
    plan = ArrayPlan(arrays, spec, batch_size=batch_size, shuffle=shuffle, drop_remainder=drop_remainder, labels=labels)
    return plan.passes(seed)


def _rows_of(arrays: Mapping[str, np.ndarray], infos: Sequence[TensorInfo]) -> int:
    """Return the number of rows, the same in all arrays, whose shapes are those of the spec."""
    rows: tuple[str, int] | None = None
    for info in infos:
        shape = np.shape(arrays[info.name])
        if shape[1:] != info.shape:
            raise DataError(f"tensor {info.name!r} has shape {shape}, expected (rows, *{info.shape})")
        rows = rows or (info.name, shape[0])
        if shape[0] != rows[1]:
            raise DataError(f"tensor {info.name!r} has {shape[0]} rows, {rows[0]!r} has {rows[1]}")
    assert rows is not None  # a spec has at least one feature
    return rows[1]


def _on_host(array: np.ndarray) -> tf.Tensor:
    """Return the array as a tensor in the host's memory: tf.data runs there, and tables of rows can be large."""
    with tf.device("CPU:0"):
        return tf.constant(array)

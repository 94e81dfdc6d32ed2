"""What one batch is: `(features, labels)` or `(features, labels, weights)`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

import tensorflow as tf

from tfctr.data.errors import DataError
from tfctr.spec import BoundSpec, FeatureSpec, TensorInfo, suggest

Tensors = Mapping[str, tf.Tensor]
Element: TypeAlias = tuple[Any, ...]
"""``(features, labels)``, or ``(features, labels, weights)`` when a task is weighted, or ``(features,)``.

`features`: dict of all inputs and the meta tensors that are there. `labels`: float32 ``(batch, 1)`` for one task,
a dict task -> ``(batch, 1)`` for several. `weights`: as `labels`; 1 for tasks without weights of their own.
"""


class BatchPlan(Protocol):
    """Batches that can be made again: any epoch, from any step on, always the same ones."""

    batch_size: int

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        ...

    def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of an epoch (from 0) from `start_step` (from 0) on."""
        ...


def spec_of(spec: FeatureSpec | BoundSpec) -> FeatureSpec:
    """Return the spec itself, bound or not."""
    return spec.spec if isinstance(spec, BoundSpec) else spec


def tensor_infos(spec: FeatureSpec, present: Iterable[str], *, labels: bool) -> tuple[TensorInfo, ...]:
    """Return the tensors of a batch: all inputs, the labels if wanted, and the meta tensors that are present.

    Raises:
        DataError: When an input or label is not among `present`.
    """
    names = set(present)
    wanted = (*spec.inputs(), *(spec.labels() if labels else ()))
    missing = [info.name for info in wanted if info.name not in names]
    if missing:
        hints = "; ".join(f"{name!r}{suggest(name, names)}" for name in missing[:5])
        raise DataError(
            f"transformed tensor(s) missing: {hints}. Were they made by a transform of this very spec?"
            + (" To predict without labels, give labels=False." if labels else "")
        )
    return (*wanted, *(info for info in spec.meta_tensors() if info.name in names))


def element(tensors: Tensors, spec: FeatureSpec, *, labels: bool = True) -> Element:
    """Sort the tensors of a batch into features, labels and weights; see `Element`.

    Args:
        tensors: Name -> tensor, labels and weights ``(batch,)``.
        spec: The spec the tensors were made by.
        labels: False gives ``(features,)``.
    """
    outcomes = {info.name for info in spec.labels()}
    features = {name: tensor for name, tensor in tensors.items() if name not in outcomes}
    if not labels:
        return (features,)
    truth = {task.name: _column(tensors[task.name]) for task in spec.tasks}
    if not any(task.weighted for task in spec.tasks):
        return features, _one_or_all(truth)
    weights = {
        task.name: _column(tensors[task.weight_name]) if task.weighted else tf.ones_like(truth[task.name])
        for task in spec.tasks
    }
    return features, _one_or_all(truth), _one_or_all(weights)


def _column(values: tf.Tensor) -> tf.Tensor:
    """Return ``(batch,)`` as ``(batch, 1)``."""
    return tf.reshape(values, (-1, 1))


def _one_or_all(by_task: dict[str, tf.Tensor]) -> tf.Tensor | dict[str, tf.Tensor]:
    return next(iter(by_task.values())) if len(by_task) == 1 else by_task

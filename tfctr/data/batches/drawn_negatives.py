"""Positive rows beside the same users with items drawn at random: what retrieval learns from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfctr.data.batches.element import BatchPlan, Element
from tfctr.data.batches.prefetch import DEFAULT_PREFETCH, Prefetch
from tfctr.data.errors import DataError
from tfctr.spec import BinaryTask, FeatureSpec, SequenceFeature


class DrawnNegatives:
    """The batches of another plan, each row followed by rows of label 0 with another item.

    Items are drawn evenly from a catalogue, one that the user likes now and then among them. The draw follows from
    seed, epoch and step: batches can be made again from any step. A batch of n rows becomes one of
    ``n (1 + negatives)``.

    Args:
        plan: Batches of positive rows: one task, without weights, labels ``(batch, 1)``.
        items: Transformed tensors of the item's features, one row an item; see `item_tensors`.
        spec: The spec of both.
        negatives: Rows of label 0 for each positive one.
        seed: With epoch and step it decides the items.
        prefetch: How the batches are made beside the step.

    Raises:
        DataError: When the catalogue is empty or lacks a tensor, the task asks for something else than yes or no, or
            the spec crosses items with users.
        ValueError: When `negatives` is below 1.

    Reference: Wu et al., "GraphHash", WWW 2025, section 5 (one even negative for each positive).
    """

    def __init__(
        self,
        plan: BatchPlan,
        items: Mapping[str, np.ndarray],
        spec: FeatureSpec,
        *,
        negatives: int = 1,
        seed: int = 0,
        prefetch: Prefetch = DEFAULT_PREFETCH,
    ):
        if negatives < 1:
            raise ValueError(f"negatives is at least 1 for each positive row. Received: {negatives}")
        if task := next((task for task in spec.tasks if not isinstance(task, BinaryTask)), None):
            raise DataError(f"negatives are rows of a yes/no task, and {task.name!r} is a {task.kind} task")
        names = item_tensors(spec)
        if mixed := [feature.name for feature in spec.mixed_features]:
            raise DataError(
                f"{', '.join(mixed)} cross an item with its user or context, or count hours between their times: what "
                "a drawn item would have there is not in the catalogue; leave these features out of the spec"
            )
        missing = [name for name in names if name not in items]
        if missing or not names or not len(items[names[0]]):
            raise DataError(f"the catalogue of items has no rows of {missing or names or 'item features'}")
        self.plan, self.negatives, self.seed, self.prefetch = plan, negatives, seed, prefetch
        self.batch_size = plan.batch_size * (1 + negatives)
        with tf.device("CPU:0"):
            self._items = {name: tf.constant(items[name]) for name in names}
        self._count = len(items[names[0]])

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch, as many as before."""
        return self.plan.steps_per_epoch

    def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of an epoch (from 0) from `start_step` (from 0) on."""
        key = int(np.random.default_rng([self.seed, epoch]).integers(2**31))

        def widened(step: tf.Tensor, batch: Element) -> Element:
            features, labels = batch
            rows = tf.shape(labels)[0] * self.negatives
            draws = tf.random.stateless_uniform(
                [rows], seed=tf.stack([tf.cast(key, tf.int64), step]), maxval=self._count, dtype=tf.int32
            )
            others = {name: tf.repeat(tensor, self.negatives, axis=0) for name, tensor in features.items()}
            others |= {name: tf.gather(tensor, draws) for name, tensor in self._items.items()}
            joint = {name: tf.concat([tensor, others[name]], axis=0) for name, tensor in features.items()}
            return joint, tf.concat([labels, tf.zeros([rows, 1], labels.dtype)], axis=0)

        return self.prefetch.map(self.plan.epoch(epoch, start_step).enumerate(start_step), widened)


def item_tensors(spec: FeatureSpec) -> tuple[str, ...]:
    """Return the names of the tensors that describe the item, in the order of ``spec.inputs()``."""
    features = [feature for feature in spec.features if feature.role == "item"]
    names = {feature.name for feature in features}
    names |= {feature.times_name for feature in features if isinstance(feature, SequenceFeature) and feature.times}
    return tuple(info.name for info in spec.inputs() if info.name in names)


def catalogue(arrays: Mapping[str, np.ndarray], spec: FeatureSpec, item: str) -> dict[str, np.ndarray]:
    """Return each item of transformed rows once, in the order of its ids: the tensors of its features.

    Args:
        arrays: Transformed rows.
        spec: Their spec.
        item: Name of the feature whose id tells items apart. An item whose other features differ from row to row has
            those of its first row.
    """
    _, first = np.unique(arrays[item], return_index=True)
    return {name: arrays[name][first] for name in item_tensors(spec)}

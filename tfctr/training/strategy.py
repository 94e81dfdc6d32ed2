"""Where a model trains: one device, several of one machine, a TPU, or several machines."""

from __future__ import annotations

import json
import os
from typing import Any

import keras
import tensorflow as tf


def choose_strategy() -> tf.distribute.Strategy:
    """Return the `tf.distribute` strategy that fits what is there; make and fit the model in its ``scope()``.

    - ``TF_CONFIG`` names several workers: `MultiWorkerMirroredStrategy`. Every worker runs the same program with the
      same plan and seed; call this before anything else of TensorFlow, which must know its cluster when it starts.
    - A TPU: `TPUStrategy`.
    - Several GPUs: `MirroredStrategy`.
    - Else TensorFlow's default, one device.

    The batch of a plan is the joint batch: each replica takes an equal part of it, and a run equals the one on a
    single device up to the rounding of sums, apart from what looks at a part of the batch alone: batch normalisation
    takes the statistics of its replica's rows, dropout draws the same mask on each replica, in a last batch that
    does not divide by the replicas the rows of the smaller part weigh more, and the loss of one of several tasks is
    the mean of the replicas' means over the rows that count.

    Example:
        >>> with choose_strategy().scope():
        ...     layer = keras.layers.Dense(1)
    """
    if worker_count() > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if tf.config.list_logical_devices("TPU"):
        return tf.distribute.TPUStrategy(tf.distribute.cluster_resolver.TPUClusterResolver("local"))
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def worker_count() -> int:
    """Return the number of workers that ``TF_CONFIG`` names, the chief among them; 1 when it is not set.

    Raises:
        ValueError: When ``TF_CONFIG`` is no JSON.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return 1
    try:
        cluster = json.loads(text).get("cluster", {})
    except (ValueError, AttributeError) as error:
        raise ValueError(
            'the environment variable TF_CONFIG is no JSON object. Expected {"cluster": {"worker": ["host:port", '
            f'...]}}, "task": {{"type": "worker", "index": 0}}}}. Received: {text!r}'
        ) from error
    return max(len(cluster.get("chief", [])) + len(cluster.get("worker", [])), 1)


def strategy_of(model: keras.Model) -> tf.distribute.Strategy:
    """Return the strategy a model was made under; the default one on other backends."""
    return getattr(model, "distribute_strategy", None) or tf.distribute.get_strategy()


def spans_workers(strategy: tf.distribute.Strategy) -> bool:
    """Return whether a strategy has more than one worker."""
    resolver = strategy.cluster_resolver
    return resolver is not None and resolver.task_type is not None and worker_count() > 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Return whether this process writes the files of a run: the chief or worker 0, or the only one."""
    if not spans_workers(strategy):
        return True
    task = strategy.cluster_resolver.task_type, strategy.cluster_resolver.task_id
    has_chief = "chief" in strategy.cluster_resolver.cluster_spec().jobs
    return task == ("chief", 0) if has_chief else task == ("worker", 0)


def split_by_rows(batches: tf.data.Dataset, strategy: tf.distribute.Strategy) -> tf.data.Dataset:
    """Return batches in a form that a strategy splits by rows, never by files, so that a joint batch stays one.

    Every worker reads all rows and keeps its part of each batch.
    """
    if strategy.num_replicas_in_sync == 1:
        return batches
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options)


def build_loss(model: keras.Model, batch: Any) -> None:
    """Build what Keras would build from the first batch when `fit` starts, so that it leaves that alone.

    Under a strategy Keras makes that first batch by averaging over the replicas, which turns ids into fractions, and
    with several workers fails.

    Args:
        model: Compiled and built model.
        batch: ``(features, labels[, weights])``.
    """
    with strategy_of(model).scope():
        features, labels, weights = keras.utils.unpack_x_y_sample_weight(batch)
        outputs = model(features, training=False)
        model.compute_loss(features, labels, outputs, weights, training=False)
        model.compute_metrics(features, labels, outputs, weights)
        model.reset_metrics()
    model._maybe_symbolic_build = _nothing_to_build
    if spans_workers(strategy_of(model)):
        _average_over_workers(model)


def _average_over_workers(model: keras.Model) -> None:
    """Let a step return its figures as ``(1,)``: Keras averages over workers along an axis, which a scalar lacks."""
    step = model.train_step

    def train_step(data: Any) -> Any:
        return tf.nest.map_structure(lambda figure: tf.reshape(figure, [1]), step(data))

    model.train_step = train_step


def _nothing_to_build(iterator: Any = None, data_batch: Any = None) -> None:
    """Stand in for Keras' step that builds a model from a batch."""


def number(value: Any) -> float:
    """Return a scalar variable or tensor as a number, also one that has a copy on each replica."""
    return float(keras.ops.convert_to_numpy(value))

"""Batches in which only a share of the negative rows is left."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfctr.data.batches.element import BatchPlan, Element
from tfctr.data.batches.prefetch import DEFAULT_PREFETCH, Prefetch


class SampledNegatives:
    """The batches of another plan without most of their negative rows.

    Every row with label 1 stays; one with label 0 stays with probability `rate`, drawn anew in each epoch, so that
    over the epochs a model sees most of them. The draw follows from seed, epoch and step: batches can be made again
    from any step. A batch of n rows shrinks to about ``n (c + rate (1 - c))`` rows at click rate c; give the plan a
    batch larger by that factor to keep the step's size. One row stays when none would.

    Args:
        plan: Where batches come from: one task, labels ``(batch, 1)``.
        rate: Probability that a negative row stays, in (0, 1].
        seed: With epoch and step it decides which rows stay.
        prefetch: How the batches are made beside the step.

    Example:
        >>> from tfctr.data.batches import ArrayPlan
        >>> from tfctr.spec import FeatureSpec
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "numeric", "name": "price", "role": "item"}],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     meta={"time": "second"},
        ... )
        >>> clicks = np.array([1, 1, 1, *[0] * 97], np.float32)
        >>> plan = ArrayPlan({"price": clicks, "click": clicks}, spec, batch_size=100)
        >>> [(features, labels)] = SampledNegatives(plan, rate=0.1).epoch(0)
        >>> print(float(tf.reduce_sum(labels)), labels.shape[0] < 40)
        3.0 True
    """

    def __init__(self, plan: BatchPlan, rate: float, *, seed: int = 0, prefetch: Prefetch = DEFAULT_PREFETCH):
        if not 0 < rate <= 1:
            raise ValueError(f"rate is the share of negative rows that stay, in (0, 1]. Received: rate={rate}")
        self.plan = plan
        self.rate = rate
        self.seed = seed
        self.prefetch = prefetch
        self.batch_size = plan.batch_size

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch, as many as before."""
        return self.plan.steps_per_epoch

    def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of an epoch (from 0) from `start_step` (from 0) on."""
        key = int(np.random.default_rng([self.seed, epoch]).integers(2**31))

        def thinned(step: tf.Tensor, batch: Element) -> Element:
            labels = tf.reshape(batch[1], [-1])
            draws = tf.random.stateless_uniform(tf.shape(labels), seed=tf.stack([tf.cast(key, tf.int64), step]))
            rows = tf.where((labels > 0) | (draws < self.rate))[:, 0]
            rows = tf.cond(tf.size(rows) > 0, lambda: rows, lambda: tf.zeros([1], tf.int64))
            return tuple(tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), batch))

        batches = self.plan.epoch(epoch, start_step).enumerate(start_step)
        return self.prefetch.map(batches, thinned)

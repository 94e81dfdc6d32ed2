"""Batches made beside the training step, on threads of a fixed number."""

from __future__ import annotations

import os
from collections.abc import Callable

import tensorflow as tf

BATCHES_AHEAD = 4
"""Batches that wait ready: enough to ride out a slow one, few enough to cost little memory."""

MOST_THREADS = 8
"""Making a batch is a gather or a parse; more threads than this take cores away from the step."""


def made_ahead(source: tf.data.Dataset, make: Callable[..., tuple]) -> tf.data.Dataset:
    """Return ``source.map(make)`` in the order of `source`, some batches ahead of who reads them.

    tf.data's autotuner is off. It wakes in periods that double from 10 ms on, and an iterator that is done waits for
    the next one: an epoch that ended just after 1.3 s took 2.6 s, one that ended after 2.6 s took 5.1 s, and so on.

    Args:
        source: What batches are made of.
        make: Graph function of an element of `source`.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    threads = min(os.cpu_count() or 1, MOST_THREADS)
    made = source.map(make, num_parallel_calls=threads, deterministic=True)
    return made.prefetch(BATCHES_AHEAD).with_options(options)

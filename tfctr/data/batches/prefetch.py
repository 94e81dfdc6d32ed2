"""Batches made beside the training step, on threads of a fixed number."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True)
class Prefetch:
    """How batches are made beside the training step; what each setting is worth: `benchmarks.step_options`.

    tf.data's autotuner is off. It wakes in periods that double from 10 ms on, and an iterator that is done waits for
    the next one: an epoch that ended just after 1.3 s took 2.6 s, one that ended after 2.6 s took 5.1 s, and so on.

    Args:
        batches: Batches that wait ready: enough to ride out a slow one, few enough to cost little memory.
        threads: Threads that make them; None takes one a core, at most 8: making a batch is a gather or a parse, and
            more threads than this take cores away from the step.
        autotune: Leave both numbers to the autotuner, for an input path that is slower than the step.

    Raises:
        ValueError: For a number below 1.
    """

    batches: int = 4
    threads: int | None = None
    autotune: bool = False

    def __post_init__(self) -> None:
        if self.batches < 1 or (self.threads is not None and self.threads < 1):
            raise ValueError(f"batches and threads are at least 1. Received: {self}")

    def map(self, source: tf.data.Dataset, make: Callable[..., tuple[Any, ...]]) -> tf.data.Dataset:
        """Return ``source.map(make)`` in the order of `source`, some batches ahead of who reads them.

        Args:
            source: What batches are made of.
            make: Graph function of an element of `source`.
        """
        options = tf.data.Options()
        options.autotune.enabled = self.autotune
        # A plan is a range and a map: there is nothing to rewrite, and looking for it takes 6 ms an epoch.
        options.experimental_optimization.apply_default_optimizations = self.autotune
        threads = tf.data.AUTOTUNE if self.autotune else self.threads or min(os.cpu_count() or 1, 8)
        batches = source.map(make, num_parallel_calls=threads, deterministic=True)
        return batches.prefetch(tf.data.AUTOTUNE if self.autotune else self.batches).with_options(options)


DEFAULT_PREFETCH = Prefetch()
"""The defaults."""

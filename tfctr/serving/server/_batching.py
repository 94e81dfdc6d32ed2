"""Batching across requests: concurrent calls of one signature share a run of the graph."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc
import numpy as np
from google.protobuf import message

from tfctr.serving.server._errors import RequestError, invalid
from tfctr.serving.server._saved_model import SavedModel

logger = logging.getLogger(__name__)

_Key: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, tuple[int, ...]], ...]]
"""Calls that may run together: their feeds, their fetches, and dtype and shape of a row of each value."""

_WITHOUT_EFFECT = ("pad_variable_length_inputs", "enable_large_batch_splitting", "max_execution_batch_size")
"""Parameters of TensorFlow Serving that are read, so that its files can be used as they are, and not followed."""


@dataclass(frozen=True)
class BatchingOptions:
    """TensorFlow Serving's BatchingParameters, with its defaults.

    Requests are not split and their inputs not padded; a log line names the parameters that ask for it.

    Args:
        max_batch_size: Rows in a batch; a larger request runs by itself.
        batch_timeout_micros: How long a batch waits for company, microseconds.
        max_enqueued_batches: Batches waiting; a request that would open another is UNAVAILABLE.
        num_batch_threads: Batches run at a time.
        allowed_batch_sizes: A batch is filled up with copies of its first row to the next of these sizes, so that the
            graph sees few shapes; empty means any size.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    allowed_batch_sizes: tuple[int, ...] = ()

    @classmethod
    def from_proto(cls, parameters: message.Message) -> BatchingOptions:
        """Read a BatchingParameters message.

        Raises:
            RequestError: INVALID_ARGUMENT for values that make no batcher.
        """
        names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
        given = {name: getattr(parameters, name).value for name in names if parameters.HasField(name)}
        sizes = tuple(parameters.allowed_batch_sizes)
        options = cls(**given, allowed_batch_sizes=sizes)
        if min(options.max_batch_size, options.num_batch_threads, options.max_enqueued_batches) < 1:
            raise invalid("batching parameters: max_batch_size, num_batch_threads, max_enqueued_batches must be >= 1")
        if sizes and (list(sizes) != sorted(set(sizes)) or sizes[-1] != options.max_batch_size):
            raise invalid("batching parameters: allowed_batch_sizes must increase and end with max_batch_size")
        if asked := [name for name in _WITHOUT_EFFECT if _wanted(getattr(parameters, name))]:
            logger.warning(
                "batching parameters without effect here: %s. A request of more rows than max_batch_size runs whole, "
                "by itself; inputs of different lengths are not joined.",
                ", ".join(asked),
            )
        return options


def _wanted(parameter: message.Message | bool) -> bool:
    """Whether a parameter is there and not off; numbers and switches stand in messages of their own, or do not."""
    return bool(getattr(parameter, "value", parameter))


@dataclass
class _Batch:
    """Requests that will run together; the thread that opened it runs it."""

    tasks: list[Sequence[np.ndarray]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    full: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    results: list[list[np.ndarray] | RequestError] = field(default_factory=list)


class Batcher:
    """Stands before a model and joins calls whose tensors fit together along the first axis.

    A call whose inputs differ in their first size (`rank`: one user, many items), has no rows or too many, runs by
    itself. When a batch fails, its calls are run one by one, so that one bad request spoils no other.

    Args:
        model: Runs the graph.
        options: Sizes, times and threads.
        wait_seconds: Longest time a call waits for its batch.
    """

    def __init__(self, model: SavedModel, options: BatchingOptions, wait_seconds: float):
        self._model = model
        self._options = options
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._open: dict[_Key, _Batch] = {}
        self._waiting = 0
        self._slots = threading.Semaphore(options.num_batch_threads)
        self.signatures = model.signatures

    def run(self, feeds: Sequence[str], fetches: Sequence[str], values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run the graph, maybe together with other calls; see `SavedModel.run`.

        Raises:
            RequestError: UNAVAILABLE when too many batches wait already.
        """
        rows = _common_rows(values)
        if not rows or rows > self._options.max_batch_size:
            return self._model.run(feeds, fetches, values)
        key = (tuple(feeds), tuple(fetches), tuple((value.dtype.str, value.shape[1:]) for value in values))
        batch, index = self._join(key, values, rows)
        if index == 0:
            self._lead(key, batch)
        elif not batch.done.wait(self._wait_seconds):
            raise RequestError(grpc.StatusCode.DEADLINE_EXCEEDED, "the batch of this request was not run in time")
        result = batch.results[index]
        if isinstance(result, RequestError):
            raise RequestError(result.code, result.message)
        return result

    def _join(self, key: _Key, values: Sequence[np.ndarray], rows: int) -> tuple[_Batch, int]:
        """Add a call to the open batch of its key, opening one when needed; return it and the call's place."""
        with self._lock:
            batch = self._open.get(key)
            if batch is not None and sum(batch.sizes) + rows > self._options.max_batch_size:
                self._close(key, batch)
                batch = None
            if batch is None:
                if self._waiting >= self._options.max_enqueued_batches:
                    raise RequestError(
                        grpc.StatusCode.UNAVAILABLE,
                        f"the batch queue is full: {self._waiting} batches wait (max_enqueued_batches)",
                    )
                self._waiting += 1
                batch = self._open[key] = _Batch()
            batch.tasks.append(values)
            batch.sizes.append(rows)
            if sum(batch.sizes) == self._options.max_batch_size:
                self._close(key, batch)
            return batch, len(batch.tasks) - 1

    def _close(self, key: _Key, batch: _Batch) -> None:
        """Let nobody else join; called with the lock held."""
        if self._open.get(key) is batch:
            del self._open[key]
        batch.full.set()

    def _lead(self, key: _Key, batch: _Batch) -> None:
        """Wait for company and for a free slot, then run the batch for all its calls."""
        began = time.monotonic()
        batch.full.wait(self._options.batch_timeout_micros / 1e6)
        got_slot = self._slots.acquire(timeout=max(0.0, self._wait_seconds - (time.monotonic() - began)))
        with self._lock:
            self._close(key, batch)
            self._waiting -= 1
        try:
            if got_slot:
                batch.results = self._run_batch(key, batch)
            else:
                busy = RequestError(grpc.StatusCode.DEADLINE_EXCEEDED, "no batch thread became free in time")
                batch.results = [busy] * len(batch.tasks)
        finally:
            if got_slot:
                self._slots.release()
            if not batch.results:  # a fault of ours: the others must not wait for ever
                batch.results = [RequestError(grpc.StatusCode.INTERNAL, "the batch failed")] * len(batch.tasks)
            batch.done.set()

    def _run_batch(self, key: _Key, batch: _Batch) -> list[list[np.ndarray] | RequestError]:
        feeds, fetches, _ = key
        if len(batch.tasks) > 1 or self._options.allowed_batch_sizes:
            rows = sum(batch.sizes)
            size = next((size for size in self._options.allowed_batch_sizes if size >= rows), rows)
            try:
                joined = [_joined(arrays, size) for arrays in zip(*batch.tasks, strict=True)]
                outputs = self._model.run(feeds, fetches, joined)
                if all(output.ndim and len(output) == size for output in outputs):
                    ends = np.cumsum(batch.sizes)
                    return [
                        [output[end - count : end] for output in outputs]
                        for end, count in zip(ends, batch.sizes, strict=True)
                    ]
            except RequestError:
                pass  # one of them is bad: below each gets its own answer
        return [self._run_alone(feeds, fetches, values) for values in batch.tasks]

    def _run_alone(
        self, feeds: Sequence[str], fetches: Sequence[str], values: Sequence[np.ndarray]
    ) -> list[np.ndarray] | RequestError:
        try:
            return self._model.run(feeds, fetches, values)
        except RequestError as error:
            return error


def _common_rows(values: Sequence[np.ndarray]) -> int:
    """Return the size of the first axis that all arrays have in common, 0 when there is none."""
    sizes = {value.shape[0] if value.ndim else -1 for value in values}
    return sizes.pop() if len(sizes) == 1 and -1 not in sizes else 0


def _joined(arrays: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Put arrays one below the other and fill up to `size` rows with copies of the first row."""
    missing = size - sum(len(array) for array in arrays)
    padding = [np.repeat(arrays[0][:1], missing, axis=0)] if missing else []
    return np.concatenate([*arrays, *padding])

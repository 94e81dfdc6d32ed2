"""The analyzer behind `learn_label_scales`; a module of its own, because it loads Beam."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.io.filesystems import FileSystems
from numpy.typing import NDArray
from tensorflow_transform.beam.experimental import PTransformAnalyzer

from tfctr.transform._numeric import CONSTANT_SHARE

Moments = NDArray[np.float64]
"""Number of labels, their mean and the sum of squared deviations from it, of each task: ``(tasks, 3)``."""


class LabelMoments(PTransformAnalyzer):
    """Write mean and standard deviation of labels over the data set as one JSON file, ``{task: [mean, deviation]}``.

    In float64 and by merged means, so that a deviation far below the mean keeps its digits.

    Args:
        name: Of the file.
        tasks: Names of the tasks; a batch has the labels of each, and which of them count.
    """

    def __init__(self, name: str, tasks: Sequence[str]):
        super().__init__()
        self._name, self._tasks = name, tuple(tasks)

    def expand(self, batches: beam.PCollection) -> tuple[beam.PCollection]:
        """Return a collection of the file's path alone."""
        written = (
            batches
            | "Moments" >> beam.Map(_moments)
            | "Merge" >> beam.CombineGlobally(_Merge(len(self._tasks)))
            | "Write" >> beam.FlatMap(_write, self._name, self._tasks, self.base_temp_dir)
        )
        return (written,)


def _moments(batch: tuple[Any, ...]) -> Moments:
    return np.array(
        [_of_labels(label[counts]) for label, counts in zip(batch[::2], batch[1::2], strict=True)], np.float64
    )


def _of_labels(labels: NDArray[Any]) -> tuple[float, float, float]:
    if not len(labels):
        return 0.0, 0.0, 0.0
    mean = labels.mean(dtype=np.float64)
    return len(labels), float(mean), float(np.sum((labels - mean) ** 2))


class _Merge(beam.CombineFn):
    """Merges moments of parts of the rows.

    Args:
        tasks: Number of tasks.
    """

    def __init__(self, tasks: int):
        self._tasks = tasks

    def create_accumulator(self) -> Moments:
        return np.zeros((self._tasks, 3))

    def add_input(self, accumulator: Moments, element: Moments) -> Moments:
        return _merged(accumulator, element)

    def merge_accumulators(self, accumulators: Iterable[Moments]) -> Moments:
        total = self.create_accumulator()
        for part in accumulators:
            total = _merged(total, part)
        return total

    def extract_output(self, accumulator: Moments) -> Moments:
        return accumulator


def _merged(one: Moments, other: Moments) -> Moments:
    count = one[:, 0] + other[:, 0]
    share = np.divide(other[:, 0], count, out=np.zeros_like(count), where=count > 0)
    apart = other[:, 1] - one[:, 1]
    squares = one[:, 2] + other[:, 2] + apart**2 * one[:, 0] * share
    return np.stack([count, one[:, 1] + apart * share, squares], axis=1)


def scale_of(count: float, mean: float, squares: float) -> tuple[float, float]:
    """Return mean and deviation as models take them, in float32's digits; labels that are all alike have deviation 1.

    >>> scale_of(4, 2.5, 5.0), scale_of(3, 7.0, 0.0), scale_of(0, 0.0, 0.0)
    ((2.5, 1.1180340051651), (7.0, 1.0), (0.0, 1.0))
    """
    deviation = float(np.sqrt(squares / count)) if count else 0.0
    varies = deviation > CONSTANT_SHARE * abs(mean)
    return float(np.float32(mean)), float(np.float32(deviation)) if varies else 1.0


def _write(moments: Moments, name: str, tasks: Sequence[str], folder: str) -> Iterator[NDArray[Any]]:
    scales = {task: scale_of(*row) for task, row in zip(tasks, moments.tolist(), strict=True)}
    if not FileSystems.exists(folder):
        FileSystems.mkdirs(folder)
    path = posixpath.join(folder, name)
    with FileSystems.create(path) as stream:
        stream.write(json.dumps(scales, sort_keys=True).encode())
    yield np.array(path)

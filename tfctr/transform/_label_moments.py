"""The analyzer behind `learn_label_scales`; a module of its own, because it loads Beam."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray
from tensorflow_transform.beam.experimental import PTransformAnalyzer

from tfctr.transform._moments import Moments, merged, moments_of, scales_text
from tfctr.transform._shared_files import write_shared


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
            | "Moments" >> beam.Map(_of_batch)
            | "Merge" >> beam.CombineGlobally(_Merge(len(self._tasks)))
            | "Write" >> beam.FlatMap(_write, self._name, self._tasks, self.base_temp_dir)
        )
        return (written,)


def _of_batch(batch: tuple[Any, ...]) -> Moments:
    return moments_of([label[counts] for label, counts in zip(batch[::2], batch[1::2], strict=True)])


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
        return merged(accumulator, element)

    def merge_accumulators(self, accumulators: Iterable[Moments]) -> Moments:
        total = self.create_accumulator()
        for part in accumulators:
            total = merged(total, part)
        return total

    def extract_output(self, accumulator: Moments) -> Moments:
        return accumulator


def _write(moments: Moments, name: str, tasks: Sequence[str], folder: str) -> Iterator[NDArray[Any]]:
    yield np.array(write_shared(folder, name, scales_text(moments, tasks).encode()))

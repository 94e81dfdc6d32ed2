"""All vocabularies of a transform, counted in one pass: one analyzer, whatever the number of tables.

TFT's own `vocabulary` is a dozen Beam stages for each table. Stages cost the same for ten rows and for ten million, so
that they were two thirds of the time of a small log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_transform.beam.experimental import PTransformAnalyzer

from tfctr.transform._shared_files import write_shared
from tfctr.transform._vocabulary_files import CountedFile, coded, vocabulary_text

Batch = tuple[np.ndarray[Any, Any], ...]
"""The tokens of each table in a batch of rows, then how many values each table has in it."""

Counted = tuple[int, bytes]
"""Number of seen values, and the value: sorted so, from the last on, they are a vocabulary's lines."""


class CountValues(PTransformAnalyzer):
    """Count values over the data set and write a file of lines ``count value`` for each table, the largest count first.

    Args:
        files: What is written for each table.
        totals: Name of the file of all tables' sizes.
        tables: Names of the tables whose sizes come last in a batch, in that order.
    """

    def __init__(self, files: Sequence[CountedFile], totals: str, tables: Sequence[str]):
        super().__init__()
        self._files = (*files, CountedFile(totals))
        self._tables = [name.encode() for name in tables]

    def expand(self, batches: beam.PCollection) -> tuple[beam.PCollection, ...]:
        """Return for each file, the totals last, a collection of its path alone."""
        counts = batches | "CountBatches" >> beam.FlatMap(self._count).with_output_types(tuple[tuple[int, bytes], int])
        paths: tuple[beam.PCollection, ...] = counts | WriteCounted(self._files, self.base_temp_dir)
        return paths

    def _count(self, batch: Batch) -> Iterator[tuple[tuple[int, bytes], int]]:
        *tokens, sizes = batch
        for number, values in enumerate(tokens):
            for value, count in Counter(values.tolist()).items():
                if value:  # a missing text is no value
                    yield (number, coded(value)), count
        for table, size in zip(self._tables, sizes.tolist(), strict=True):
            yield (len(tokens), table), size


class WriteCounted(beam.PTransform):
    """Add up how often each value of each file was seen, and write the files.

    A file's values are sorted on one worker, whose memory must hold them; they are counted on all.

    Args:
        files: What is written; a value comes as ``((number of the file, value as `coded`), count)``.
        folder: Of the files.
    """

    def __init__(self, files: Sequence[CountedFile], folder: str):
        super().__init__()
        self._files, self._folder = files, folder

    def expand(self, counts: beam.PCollection) -> tuple[beam.PCollection, ...]:
        """Return for each file a collection of its path alone."""
        names = [str(number) for number in range(len(self._files))]
        by_file = (
            counts
            | "Sum" >> beam.CombinePerKey(sum)
            | "ByFile" >> beam.MapTuple(_by_file).with_output_types(tuple[int, tuple[int, bytes]])
        )
        # Every file is written, one without a value too.
        every = counts.pipeline | "Files" >> beam.Create([(number, (0, b"")) for number in range(len(names))])
        written = (
            (by_file, every)
            | "WithAll" >> beam.Flatten()
            | "Group" >> beam.GroupByKey()
            | "Write" >> beam.FlatMap(_write, self._files, self._folder).with_outputs(*names)
        )
        return tuple(written[name] for name in names)


def _by_file(key: tuple[int, bytes], count: int) -> tuple[int, Counted]:
    number, value = key
    return number, (count, value)


def _write(
    group: tuple[int, Iterable[Counted]], files: Sequence[CountedFile], folder: str
) -> Iterator[beam.pvalue.TaggedOutput]:
    number, counted = group
    file = files[number]
    path = write_shared(folder, file.name, vocabulary_text(counted, file))
    yield beam.pvalue.TaggedOutput(str(number), np.array(path))

"""Learning from rows in memory: NumPy's numbers in place of TFT's analyzers, without Beam and without a graph.

Stages of Beam and traces of graphs cost the same for ten rows and for ten million; of a small log they were nearly all
the time. Here a batch of rows goes through the first half of the transform as plain operations, and `Learning` adds up
what it is shown. `Learned` then answers with constants and files, and the transform is traced once, around them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.sketches import QuantilesSketch

from tfctr.transform._analyzers import quantile_error
from tfctr.transform._moments import Moments, merged, moments_of, scales_text
from tfctr.transform._vocabulary_files import SCALES_NAME, TOTALS_NAME, CountedFile, coded, vocabulary_text

_MOST_VALUES = 1 << 32
"""Values of a column up to which the error of its bounds is kept; TFT's own number."""


class Learning:
    """Adds up batches; an `Analyzers` whose answers mean nothing yet.

    Memory holds the distinct values of all vocabularies, and for numbers a few kilobytes a column.
    """

    def __init__(self) -> None:
        self._moments: Moments | None = None
        self._labels: Moments | None = None
        self._tasks: Sequence[str] = ()
        self._sketches: list[tuple[int, QuantilesSketch]] = []
        self._counts: list[Counter[bytes]] = []
        self._files: Sequence[CountedFile] = ()
        self._totals: Counter[str] = Counter()

    def moments(self, matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Analyzers`."""
        columns = matrix.numpy().T
        self._moments = _added(self._moments, moments_of([column[~np.isnan(column)] for column in columns]))
        return tf.zeros([len(columns)], tf.float64), tf.ones([len(columns)], tf.float64)

    def quantiles(self, columns: Sequence[tf.Tensor], buckets: Sequence[int]) -> Sequence[tf.Tensor]:
        """See `Analyzers`. With the sketch that TFT's analyzer keeps."""
        if not self._sketches:
            self._sketches = [(n, QuantilesSketch(quantile_error(n), _MOST_VALUES, 1)) for n in buckets]
        for column, (_, sketch) in zip(columns, self._sketches, strict=True):
            sketch.AddValues(pa.array(column.numpy()))
        return [tf.zeros([number - 1]) for number in buckets]

    def counted_values(
        self, tokens: Sequence[tf.Tensor], files: Sequence[CountedFile], sizes: dict[str, tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        """See `Analyzers`."""
        self._files, self._counts = files, self._counts or [Counter() for _ in files]
        for values, counter in zip(tokens, self._counts, strict=True):
            for value, count in Counter(values.numpy().tolist()).items():
                counter[coded(value)] += count
        self._totals.update({table: int(size) for table, size in sizes.items()})
        return [tf.constant("")] * len(files)

    def label_moments(self, columns: Sequence[tf.Tensor], tasks: Sequence[str]) -> None:
        """See `Analyzers`."""
        labels = [label.numpy()[counts.numpy()] for label, counts in zip(columns[::2], columns[1::2], strict=True)]
        self._tasks, self._labels = tasks, _added(self._labels, moments_of(labels))

    def learned(self, folder: Path) -> Learned:
        """Return what was learned so far, its files written to `folder`."""
        counted = list(zip(self._files, self._counts, strict=True))
        if self._totals:
            totals = Counter({table.encode(): count for table, count in self._totals.items()})
            counted.append((CountedFile(TOTALS_NAME), totals))
        texts = {f.name: vocabulary_text(((n, value) for value, n in counts.items()), f) for f, counts in counted}
        if self._labels is not None:
            texts[SCALES_NAME] = scales_text(self._labels, self._tasks).encode()
        for name, text in texts.items():
            (folder / name).write_bytes(text)
        return Learned(
            folder, self._moments, [_bounds(number, sketch) for number, sketch in self._sketches], list(texts)
        )


class Learned:
    """An `Analyzers` that has learned all: constants, and files that are kept with the graph.

    Args:
        folder: Of the files.
        moments: Of the matrix of numbers.
        bounds: Of the buckets of each column, float32 ``(buckets - 1,)``.
        files: Names of the files.
    """

    def __init__(self, folder: Path, moments: Moments | None, bounds: Sequence[np.ndarray], files: Sequence[str]):
        self._folder, self._moments, self._bounds, self._names = folder, moments, bounds, tuple(files)

    def moments(self, matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Analyzers`."""
        assert self._moments is not None  # `Learning` was asked the same
        count, mean, squares = self._moments.T
        with np.errstate(invalid="ignore"):
            variance = squares / count  # NaN for a column without values
        return tf.constant(mean), tf.constant(variance)

    def quantiles(self, columns: Sequence[tf.Tensor], buckets: Sequence[int]) -> Sequence[tf.Tensor]:
        """See `Analyzers`."""
        return [tf.constant(bounds) for bounds in self._bounds]

    def counted_values(
        self, tokens: Sequence[tf.Tensor], files: Sequence[CountedFile], sizes: dict[str, tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        """See `Analyzers`."""
        with tf.init_scope():  # known paths: the tables of a graph are made outside it
            return [tf.constant(str(self._folder / file.name)) for file in files]

    def label_moments(self, columns: Sequence[tf.Tensor], tasks: Sequence[str]) -> None:
        """See `Analyzers`."""

    @property
    def files(self) -> list[str]:
        """Paths of all files that the graph is kept with."""
        return [str(self._folder / name) for name in self._names]


def _added(one: Moments | None, other: Moments) -> Moments:
    return other if one is None else merged(one, other)


def _bounds(buckets: int, sketch: QuantilesSketch) -> np.ndarray:
    """The bounds between buckets; zeros for a column without values, as TFT has it."""
    found = sketch.GetQuantiles(buckets).to_pylist()
    return np.asarray(found[0][1:-1] if found else np.zeros(buckets - 1), np.float32)

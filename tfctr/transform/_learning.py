"""Learning from batches of rows: NumPy's numbers in place of TFT's analyzers, without a graph.

Stages of Beam and traces of graphs cost the same for ten rows and for ten million; of a small log they were nearly all
the time. Here a batch of rows goes through the first half of the transform as plain operations, and `Learning` adds up
what it is shown: all rows of a table in memory, or the part of a log that a worker of Beam has. `Learned` then answers
with constants and files, and the transform is traced once, around them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.sketches import QuantilesSketch

from tfctr.spec import CrossFeature, FeatureSpec, NumericFeature
from tfctr.transform._analyzers import quantile_error
from tfctr.transform._feature_columns import feature_columns
from tfctr.transform._label_scales import learn_label_scales
from tfctr.transform._moments import Moments, merged, moments_of, scales_text
from tfctr.transform._numeric import learn_numbers, numeric_columns, numeric_outputs
from tfctr.transform._tasks import task_outputs
from tfctr.transform._vocabulary_files import SCALES_NAME, TOTALS_NAME, CountedFile, coded, vocabulary_text
from tfctr.transform.preprocessing import id_columns, learn_tables

_MOST_VALUES = 1 << 32
"""Values of a column up to which the error of its bounds is kept; TFT's own number."""


@dataclass
class Numbers:
    """What was learned of numbers and labels from some rows; None where nothing was asked.

    Args:
        values: Moments of the matrix of numeric features.
        labels: Moments of the labels of regression tasks.
        sketches: Of the columns with quantile buckets.
        rows: How many they were, where somebody counted.
    """

    values: Moments | None = None
    labels: Moments | None = None
    sketches: list[QuantilesSketch] = field(default_factory=list)
    rows: int = 0

    def add(self, other: Numbers) -> None:
        """Make this what was learned from the rows of both; `other` may be used no more."""
        self.values = _added(self.values, other.values)
        self.labels = _added(self.labels, other.labels)
        for sketch, more in zip(self.sketches, other.sketches, strict=False):
            sketch.Merge(more)
        self.sketches = self.sketches or other.sketches
        self.rows += other.rows

    def bounds(self, buckets: Sequence[int]) -> list[np.ndarray]:
        """Return the bounds of the buckets of each column, float32 ``(buckets - 1,)``."""
        return [_bounds(number, sketch) for number, sketch in zip(buckets, self.sketches, strict=True)]


class Learning:
    """Adds up batches; an `Analyzers` whose answers mean nothing yet.

    Memory holds the distinct values of all vocabularies, and for numbers a few kilobytes a column.

    Attributes:
        numbers: What was learned of numbers and labels.
        counts: How often each value was seen, by file.
        files: The files of counted values that are to be written, the totals last; empty where no rows were shown.
        buckets: Of each column with quantile buckets.
        tasks: Names of the regression tasks.
    """

    def __init__(self) -> None:
        self.numbers = Numbers()
        self.counts: list[Counter[bytes]] = []
        self.files: Sequence[CountedFile] = ()
        self.buckets: Sequence[int] = ()
        self.tasks: Sequence[str] = ()

    def moments(self, matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Analyzers`."""
        columns = matrix.numpy().T
        self.numbers.values = _added(self.numbers.values, moments_of([column[~np.isnan(column)] for column in columns]))
        return tf.zeros([len(columns)], tf.float64), tf.ones([len(columns)], tf.float64)

    def quantiles(self, columns: Sequence[tf.Tensor], buckets: Sequence[int]) -> Sequence[tf.Tensor]:
        """See `Analyzers`. With the sketch that TFT's analyzer keeps."""
        self.buckets = buckets
        if not self.numbers.sketches:
            self.numbers.sketches = [QuantilesSketch(quantile_error(n), _MOST_VALUES, 1) for n in buckets]
        for column, sketch in zip(columns, self.numbers.sketches, strict=True):
            sketch.AddValues(pa.array(column.numpy()))
        return [tf.zeros([number - 1]) for number in buckets]

    def counted_values(
        self, tokens: Sequence[tf.Tensor], files: Sequence[CountedFile], sizes: dict[str, tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        """See `Analyzers`."""
        self.files = [*files, CountedFile(TOTALS_NAME)]
        self.counts = self.counts or [Counter() for _ in self.files]
        for values, counter in zip(tokens, self.counts, strict=False):
            for value, count in Counter(values.numpy().tolist()).items():
                counter[coded(value)] += count
        self.counts[-1].update({table.encode(): int(size) for table, size in sizes.items()})
        return [tf.constant("")] * len(files)

    def label_moments(self, columns: Sequence[tf.Tensor], tasks: Sequence[str]) -> None:
        """See `Analyzers`."""
        labels = [label.numpy()[counts.numpy()] for label, counts in zip(columns[::2], columns[1::2], strict=True)]
        self.tasks, self.numbers.labels = tasks, _added(self.numbers.labels, moments_of(labels))

    def learned(self, folder: Path) -> Learned:
        """Return what was learned so far, its files written to `folder`."""
        for file, counter in zip(self.files, self.counts, strict=True):
            text = vocabulary_text(((count, value) for value, count in counter.items()), file)
            (folder / file.name).write_bytes(text)
        numbers = self.numbers
        return self.with_answers(numbers.values, numbers.labels, numbers.bounds(self.buckets), folder)

    def with_answers(
        self, values: Moments | None, labels: Moments | None, bounds: Sequence[np.ndarray], folder: Path
    ) -> Learned:
        """Return answers to what was asked here, whoever added them up.

        Args:
            values: Moments of the matrix of numeric features.
            labels: Moments of the labels, whose file is written.
            bounds: Of the buckets of each column, float32 ``(buckets - 1,)``.
            folder: Of the files of counted values.
        """
        files = [file.name for file in self.files]
        if labels is not None:
            (folder / SCALES_NAME).write_text(scales_text(labels, self.tasks), "utf-8")
            files.append(SCALES_NAME)
        return Learned(folder, values, bounds, files)


def learn_numbers_of(spec: FeatureSpec, raw: Mapping[str, tf.SparseTensor], learning: Learning) -> None:
    """Show rows to what learns moments and bounds of numbers and labels."""
    learn_numbers(numeric_columns(spec, feature_columns(spec, raw)), learning)
    learn_label_scales(spec, task_outputs(spec, raw), learning)


def learn_values_of(
    spec: FeatureSpec, raw: Mapping[str, tf.SparseTensor], learning: Learning, numbers: Learned | None
) -> None:
    """Show rows to what counts values; `numbers` are needed where `crosses_buckets`."""
    columns = feature_columns(spec, raw)
    outputs: Mapping[str, tf.Tensor] = {}
    if numbers is not None:
        numeric = numeric_columns(spec, columns)
        outputs = numeric_outputs(numeric, learn_numbers(numeric, numbers))
    learn_tables(spec, columns, id_columns(spec, columns, outputs), learning)


def crosses_buckets(spec: FeatureSpec) -> bool:
    """Return whether bounds of buckets must be known before values are counted: they go into crosses."""
    bucketed = {feature.name for feature in spec.features if isinstance(feature, NumericFeature)}
    return any(bucketed.intersection(f.of) for f in spec.features if isinstance(f, CrossFeature))


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


def _added(one: Moments | None, other: Moments | None) -> Moments | None:
    if one is None or other is None:
        return other if one is None else one
    return merged(one, other)


def _bounds(buckets: int, sketch: QuantilesSketch) -> np.ndarray:
    """The bounds between buckets; zeros for a column without values, as TFT has it."""
    found = sketch.GetQuantiles(buckets).to_pylist()
    return np.asarray(found[0][1:-1] if found else np.zeros(buckets - 1), np.float32)

"""Batches of TFRecord files of transformed `tf.Example`s, parsed a batch at a time."""

from __future__ import annotations

import functools
import glob
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Unpack, cast

import numpy as np
import tensorflow as tf

from tfctr.data.batches._seeded_plan import PlanOptions, SeededPlan
from tfctr.data.batches.element import Element, element, tensor_infos
from tfctr.data.errors import DataError
from tfctr.spec import BoundSpec, FeatureSpec

SHUFFLE_ROWS = 65_536
"""Rows the shuffle buffer holds by default: at 1 kB a row, 64 MB."""

INTERLEAVED = {"cycle_length": 8, "block_length": 16, "num_parallel_calls": 8, "deterministic": True}


class FilePlan(SeededPlan):
    """The batches of TFRecord files, epoch by epoch; the same seed gives the same batches on every machine.

    Rows are mixed by the order of the files, by reading several at once and by a shuffle buffer, all decided by
    `seed` and the number of the epoch. Steps before `start_step` are read and not parsed.

    Args:
        files: Glob pattern, folder, file, or a list of them; ``.gz`` files are compressed.
        spec: The spec the examples were made by.
        shuffle_rows: Rows the shuffle buffer holds.
        **options: `batch_size`, `seed`, `shuffle`, `drop_remainder`, `labels` and `prefetch` of `SeededPlan`.

    Raises:
        DataError: When no file is found, the files have no rows, or the first example lacks a tensor.
    """

    def __init__(
        self,
        files: str | Path | Sequence[str | Path],
        spec: FeatureSpec | BoundSpec,
        *,
        shuffle_rows: int = SHUFFLE_ROWS,
        **options: Unpack[PlanOptions],
    ):
        super().__init__(spec, **options)
        self.shuffle_rows = shuffle_rows
        self.files = _files(files)
        infos = tensor_infos(self.spec, _names_in(self.files), labels=self.labels)
        self._parsed_as = {info.name: tf.io.FixedLenFeature(info.shape, info.dtype) for info in infos}

    @functools.cached_property
    def rows(self) -> int:  # type: ignore[override]  # an attribute of other plans, counted when asked for here
        """Rows in all files, counted by reading them once."""
        return int(_records(self.files).reduce(np.int64(0), lambda count, _: count + 1))

    def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of an epoch (from 0) from `start_step` (from 0) on."""
        generator = np.random.default_rng([self.seed, epoch])
        order = generator.permutation(len(self.files)) if self.shuffle else np.arange(len(self.files))
        files = [self.files[place] for place in order]
        if self._numbers is None and not self._columns:
            sources, opened = tf.data.Dataset.from_tensor_slices(files), cast(Callable[..., Any], _open)
        else:
            sources, opened = tf.data.Dataset.from_tensor_slices((files, self._starts[order])), self._open_numbered
        records = sources.interleave(opened, **INTERLEAVED) if self.shuffle else sources.flat_map(opened)
        if self.shuffle:
            buffer_seed = int(generator.integers(2**31))
            records = records.shuffle(self.shuffle_rows, seed=buffer_seed, reshuffle_each_iteration=False)
        return self.parsed(records, start_step=start_step)

    @functools.cached_property
    def _starts(self) -> np.ndarray:
        """Number of the first row of each file."""
        counts = [int(_records([file]).reduce(np.int64(0), lambda count, _: count + 1)) for file in self.files]
        return np.cumsum([0, *counts[:-1]])

    def _open_numbered(self, file: tf.Tensor, start: tf.Tensor) -> tf.data.Dataset:
        """Return the kept records of one file, each with the number of its row."""
        records = tf.data.Dataset.zip(_open(file), tf.data.Dataset.counter(start))
        if self._numbers is None:
            return records
        kept = np.isin(np.arange(self.all_rows), self._numbers, assume_unique=True)
        return records.filter(lambda _, number: tf.gather(kept, number))

    def parsed(self, records: tf.data.Dataset, *, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of a dataset of serialized examples."""
        batches = records.batch(self.batch_size, drop_remainder=self.drop_remainder).skip(start_step)

        columns = {name: tf.constant(values) for name, values in self._columns.items()}

        def parse(serialized: tf.Tensor, *numbers: tf.Tensor) -> Element:
            tensors = tf.io.parse_example(serialized, self._parsed_as)
            tensors |= {name: tf.gather(column, *numbers) for name, column in columns.items()}
            return element(tensors, self.spec, labels=self.labels)

        return self.prefetch.map(batches, parse)


def transformed_dataset(
    pattern: str | Path | Sequence[str | Path],
    spec: FeatureSpec | BoundSpec,
    *,
    batch_size: int,
    seed: int | None = None,
    shuffle: bool = False,
    shuffle_rows: int = SHUFFLE_ROWS,
    drop_remainder: bool = False,
    labels: bool = True,
) -> tf.data.Dataset:
    """Return TFRecord files of transformed examples as a dataset for `model.fit`, `evaluate` and `predict`.

    With `shuffle` every pass over the dataset has a new order; a `seed` makes the sequence of orders the same in
    every run. For training that can be resumed take `FilePlan`, which has the same arguments.

    Raises:
        DataError: When no file is found, the files have no rows, or the first example lacks a tensor.
    """
    plan = FilePlan(pattern, spec, batch_size=batch_size, drop_remainder=drop_remainder, labels=labels)
    if not shuffle:
        return plan.parsed(_records(plan.files))
    files = tf.data.Dataset.from_tensor_slices(plan.files)
    files = files.shuffle(len(plan.files), seed=seed, reshuffle_each_iteration=True)
    records = files.interleave(_open, **INTERLEAVED)
    return plan.parsed(records.shuffle(shuffle_rows, seed=seed, reshuffle_each_iteration=True))


def _files(patterns: str | Path | Sequence[str | Path]) -> list[str]:
    """Return the files of the patterns, folders unfolded, sorted by name within each pattern."""
    found: list[str] = []
    for pattern in [patterns] if isinstance(patterns, str | Path) else patterns:
        text = str(Path(pattern) / "*") if Path(pattern).is_dir() else str(pattern)
        found += [name for name in sorted(glob.glob(text)) if Path(name).is_file() and not _hidden(name)]
    if not found:
        raise DataError(f"no TFRecord file matches {patterns!s}")
    return found


def _hidden(name: str) -> bool:
    return Path(name).name.startswith((".", "_"))


def _open(file: tf.Tensor) -> tf.data.Dataset:
    """Return the records of one file, compressed or not as its name says."""
    compressed = tf.strings.regex_full_match(file, r".*\.gz")
    return tf.data.TFRecordDataset(file, compression_type=tf.where(compressed, "GZIP", ""))


def _records(files: Sequence[str]) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(list(files)).flat_map(_open)


def _names_in(files: Sequence[str]) -> list[str]:
    """Return the names of the tensors in the first example."""
    try:
        first = next(iter(_records(files).take(1)), None)
    except tf.errors.DataLossError as error:
        raise DataError(f"{files[0]} is no TFRecord file, or only half of one: {error.message}") from error
    if first is None:
        raise DataError(f"no example in {len(files)} TFRecord file(s), the first of them {files[0]}")
    return list(tf.train.Example.FromString(first.numpy()).features.feature)

"""Batches of Parquet files of transformed columns: from memory where the rows fit, else by row groups."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Unpack

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from tfctr.data._readers.files import Paths, find_files
from tfctr.data.batches._packed import Layout
from tfctr.data.batches._seeded_plan import PlanOptions, SeededPlan
from tfctr.data.batches.arrays import ArrayPlan
from tfctr.data.batches.arrow import arrays_of
from tfctr.data.batches.element import element, tensor_infos
from tfctr.data.errors import DataError
from tfctr.spec import BoundSpec, FeatureSpec

MEMORY_BYTES = 2 * 2**30
"""Rows are kept in memory up to 2 GiB by default: about five million of 50 numbers."""

Matrices = dict[str, np.ndarray]


@dataclass(frozen=True)
class RowGroup:
    """A row group of a file, the unit that is read."""

    file: str
    index: int
    rows: int


class ParquetPlan(SeededPlan):
    """The batches of Parquet files, epoch by epoch; the same arguments give the same batches on every machine.

    Files whose rows take at most `memory_bytes` are read once and kept, and all rows are mixed. Longer ones are read
    in every epoch, a window of row groups at a time, the next one while the batches of this one are taken: the order
    of the groups and the rows within a window are mixed. An epoch can begin at any step without reading what comes
    before.

    Args:
        files: Glob pattern, folder, file, or a list of them, such as `write_transformed` writes.
        spec: The spec the columns were made by.
        window_groups: Row groups mixed with one another when the rows are not kept.
        memory_bytes: Most memory for rows; 0 never keeps them.
        **options: `batch_size`, `seed`, `shuffle`, `drop_remainder`, `labels` and `prefetch` of `SeededPlan`.

    Raises:
        DataError: When no file is found, a file is damaged, or a column is missing or unfit.
    """

    def __init__(
        self,
        files: Paths,
        spec: FeatureSpec | BoundSpec,
        *,
        window_groups: int = 8,
        memory_bytes: int = MEMORY_BYTES,
        **options: Unpack[PlanOptions],
    ):
        super().__init__(spec, **options)
        if window_groups < 1:
            raise ValueError(f"window_groups must be at least 1, received {window_groups}")
        self.window_groups = window_groups
        self.files = [str(file) for file in find_files(files, "parquet")]
        self._groups = [group for file in self.files for group in _row_groups(file)]
        self.rows = sum(group.rows for group in self._groups)
        self._infos = tensor_infos(self.spec, _schema_of(self.files[0]).names, labels=self.labels)
        self._layout = Layout.from_infos(self._infos)
        self.in_memory = self.rows * self._layout.bytes_per_row <= memory_bytes
        """Whether the rows are kept in memory."""

    def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of an epoch (from 0) from `start_step` (from 0) on."""
        if self.in_memory:
            return self._in_memory_plan.epoch(epoch, start_step)
        size = self.batch_size if self.drop_remainder else None
        signature = {d: tf.TensorSpec((size, width), d) for d, width in self._layout.widths.items()}
        packed = tf.data.Dataset.from_generator(lambda: self._batches(epoch, start_step), output_signature=signature)
        batches = self.prefetch.map(
            packed, lambda matrices: element(self._layout.unpack(matrices), self.spec, labels=self.labels)
        )
        steps = max(self.steps_per_epoch - start_step, 0)
        return batches.apply(tf.data.experimental.assert_cardinality(steps))

    @cached_property
    def _in_memory_plan(self) -> ArrayPlan:
        """All rows, in memory."""
        parts = [_read(group, [info.name for info in self._infos]) for group in self._groups]
        table = pa.concat_tables(parts) if parts else _schema_of(self.files[0]).empty_table()
        return ArrayPlan(arrays_of(table, self._infos), self.spec, **self.options)

    def _windows(self, epoch: int) -> list[list[RowGroup]]:
        """The row groups of an epoch in their order, as many together as are mixed."""
        groups = self._groups
        if self.shuffle:
            order = np.random.default_rng([self.seed, epoch]).permutation(len(groups))
            groups = [groups[index] for index in order]
        return [groups[start : start + self.window_groups] for start in range(0, len(groups), self.window_groups)]

    def _batches(self, epoch: int, start_step: int) -> Iterator[Matrices]:
        """Yield the packed batches of an epoch from a step on."""
        skip = start_step * self.batch_size
        waiting: list[Matrices] = []  # rows that did not fill a batch yet
        for window in self._read_ahead(epoch, skip):
            waiting.append(window)
            rows = _joined(waiting)
            count = len(next(iter(rows.values())))
            whole = count - count % self.batch_size
            for start in range(0, whole, self.batch_size):
                yield {dtype: matrix[start : start + self.batch_size] for dtype, matrix in rows.items()}
            waiting = [{dtype: matrix[whole:] for dtype, matrix in rows.items()}]
        rest = _joined(waiting) if waiting else {}
        if not self.drop_remainder and rest and len(next(iter(rest.values()))):
            yield rest

    def _read_ahead(self, epoch: int, skip: int) -> Iterator[Matrices]:
        """Yield the windows of an epoch without its first `skip` rows, each read while the one before is used."""
        wanted: list[tuple[int, list[RowGroup], int]] = []
        for number, window in enumerate(self._windows(epoch)):
            rows = sum(group.rows for group in window)
            if skip < rows:
                wanted.append((number, window, skip))
            skip = max(skip - rows, 0)
        with ThreadPoolExecutor(1, thread_name_prefix="parquet") as reader:
            ahead = [reader.submit(self._window, epoch, *item) for item in wanted[:1]]
            for item in [*wanted[1:], None]:
                if not ahead:
                    return
                ready = ahead.pop().result()
                if item is not None:
                    ahead.append(reader.submit(self._window, epoch, *item))
                yield ready

    def _window(self, epoch: int, number: int, groups: list[RowGroup], skip: int) -> Matrices:
        """Read row groups, mix their rows and leave the first `skip` out."""
        table = pa.concat_tables([_read(group, [info.name for info in self._infos]) for group in groups])
        packed = self._layout.pack(arrays_of(table, self._infos), table.num_rows)
        if not self.shuffle:
            return {dtype: matrix[skip:] for dtype, matrix in packed.items()}
        order = np.random.default_rng([self.seed, epoch, number]).permutation(table.num_rows)[skip:]
        return {dtype: matrix[order] for dtype, matrix in packed.items()}


def _joined(parts: list[Matrices]) -> Matrices:
    if len(parts) == 1:
        return parts[0]
    return {dtype: np.concatenate([part[dtype] for part in parts]) for dtype in parts[0]}


def _row_groups(file: str) -> list[RowGroup]:
    with _opened(file) as opened:
        metadata = opened.metadata
    return [RowGroup(file, index, metadata.row_group(index).num_rows) for index in range(metadata.num_row_groups)]


def _schema_of(file: str) -> pa.Schema:
    with _opened(file) as opened:
        return opened.schema_arrow


def _opened(file: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{file}: no Parquet file, or only half of one: {error}") from error


def _read(group: RowGroup, names: list[str]) -> pa.Table:
    with _opened(group.file) as file:
        missing = [name for name in names if name not in file.schema_arrow.names]
        if missing:
            raise DataError(f"{group.file}: column(s) {', '.join(missing)} missing, which the first file has")
        try:
            return file.read_row_group(group.index, columns=names)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{group.file}: row group {group.index} is damaged: {error}") from error

"""Batches of Parquet files of transformed columns: from memory where the rows fit, else by row groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from tfctr.data.batches.element import Element, element, tensor_infos
from tfctr.data.errors import DataError
from tfctr.spec import BoundSpec, FeatureSpec

MEMORY_BYTES = 2 * 2**30
"""Rows are kept in memory up to 2 GiB by default: about five million of 50 numbers."""

Matrices = dict[str, np.ndarray]

_NUMBER = "row number"
"""Where the number of each row stands beside the matrices, which go by dtype."""


@dataclass(frozen=True)
class RowGroup:
    """A row group of a file, the unit that is read.

    Attributes:
        file, index: Where it stands.
        first: Number of its first row among those of all files.
        rows: Its rows.
    """

    file: str
    index: int
    first: int
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
        self._groups = _row_groups(self.files)
        self.rows = sum(group.rows for group in self._groups)
        self._infos = tensor_infos(self.spec, _schema_of(self.files[0]).names, labels=self.labels)
        self._layout = Layout.from_infos(self._infos)
        self.in_memory = self.rows * self._layout.bytes_per_row <= memory_bytes
        """Whether the rows are kept in memory."""
        self._memory: list[ArrayPlan] = []

    def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of an epoch (from 0) from `start_step` (from 0) on."""
        if self.in_memory:
            return self._in_memory_plan().epoch(epoch, start_step)
        size = self.batch_size if self.drop_remainder else None
        signature = {d: tf.TensorSpec((size, width), d) for d, width in self._layout.widths.items()}
        signature[_NUMBER] = tf.TensorSpec((size,), tf.int64)
        packed = tf.data.Dataset.from_generator(lambda: self._batches(epoch, start_step), output_signature=signature)
        columns = {name: tf.constant(values) for name, values in self._columns.items()}

        def unpack(matrices: dict[str, tf.Tensor]) -> Element:
            numbers = matrices.pop(_NUMBER)
            more = {name: tf.gather(column, numbers) for name, column in columns.items()}
            return element(self._layout.unpack(matrices) | more, self.spec, labels=self.labels)

        batches = self.prefetch.map(packed, unpack)
        steps = max(self.steps_per_epoch - start_step, 0)
        return batches.apply(tf.data.experimental.assert_cardinality(steps))

    def _in_memory_plan(self) -> ArrayPlan:
        """The plan of all rows in memory, read once for this plan and those made from it."""
        if not self._memory:
            parts = [_read(group, [info.name for info in self._infos]) for group in self._groups]
            table = pa.concat_tables(parts) if parts else _schema_of(self.files[0]).empty_table()
            self._memory.append(ArrayPlan(arrays_of(table, self._infos), self.spec, **self.options))
        return self._memory[0].with_choice_of(self)

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
            rows = sum(len(self._chosen(group)) for group in window)
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
        packed[_NUMBER] = np.concatenate([np.arange(group.first, group.first + group.rows) for group in groups])
        order = np.flatnonzero(np.isin(packed[_NUMBER], np.concatenate([self._chosen(group) for group in groups])))
        if self.shuffle:
            order = order[np.random.default_rng([self.seed, epoch, number]).permutation(len(order))]
        return {name: matrix[order[skip:]] for name, matrix in packed.items()}

    def _chosen(self, group: RowGroup) -> np.ndarray:
        """Numbers of the rows of a group that belong to the plan."""
        end = group.first + group.rows
        if self._numbers is None:
            return np.arange(group.first, end)
        first, last = np.searchsorted(self._numbers, [group.first, end])
        return self._numbers[first:last]


def _joined(parts: list[Matrices]) -> Matrices:
    if len(parts) == 1:
        return parts[0]
    return {dtype: np.concatenate([part[dtype] for part in parts]) for dtype in parts[0]}


def _row_groups(files: Sequence[str]) -> list[RowGroup]:
    groups: list[RowGroup] = []
    first = 0
    for file in files:
        with _opened(file) as opened:
            metadata = opened.metadata
        for index in range(metadata.num_row_groups):
            groups.append(RowGroup(file, index, first, metadata.row_group(index).num_rows))
            first += groups[-1].rows
    return groups


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

"""Learning a transform, and transforming, on Beam: what a pipeline does with a log of any size.

Each worker shows its batches to the same `Learning` that `fit_transform` uses; what workers learned is added up. The
graph is traced once, by the caller, around the result.
"""

from __future__ import annotations

import io
import posixpath
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder, RecordBatchToExamplesEncoder

from tfctr.spec import FeatureSpec
from tfctr.transform._count_values import WriteCounted
from tfctr.transform._learning import Learned, Learning, Numbers, crosses_buckets, learn_numbers_of, learn_values_of
from tfctr.transform._shared_files import read_shared, write_shared
from tfctr.transform.output import TransformOutput, raw_tensors
from tfctr.transform.preprocessing import sparse_columns
from tfctr.transform.schema import raw_schema

MOST_VALUES = 1_000_000
"""Distinct values that a worker counts in memory before it hands them on."""

NUMBERS_FILE = "tfctr_numbers.npz"

MakePipeline = Callable[[], beam.Pipeline]
ReadBatches = Callable[[beam.Pipeline], beam.PCollection]


def learn_on_beam(spec: FeatureSpec, read: ReadBatches, pipeline: MakePipeline, shared: str, folder: Path) -> Learned:
    """Learn a transform from batches of raw rows.

    The files are those of `fit_transform` to the byte; numbers differ by the order in which they were summed. Rows are
    read once, or twice where bounds of buckets go into crosses.

    Args:
        spec: The spec.
        read: A pipeline → record batches in the form of `example_batches`.
        pipeline: Makes a pipeline.
        shared: Folder that all workers can write to, a path or a storage URI.
        folder: Local folder of the files that the graph is written with.

    Raises:
        ValueError: When there are no rows.
    """
    asked = _asked(spec)
    text = spec.model_dump_json()
    if crosses_buckets(spec):
        _run(read, pipeline, _Learn(text, numbers=True), asked, shared)
        bounds = _read_numbers(spec, asked, shared, folder)
        _run(read, pipeline, _Learn(text, bounds=bounds, values=True), asked, shared)
    else:
        _run(read, pipeline, _Learn(text, numbers=True, values=True), asked, shared)
    for file in asked.files:
        (folder / file.name).write_bytes(read_shared(shared, file.name))
    return _read_numbers(spec, asked, shared, folder)


def _asked(spec: FeatureSpec) -> Learning:
    """What is learned for a spec, found out by showing it no row."""
    asked = Learning()
    decoder = ExamplesToRecordBatchDecoder(raw_schema(spec).SerializeToString())
    raw = sparse_columns(spec, raw_tensors(spec, decoder.DecodeBatch([])))
    learn_numbers_of(spec, raw, asked)
    bounds = asked.with_answers(
        asked.numbers.values, None, [np.zeros(n - 1, np.float32) for n in asked.buckets], Path()
    )
    learn_values_of(spec, raw, asked, bounds)
    return asked


def _run(read: ReadBatches, pipeline: MakePipeline, learn: _Learn, asked: Learning, shared: str) -> None:
    with pipeline() as running:
        learned = read(running) | "Learn" >> beam.ParDo(learn).with_outputs("values", main="numbers")
        if learn.learns_numbers:
            numbers = learned.numbers | "Add" >> beam.CombineGlobally(_Add())
            numbers | "WriteNumbers" >> beam.Map(_write_numbers, asked.buckets, shared)
        if learn.learns_values:
            learned.values | "WriteValues" >> WriteCounted(asked.files, shared)


class _Learn(beam.DoFn):
    """Batches → what was learned of a bundle of them: `Numbers`, and counts of values as `WriteCounted` takes them.

    Args:
        spec: The spec as JSON.
        numbers: Whether moments and bounds are learned.
        values: Whether values are counted.
        bounds: What is known of numbers already.
    """

    def __init__(self, spec: str, *, numbers: bool = False, values: bool = False, bounds: Learned | None = None):
        self._spec, self.learns_numbers, self.learns_values, self._bounds = spec, numbers, values, bounds

    def setup(self) -> None:
        self._parsed = FeatureSpec.model_validate_json(self._spec)

    def start_bundle(self) -> None:
        self._learning = Learning()

    def process(self, batch: pa.RecordBatch) -> Iterator[beam.pvalue.TaggedOutput]:
        raw = sparse_columns(self._parsed, raw_tensors(self._parsed, batch))
        self._learning.numbers.rows += batch.num_rows
        if self.learns_numbers:
            learn_numbers_of(self._parsed, raw, self._learning)
        if self.learns_values:
            learn_values_of(self._parsed, raw, self._learning, self._bounds)
            if sum(map(len, self._learning.counts)) > MOST_VALUES:
                yield from (beam.pvalue.TaggedOutput("values", counted) for counted in self._counted())

    def finish_bundle(self) -> Iterator[WindowedValue | beam.pvalue.TaggedOutput]:
        yield _at_end(self._learning.numbers)
        for counted in self._counted():
            yield beam.pvalue.TaggedOutput("values", _at_end(counted))

    def _counted(self) -> Iterator[tuple[tuple[int, bytes], int]]:
        for number, counter in enumerate(self._learning.counts):
            yield from (((number, value), count) for value, count in counter.items() if value)
            counter.clear()


def _at_end(value: Any) -> WindowedValue:
    return WindowedValue(value, MIN_TIMESTAMP, [GlobalWindow()])


class _Add(beam.CombineFn):
    """Adds up what workers learned of numbers."""

    def create_accumulator(self) -> Numbers:
        return Numbers()

    def add_input(self, accumulator: Numbers, element: Numbers) -> Numbers:
        accumulator.add(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Numbers]) -> Numbers:
        total = Numbers()
        for part in accumulators:
            total.add(part)
        return total

    def extract_output(self, accumulator: Numbers) -> Numbers:
        return accumulator


def _write_numbers(numbers: Numbers, buckets: Sequence[int], shared: str) -> None:
    """Leave the numbers where the caller of the pipeline finds them."""
    arrays: dict[str, Any] = {"rows": np.array(numbers.rows)}
    arrays |= {f"bounds_{place}": bounds for place, bounds in enumerate(numbers.bounds(buckets))}
    arrays |= {name: value for name in ("values", "labels") if (value := getattr(numbers, name)) is not None}
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_shared(shared, NUMBERS_FILE, content.getvalue())


def _read_numbers(spec: FeatureSpec, asked: Learning, shared: str, folder: Path) -> Learned:
    found = dict(np.load(io.BytesIO(read_shared(shared, NUMBERS_FILE)), allow_pickle=False))
    if not found["rows"]:
        raise ValueError(f"cannot learn the transform of spec {spec.name!r} from 0 rows")
    bounds = [found[f"bounds_{place}"] for place in range(len(asked.buckets))]
    return asked.with_answers(found.get("values"), found.get("labels"), bounds, folder)


class TransformRows(beam.DoFn):
    """Batches of raw rows, in the form of `example_batches` → serialized ``tf.Example``s of the transformed rows.

    Args:
        directory: Folder of the transform output, local or a storage URI.
        spec: The spec as JSON.
    """

    def __init__(self, directory: str, spec: str):
        self._directory, self._spec = directory, spec

    def setup(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        local = local_copy(self._directory, Path(self._folder.name))
        self._output = TransformOutput(local, FeatureSpec.model_validate_json(self._spec))
        self._encoder = RecordBatchToExamplesEncoder()

    def process(self, batch: pa.RecordBatch) -> Iterator[bytes]:
        arrays = self._output.transform_batch(batch)
        lists = {name: _as_lists(array) for name, array in arrays.items()}
        yield from self._encoder.encode(pa.RecordBatch.from_pydict(lists))

    def teardown(self) -> None:
        self._folder.cleanup()


def _as_lists(array: np.ndarray) -> pa.LargeListArray:
    """A list of numbers for each row."""
    width = int(np.prod(array.shape[1:]))
    return pa.LargeListArray.from_arrays(np.arange(len(array) + 1) * width, array.reshape(-1))


def local_copy(directory: str, folder: Path) -> Path:
    """Return a folder as a local one, copied into `folder` if it lies in a storage."""
    if "://" not in directory:
        return Path(directory)
    for place, _, files in tf.io.gfile.walk(directory):
        target = folder / place[len(directory) :].strip("/")
        target.mkdir(parents=True, exist_ok=True)
        for name in files:
            tf.io.gfile.copy(posixpath.join(place, name), str(target / name), overwrite=True)
    return folder

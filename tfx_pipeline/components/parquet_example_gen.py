"""ExampleGen over prepared Parquet: record batches to serialized tf.Examples, encoded in C++."""

from __future__ import annotations

import glob
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.transforms import util
from google.protobuf import any_pb2, struct_pb2
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs
from tfx.utils import proto_utils
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from tfctr.spec import FeatureSpec
from tfctr.transform import example_batches
from tfx_pipeline.components.outcomes import outcomes_of
from tfx_pipeline.files import SPLITS


def parquet_example_gen(folder: str, spec: str) -> FileBasedExampleGen:
    """Return the ExampleGen of a folder of prepared splits.

    Args:
        folder: Holds ``<split>/*.parquet`` with the raw columns of the spec.
        spec: The spec as JSON.
    """
    settings = struct_pb2.Struct()
    settings.update({"spec": spec})
    packed = any_pb2.Any()
    packed.Pack(settings)
    splits = [example_gen_pb2.Input.Split(name=name, pattern=f"{name}/*.parquet") for name in SPLITS]
    return FileBasedExampleGen(
        input_base=folder,
        input_config=example_gen_pb2.Input(splits=splits),
        custom_config=example_gen_pb2.CustomConfig(custom_config=packed),
        custom_executor_spec=executor_spec.BeamExecutorSpec(Executor),
    ).with_id("ExampleGen")


class Executor(BaseExampleGenExecutor):
    """Reads row groups of Parquet files and writes them as tf.Examples."""

    def Do(self, *arguments: Any) -> None:  # noqa: N802 - TFX's name
        """Do as TFX does, with rows in the same order in every run."""
        with fixed_keys():
            super().Do(*arguments)

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:  # noqa: N802 - TFX's name
        """Return the transform from a split's pattern to serialized examples."""
        return _parquet_to_examples


@contextmanager
def fixed_keys() -> Iterator[None]:
    """Let Beam's reshuffles draw the same keys in every run.

    TFX reshuffles the rows it writes. Rows that draw one key stand together, and all behind them move up: among
    80,000 rows and 2**32 keys that happens in about half of the runs, and then every batch of the training is another.
    """
    drawn_from = util.random
    util.random = random.Random(0)
    try:
        yield
    finally:
        util.random = drawn_from


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(bytes)
def _parquet_to_examples(pipeline: beam.Pipeline, exec_properties: dict[str, Any], split_pattern: str) -> Any:
    pattern = os.path.join(exec_properties[standard_component_specs.INPUT_BASE_KEY], split_pattern)
    return (
        pipeline
        | "Files" >> beam.Create([pattern])
        | "RowGroups" >> beam.FlatMap(_row_groups)
        | "Spread" >> beam.Reshuffle()
        | "Encode" >> beam.FlatMap(_encode, spec=_spec(exec_properties))
    )


def _spec(exec_properties: dict[str, Any]) -> FeatureSpec:
    config = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], config)
    settings = struct_pb2.Struct()
    config.custom_config.Unpack(settings)
    return FeatureSpec.model_validate_json(settings["spec"])


def _row_groups(pattern: str) -> Iterator[tuple[str, int]]:
    for path in sorted(glob.glob(pattern)):
        for group in range(pq.ParquetFile(path).num_row_groups):
            yield path, group


def _encode(source: tuple[str, int], spec: FeatureSpec) -> Iterator[bytes]:
    path, group = source
    for batch in pq.ParquetFile(path).iter_batches(row_groups=[group]):
        yield from encode_examples(batch, spec)


def encode_examples(batch: pa.RecordBatch, spec: FeatureSpec) -> list[bytes]:
    """Return one serialized tf.Example a raw row, the evaluator's labels and weights added.

    A missing value is a feature that is not there.
    """
    lists = next(iter(example_batches(batch, spec, batch_rows=max(1, batch.num_rows))))
    columns = dict(zip(lists.schema.names, lists.columns, strict=True))
    for outcome in outcomes_of(spec):
        for name, values in outcome.values(batch).items():
            columns[name] = pa.LargeListArray.from_arrays(_offsets(values), values.drop_null(), mask=values.is_null())
    encoded: list[bytes] = RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_pydict(columns))
    return encoded


def _offsets(values: pa.Array) -> pa.Array:
    ends = pa.compute.cumulative_sum(values.is_valid().cast(pa.int64()))
    return pa.concat_arrays([pa.array([0], pa.int64()), ends])

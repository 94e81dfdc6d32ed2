"""Transform: learns what the spec asks for on Beam and writes the transformed rows, with the graph traced once.

TFX's own executor traces a preprocessing function ten times, and each of its stages loads the graph again: of a small
log that was most of the step.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import tfx.components
from tfx.components.transform import executor_utils
from tfx.components.util import tfxio_utils
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2, transform_pb2
from tfx.types import Artifact, Channel, artifact_utils
from tfx.types import standard_component_specs as keys
from tfx.utils import io_utils

from tfctr.spec import FeatureSpec
from tfctr.transform import raw_schema
from tfctr.transform._on_beam import TransformRows, learn_on_beam
from tfctr.transform._write_graph import write_graph
from tfctr.transform.fit import quiet_logs

Artifacts = dict[str, list[Artifact]]

BATCH_ROWS = 8_192
"""Rows that go through the transform at once."""


class Executor(BaseBeamExecutor):
    """Learns from the splits to be analyzed, writes the graph, transforms the splits to be transformed."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """Do what the inputs and the settings of TFX's component say; called by TFX."""
        spec = FeatureSpec.model_validate_json(json.loads(exec_properties[keys.CUSTOM_CONFIG_KEY])["spec"])
        examples, transformed = input_dict[keys.EXAMPLES_KEY], output_dict[keys.TRANSFORMED_EXAMPLES_KEY]
        splits = executor_utils.ResolveSplitsConfig(exec_properties[keys.SPLITS_CONFIG_KEY], examples)
        executor_utils.SetSplitNames(splits.transform, transformed)
        graph = artifact_utils.get_single_uri(output_dict[keys.TRANSFORM_GRAPH_KEY])

        self._write_graph(spec, _patterns(examples, splits.analyze), graph)
        targets = executor_utils.GetSplitPaths(transformed)
        with self._make_beam_pipeline() as pipeline:
            for source, target in zip(_patterns(examples, splits.transform), targets, strict=True):
                rows = read_batches(pipeline, source, spec)
                changed = rows | f"Transform {source}" >> beam.ParDo(TransformRows(graph, spec.model_dump_json()))
                _ = changed | f"Write {source}" >> beam.io.WriteToTFRecord(target, file_name_suffix=".gz")

    def _write_graph(self, spec: FeatureSpec, sources: Sequence[str], target: str) -> None:
        """Learn from the rows and write the graph; nothing else is left in the folder `target`."""
        shared = os.path.join(target, ".learned")
        with quiet_logs(), tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            learned = learn_on_beam(spec, partial(_read_all, sources, spec), self._make_beam_pipeline, shared, folder)
            write_graph(spec, [column.name for column in spec.raw_columns()], learned, folder / "graph")
            io_utils.copy_dir(str(folder / "graph"), target)


def read_batches(pipeline: beam.Pipeline, pattern: str, spec: FeatureSpec) -> beam.PCollection:
    """Return the raw rows in TFRecord files of serialized examples, as record batches of the spec's columns."""
    return pipeline | f"Read {pattern}" >> tfxio_utils.make_tfxio(
        file_pattern=pattern,
        telemetry_descriptors=["Transform"],
        payload_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
        schema=raw_schema(spec),
    ).BeamSource(BATCH_ROWS)


def _read_all(patterns: Sequence[str], spec: FeatureSpec, pipeline: beam.Pipeline) -> beam.PCollection:
    return [read_batches(pipeline, pattern, spec) for pattern in patterns] | beam.Flatten()


def _patterns(examples: list[Artifact], splits: Iterable[str]) -> list[str]:
    """Files of splits, as a pattern for each folder."""
    return [
        io_utils.all_files_pattern(uri) for split in splits for uri in artifact_utils.get_split_uris(examples, split)
    ]


class Transform(tfx.components.Transform):
    """TFX's component, run by `Executor`: learns from the training rows, transforms these and the validation rows.

    Args:
        examples: Raw rows.
        schema: What they look like.
        spec: The spec as JSON.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, examples: Channel, schema: Channel, spec: str):
        super().__init__(
            examples=examples,
            schema=schema,
            # TFX demands it, and TFX's own executor would come to the same graph by it.
            preprocessing_fn="tfx_pipeline.modules.transform_module.preprocessing_fn",
            custom_config={"spec": spec},
            splits_config=transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "valid"]),
            disable_statistics=True,  # StatisticsGen has looked at the same rows already
            disable_analyzer_cache=True,
        )

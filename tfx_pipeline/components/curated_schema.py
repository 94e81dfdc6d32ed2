"""The schema the spec implies, as a step: what the data must look like is declared, not guessed from it."""

import os

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Schema
from tfx.utils import io_utils

from tfctr.spec import FeatureSpec
from tfctr.transform import raw_schema
from tfx_pipeline.components.outcomes import outcomes_of


@component
def CuratedSchema(schema: OutputArtifact[Schema], spec: Parameter[str]) -> None:  # noqa: N802 - a component's name
    """Write the schema of the spec's raw columns, and of the labels made for the evaluator.

    Args:
        schema: Output folder; `schema.pbtxt` is written into it.
        spec: The spec as JSON.
    """
    parsed = FeatureSpec.model_validate_json(spec)
    proto = raw_schema(parsed, serving=False)
    for outcome in outcomes_of(parsed):
        for name in outcome.columns:
            feature = proto.feature.add(name=name, type=schema_pb2.FLOAT)
            feature.presence.min_fraction = 1.0
            feature.value_count.min = feature.value_count.max = 1
    io_utils.write_pbtxt_file(os.path.join(schema.uri, "schema.pbtxt"), proto)

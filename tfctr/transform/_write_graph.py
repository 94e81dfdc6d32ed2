"""The transform as a graph around what was learned, written as TFX's Transform writes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.graph_context import TFGraphContext
from tensorflow_transform.impl_helper import get_traced_transform_fn
from tensorflow_transform.saved.saved_transform_io_v2 import write_v2_saved_model
from tensorflow_transform.tf_metadata import metadata_io

from tfctr.spec import FeatureSpec
from tfctr.transform._learning import Learned
from tfctr.transform.columns import RAW_DTYPES
from tfctr.transform.preprocessing import make_preprocessing_fn
from tfctr.transform.schema import raw_schema


def write_graph(spec: FeatureSpec, columns: Sequence[str], learned: Learned, output: Path) -> None:
    """Trace the transform once and write graph and metadata.

    Args:
        spec: The spec.
        columns: Raw columns that the rows have.
        learned: What was learned of them.
        output: New folder of ``transform_fn``, ``transformed_metadata`` and ``metadata``.
    """
    given = [column for column in spec.raw_columns() if column.name in columns]
    signature = {column.name: tf.SparseTensorSpec([None, None], RAW_DTYPES[column.type]) for column in given}
    preprocess = make_preprocessing_fn(spec, learned)

    def traced(inputs: dict[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
        for path in learned.files:
            tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.ASSET_FILEPATHS, path)
        return preprocess(inputs)

    context = TFGraphContext(module_to_export=tf.Module(), temp_dir=str(output))
    function = get_traced_transform_fn(traced, signature, context)
    graph = write_v2_saved_model(context.module_to_export, function, "transform_fn", str(output / "transform_fn"))
    made = {
        name: tf.io.FixedLenFeature(tensor.shape[1:], tensor.dtype) for name, tensor in graph.structured_outputs.items()
    }
    metadata_io.write_metadata(tft.DatasetMetadata.from_feature_spec(made), str(output / "transformed_metadata"))
    metadata_io.write_metadata(tft.DatasetMetadata(raw_schema(spec)), str(output / "metadata"))

"""`fit_transform`: learn the transform in memory. A pipeline learns the same numbers on Beam."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.graph_context import TFGraphContext
from tensorflow_transform.impl_helper import get_traced_transform_fn
from tensorflow_transform.saved.saved_transform_io_v2 import write_v2_saved_model
from tensorflow_transform.tf_metadata import metadata_io
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter

from tfctr.data import with_cut_points
from tfctr.spec import CrossFeature, FeatureSpec, NumericFeature
from tfctr.transform._in_memory import Learned, Learning
from tfctr.transform._label_scales import learn_label_scales
from tfctr.transform._numeric import learn_numbers, numeric_columns, numeric_outputs
from tfctr.transform._tasks import task_outputs
from tfctr.transform.columns import RAW_DTYPES
from tfctr.transform.examples import example_batches
from tfctr.transform.output import TransformOutput, adapter_config, write_spec
from tfctr.transform.preprocessing import id_columns, learn_tables, make_preprocessing_fn, sparse_columns
from tfctr.transform.schema import unread_columns

LEARN_ROWS = 65_536
"""Rows looked at at once."""

_NOISY = ("tensorflow", "absl", "root")


def fit_transform(spec: FeatureSpec, table: pa.Table, workdir: str | Path) -> TransformOutput:
    """Learn vocabularies and statistics from a raw training log.

    Writes what TFX's Transform would write, plus the spec: the same vocabularies to the byte, numbers up to the order
    in which they were summed. The folder appears complete or not at all.

    Args:
        spec: The spec.
        table: Raw log of the training rows (of these only: what is learned from other rows leaks).
        workdir: Folder of the result; an earlier result there is replaced.

    Raises:
        ValueError: When the table has no rows.
        DataError: When a survival task asks for quantiles and the table has no events to take them from.
        KeyError, TypeError, ValueError: When the table does not fit the spec.
        FileExistsError: When `workdir` holds something that is no transform output.
    """
    if table.num_rows == 0:
        raise ValueError(f"cannot learn the transform of spec {spec.name!r} from 0 rows")
    spec = with_cut_points(spec, table)
    target = Path(workdir)
    if target.exists() and any(target.iterdir()) and not (target / "transform_fn").is_dir():
        raise FileExistsError(f"{target} exists and holds no transform output; name an empty or a new folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
        written = Path(folder) / "output"
        with quiet_logs():
            learned = _learn(spec, table, Path(folder))
            _write_graph(spec, table, learned, written)
        write_spec(written, spec)
        shutil.rmtree(target, ignore_errors=True)
        written.rename(target)
    return TransformOutput(target, spec)


def _learn(spec: FeatureSpec, table: pa.Table, folder: Path) -> Learned:
    """Show the rows to what learns, batch by batch: once, or twice where bounds of buckets go into crosses."""
    learning = Learning()
    bucketed = {feature.name for feature in spec.features if isinstance(feature, NumericFeature)}
    known_first = any(bucketed.intersection(f.of) for f in spec.features if isinstance(f, CrossFeature))
    for raw in _raw_batches(spec, table):
        learn_numbers(numeric_columns(spec, raw), learning)
        learn_label_scales(spec, task_outputs(spec, raw), learning)
        if not known_first:
            learn_tables(spec, raw, id_columns(spec, raw, {}), learning)
    if known_first:
        numbers = learning.learned(folder)
        for raw in _raw_batches(spec, table):
            columns = numeric_columns(spec, raw)
            outputs = numeric_outputs(columns, learn_numbers(columns, numbers))
            learn_tables(spec, raw, id_columns(spec, raw, outputs), learning)
    return learning.learned(folder)


def _raw_batches(spec: FeatureSpec, table: pa.Table) -> Iterator[dict[str, tf.SparseTensor]]:
    for batch in example_batches(table, spec, optional=unread_columns(spec), batch_rows=LEARN_ROWS):
        yield sparse_columns(spec, TensorAdapter(adapter_config(batch.schema)).ToBatchTensors(batch))


def _write_graph(spec: FeatureSpec, table: pa.Table, learned: Learned, output: Path) -> None:
    """Trace the transform around what was learned, and write graph and metadata as TFX's Transform does."""
    columns = {column.name: column for column in spec.raw_columns() if column.name in table.column_names}
    signature = {name: tf.SparseTensorSpec([None, None], RAW_DTYPES[column.type]) for name, column in columns.items()}
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


@contextlib.contextmanager
def quiet_logs() -> Iterator[None]:
    """Keep progress notes of TensorFlow and TFT off the screen; their errors stay."""
    loggers = [logging.getLogger(None if name == "root" else name) for name in _NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

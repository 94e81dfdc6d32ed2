"""The parity step: nothing is pushed whose served predictions differ from what training computed."""

import itertools
import json
import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, ModelRun, TransformGraph
from tfx.utils import io_utils, path_utils

from tfctr.data.batches import transformed_dataset
from tfctr.serving._warmup_requests import BATCH_SIZES, write_warmup
from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, examples_to_table
from tfx_pipeline.files import KERAS_FILE, PARITY_FILE
from tfx_pipeline.parity_check import (
    Comparison,
    ParityReport,
    Probabilities,
    check_signatures,
    compare,
    model_probabilities,
    numbers_of,
    training_probabilities,
)

SPLIT = "valid"
"""Transform wrote this split out, so the values training saw are on disk."""

DISK_ROWS = 50_000
"""Larger splits are not compared with the files as a whole."""


@component
def Parity(  # noqa: N802 - a component's name
    examples: InputArtifact[Examples],
    transformed_examples: InputArtifact[Examples],
    transform_graph: InputArtifact[TransformGraph],
    model: InputArtifact[Model],
    model_run: InputArtifact[ModelRun],
    blessing: OutputArtifact[InfraBlessing],
    spec: Parameter[str],
    rows: Parameter[int],
    tolerance: Parameter[float],
) -> None:
    """Send raw rows through every exported signature and demand the training-time predictions.

    The copy of the model that may be pushed carries the report, and some of the rows as warm-up requests.

    Args:
        examples: Raw rows.
        transformed_examples: The same rows as training saw them.
        transform_graph: What made these of those.
        model: The exported model.
        model_run: The trainer's folder with the Keras model.
        blessing: Output: the report and, for the pusher, that copy of the model.
        spec: The spec as JSON.
        rows: Rows sent through the signatures.
        tolerance: Allowed absolute difference of a probability, of a number relative to the largest.
    """
    parsed = FeatureSpec.model_validate_json(spec)
    transform = TransformOutput(transform_graph.uri, spec=parsed)
    trained = keras.models.load_model(os.path.join(model_run.uri, KERAS_FILE))
    exported = path_utils.serving_model_path(model.uri)
    signatures = tf.saved_model.load(exported).signatures
    expected = training_probabilities(trained, transform, parsed)

    serialized = _read(examples, DISK_ROWS + 1)
    table = examples_to_table(serialized[:rows], parsed)
    comparisons = check_signatures(signatures, expected, table, parsed, tolerance)
    if len(serialized) <= DISK_ROWS:
        on_disk = _against_files(serialized, transformed_examples, trained, transform, parsed, tolerance)
        comparisons = (*comparisons, on_disk)
    stamped = _write(ParityReport(tolerance, comparisons), exported, blessing)
    columns = parsed.raw_columns(serving=True)
    warmup = table.select([column.name for column in columns]).slice(0, max(BATCH_SIZES)).to_pylist()
    write_warmup(Path(stamped), parsed.name, warmup, columns, sorted(signatures))


def _read(examples: Examples, most: int) -> list[bytes]:
    """Return the first serialized examples of the split."""
    pattern = io_utils.all_files_pattern(artifact_utils.get_split_uri([examples], SPLIT))
    files = tf.io.gfile.glob(pattern)
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    return list(itertools.islice(records.as_numpy_iterator(), most))


def _against_files(
    serialized: list[bytes],
    transformed: Examples,
    trained: keras.Model,
    transform: TransformOutput,
    spec: FeatureSpec,
    tolerance: float,
) -> Comparison:
    """Compare the whole split, raw rows transformed now with the rows that Transform wrote.

    Beam keeps no order, so the sorted probabilities are compared: if one pairing of the rows is within the
    tolerance, that of the sorted values is.
    """
    now = model_probabilities(trained, transform.transform(examples_to_table(serialized, spec)), spec)
    pattern = io_utils.all_files_pattern(artifact_utils.get_split_uri([transformed], SPLIT))
    batches = transformed_dataset(pattern, spec, batch_size=8192)
    parts = [model_probabilities(trained, batch[0], spec) for batch in batches]
    then = {task: np.concatenate([part[task] for part in parts]) for task in now}
    return compare("rows on disk", _sorted(now), _sorted(then), tolerance, numbers_of(spec))


def _sorted(probabilities: Probabilities) -> Probabilities:
    return {task: np.sort(values, axis=None) for task, values in probabilities.items()}


def _write(report: ParityReport, exported: str, blessing: InfraBlessing) -> str:
    """Write the report, and a copy of the model that carries it; mark the blessing as TFX's Pusher reads it.

    Returns:
        Folder of the copy.
    """
    text = json.dumps(report.to_dict(), indent=2)
    io_utils.write_string_file(os.path.join(blessing.uri, PARITY_FILE), text)
    stamped: str = path_utils.stamped_model_path(blessing.uri)
    io_utils.copy_dir(exported, stamped)
    io_utils.write_string_file(os.path.join(stamped, "assets.extra", PARITY_FILE), text)
    blessing.set_int_custom_property("has_model", 1)
    blessing.set_int_custom_property("blessed", int(report.passed))
    return stamped

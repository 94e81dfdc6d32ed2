"""`fit_transform`: learn the transform in memory, with the Beam analyzers that pipelines run."""

from __future__ import annotations

import contextlib
import logging
import random
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tfctr.data import with_cut_points
from tfctr.spec import FeatureSpec
from tfctr.transform.examples import example_batches
from tfctr.transform.output import TransformOutput, adapter_config, write_spec
from tfctr.transform.preprocessing import make_preprocessing_fn
from tfctr.transform.schema import unread_columns

ANALYZE_ROWS = 65_536
"""Rows analysed at once; a value is counted inside a batch before Beam sees it, so large batches are faster."""

_NOISY = ("tensorflow", "apache_beam", "absl", "root")


def fit_transform(spec: FeatureSpec, table: pa.Table, workdir: str | Path) -> TransformOutput:
    """Learn vocabularies and statistics from a raw training log.

    Runs TFT's analyzers on Beam inside this process, and writes what TFX's Transform would write, plus the
    spec. The folder appears complete or not at all.

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
        with quiet_logs(), preserved_random_state():
            _analyze(spec, table, Path(folder), written)
        write_spec(written, spec)
        shutil.rmtree(target, ignore_errors=True)
        written.rename(target)
    return TransformOutput(target, spec)


def _analyze(spec: FeatureSpec, table: pa.Table, folder: Path, output: Path) -> None:
    """Run the analyzers and write graph and metadata."""
    import apache_beam as beam  # here, for it takes seconds that a server or a trainer would pay for nothing
    import tensorflow_transform.beam as tft_beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    rows = folder / "rows.arrow"  # through a file: Beam would pickle rows that are given to it in memory
    schema = _write_batches(spec, table, rows)
    options = PipelineOptions(["--no_pipeline_type_check"])  # an eighth of the time, for steps that are always the same
    # The runner is named: a default may fetch a runner from the network.
    with beam.Pipeline(runner=FnApiRunner(), options=options) as pipeline, tft_beam.Context(str(folder / "beam")):
        batches = pipeline | "Path" >> beam.Create([str(rows)]) | "Rows" >> beam.FlatMap(_read_batches)
        transform_fn = (batches, adapter_config(schema)) | tft_beam.AnalyzeDataset(make_preprocessing_fn(spec))
        transform_fn | "Write" >> tft_beam.WriteTransformFn(str(output))


def _write_batches(spec: FeatureSpec, table: pa.Table, path: Path) -> pa.Schema:
    writer: pa.RecordBatchFileWriter | None = None
    for batch in example_batches(table, spec, optional=unread_columns(spec), batch_rows=ANALYZE_ROWS):
        if writer is None:
            writer = pa.ipc.new_file(str(path), batch.schema)
        writer.write_batch(batch)
    assert writer is not None  # example_batches gives at least one
    writer.close()
    return batch.schema


def _read_batches(path: str) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(path) as source:
        reader = pa.ipc.open_file(source)
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)


@contextlib.contextmanager
def preserved_random_state() -> Iterator[None]:
    """Leave Python's random numbers where they were.

    Beam's threads draw from them, not always as many. Keras seeds weights with them, so that a model made after a
    transform would start elsewhere in every run, whatever seed was set before.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@contextlib.contextmanager
def quiet_logs() -> Iterator[None]:
    """Keep TensorFlow's, TFT's and Beam's progress notes off the screen; their errors stay.

    TFT divides 0 by 0 for a column without a single number; the NaN is dealt with in the graph.
    """
    loggers = [logging.getLogger(None if name == "root" else name) for name in _NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "invalid value encountered", RuntimeWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

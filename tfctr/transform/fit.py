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

from tfctr.data import as_table, with_cut_points
from tfctr.data.frames import Rows
from tfctr.spec import FeatureSpec
from tfctr.transform._learning import Learned, Learning, crosses_buckets, learn_numbers_of, learn_values_of
from tfctr.transform._write_graph import write_graph
from tfctr.transform.examples import example_batches
from tfctr.transform.output import TransformOutput, raw_tensors, write_spec
from tfctr.transform.preprocessing import sparse_columns
from tfctr.transform.schema import unread_columns

logger = logging.getLogger(__name__)

LEARN_ROWS = 65_536
"""Rows looked at at once."""

_NAMES_TOLD = 20
"""Names of constant features in a warning; `constant_features` has them all."""

_NOISY = ("tensorflow", "absl", "root")


def fit_transform(spec: FeatureSpec, table: Rows, workdir: str | Path) -> TransformOutput:
    """Learn vocabularies and statistics from a raw training log.

    Writes what TFX's Transform would write, plus the spec: the same vocabularies to the byte, numbers up to the order
    in which they were summed. The folder appears complete or not at all. A warning in the log names
    features that are the same in every row (`TransformOutput.constant_features`).

    Args:
        spec: The spec.
        table: Raw log of the training rows, see `as_table` (of these only: what is learned from other rows leaks).
        workdir: Folder of the result; an earlier result there is replaced.

    Raises:
        ValueError: When the table has no rows.
        DataError: When a survival task asks for quantiles and the table has no events to take them from.
        KeyError, TypeError, ValueError, DataError: When the table does not fit the spec.
        FileExistsError: When `workdir` holds something that is no transform output.
    """
    table = as_table(table)
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
            columns = [column.name for column in spec.raw_columns() if column.name in table.column_names]
            write_graph(spec, columns, learned, written)
        write_spec(written, spec)
        shutil.rmtree(target, ignore_errors=True)
        written.rename(target)
        output = TransformOutput(target, spec)
    _warn_of_constants(output)
    return output


def _warn_of_constants(output: TransformOutput) -> None:
    with quiet_logs():
        names = output.constant_features
    if names:
        more = f" and {len(names) - _NAMES_TOLD} more" if len(names) > _NAMES_TOLD else ""
        shown = ", ".join(map(repr, names[:_NAMES_TOLD])) + more
        logger.warning("features that are the same in every training row, and so tell a model nothing: %s", shown)


def _learn(spec: FeatureSpec, table: pa.Table, folder: Path) -> Learned:
    """Show the rows to what learns, batch by batch: once, or twice where bounds of buckets go into crosses."""
    learning, bounds_first = Learning(), crosses_buckets(spec)
    for raw in _raw_batches(spec, table):
        learn_numbers_of(spec, raw, learning)
        if not bounds_first:
            learn_values_of(spec, raw, learning, None)
    if bounds_first:
        numbers = learning.learned(folder)
        for raw in _raw_batches(spec, table):
            learn_values_of(spec, raw, learning, numbers)
    return learning.learned(folder)


def _raw_batches(spec: FeatureSpec, table: pa.Table) -> Iterator[dict[str, tf.SparseTensor]]:
    for batch in example_batches(table, spec, optional=unread_columns(spec), batch_rows=LEARN_ROWS):
        yield sparse_columns(spec, raw_tensors(spec, batch))


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

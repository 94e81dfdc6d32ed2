"""The columns of whatever can be named as data: files of any format, or a public data set."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.analysis.log_sample import sample_for, types_of
from tfctr.data._convert.values import UnfitTypeError, to_type
from tfctr.data._readers.files import find_files
from tfctr.spec import BinaryTask, FeatureSpec, Problem


def columns_of(data: str, spec: FeatureSpec) -> dict[str, str]:
    """Return the types of the columns of a log, in the words of `tfctr.spec.check_columns`.

    Args:
        data: A file, a folder, a glob pattern, or the name of a public data set (fetched when it is not there).
        spec: Says how the files are read.

    Raises:
        DataError: When there is no such data, or it cannot be read.
    """
    batches = _raw_batches(data, spec)
    return types_of(_read_batch(data, spec) if batches is None else batches)


def label_problems(data: str, spec: FeatureSpec) -> list[Problem]:
    """Return the labels that a yes/no task could not take, with what could take them.

    Looked at are the first rows of a log whose format needs no spec; of others nothing is said.

    Args:
        data: As in `columns_of`.
        spec: Its yes/no tasks without a threshold and without a mask want labels of 0 and 1.

    Raises:
        DataError: As `columns_of`.
    """
    wanted = {
        task.label: f"tasks.{index}.label"
        for index, task in enumerate(spec.tasks)
        if isinstance(task, BinaryTask) and task.at_least is None and not task.positive and task.mask is None
    }
    found: dict[str, set[float]] = {}
    for batch in _raw_batches(data, spec) or ():
        for label in wanted.keys() & set(batch.schema.names):
            found.setdefault(label, set()).update(_odd_labels(batch.column(label)))
    return [
        Problem(
            f"column {label!r} also holds {min(odd):g}, and a yes/no label is 0 or 1; say which value is yes "
            "(positive), from where on it is yes (at_least), or predict the number itself (kind: regression)",
            wanted[label],
        )
        for label, odd in found.items()
        if odd
    ]


def _odd_labels(column: pa.Array) -> set[float]:
    """Numbers among the labels that are neither 0 nor 1; what is no number is told elsewhere."""
    try:
        values = to_type(column, "float")[0]
    except UnfitTypeError:
        return set()
    numbers = pc.unique(values.drop_null()).to_numpy()
    return set(numbers[np.isfinite(numbers) & ~np.isin(numbers, (0, 1))].tolist())


def _raw_batches(data: str, spec: FeatureSpec) -> Iterable[pa.RecordBatch] | None:
    """The first rows as they are in the log; None of a format that cannot be looked at without a spec."""
    if not Path(data).exists():
        from tfctr.data.datasets import DATASETS

        if data in DATASETS:
            batches: list[pa.RecordBatch] = DATASETS[data].load().to_batches()
            return batches
    file = find_files(data, spec.source.format)[0]
    if file.format in ("csv", "tsv", "jsonl", "parquet"):
        return sample_for(data, spec).batches()
    return None


def _read_batch(data: str, spec: FeatureSpec) -> list[pa.RecordBatch]:
    """Some rows of such a format: the reader tells what is missing or misread."""
    from tfctr.data._read_log import read_log

    return [next(iter(read_log(data, spec)))]

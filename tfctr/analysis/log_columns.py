"""The columns of whatever can be named as data: files of any format, or a public data set."""

from __future__ import annotations

from pathlib import Path

from tfctr.analysis.log_sample import sample_for, types_of
from tfctr.data._readers.files import find_files
from tfctr.spec import FeatureSpec


def columns_of(data: str, spec: FeatureSpec) -> dict[str, str]:
    """Return the types of the columns of a log, in the words of `tfctr.spec.check_columns`.

    Args:
        data: A file, a folder, a glob pattern, or the name of a public data set (fetched when it is not there).
        spec: Says how the files are read.

    Raises:
        DataError: When there is no such data, or it cannot be read.
    """
    if not Path(data).exists():
        from tfctr.data.datasets import DATASETS

        if data in DATASETS:
            return types_of(DATASETS[data].load().to_batches())
    file = find_files(data, spec.source.format)[0]
    if file.format in ("csv", "tsv", "jsonl", "parquet"):
        return types_of(sample_for(data, spec.source).batches())
    return _columns_by_reading(data, spec)


def _columns_by_reading(data: str, spec: FeatureSpec) -> dict[str, str]:
    """Columns of a format that cannot be looked at without a spec: the reader tells what is missing or misread."""
    from tfctr.data._read_log import read_log

    return types_of([next(iter(read_log(data, spec)))])

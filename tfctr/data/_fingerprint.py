"""What prepared rows depend on, as one hash: the same hash, the same rows."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from tfctr._version import __version__
from tfctr.data._columns import log_columns
from tfctr.data._readers.files import Paths, find_files
from tfctr.data.datasets import Dataset
from tfctr.spec import FeatureSpec, TimeColumn

LogSource: TypeAlias = Paths | pa.Table | Dataset

ROWS_VERSION = 2
"""Counts up when the code makes other rows of the same log."""


def fingerprint(spec: FeatureSpec, log: LogSource, seed: int) -> str:
    """Return the hash of everything that decides the rows: the log, what the spec says of rows, seed and version.

    Files are told apart by path, size and time of change, data sets by their checksums, tables by their content.
    """
    # What models do with the columns (vocabularies, scales, gates) leaves the rows alone.
    rows = spec.model_dump(mode="json", include={"source", "history", "split", "tasks", "meta"})
    parts = {
        "version": [__version__, ROWS_VERSION],
        "seed": seed,
        "spec": rows,
        "columns": [dataclasses.asdict(column) for column in (*spec.raw_columns(), *log_columns(spec))],
        "aligned": [[f.name, getattr(f, "aligned_with", None)] for f in spec.features],
        "log": _log_parts(spec, log),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(part: TimeColumn) -> Any:
    return part.model_dump(mode="json")


def _log_parts(spec: FeatureSpec, log: LogSource) -> Any:
    if isinstance(log, Dataset):
        return [log.name, log.fingerprint]
    if isinstance(log, pa.Table):
        return table_hash(log)
    files = [file.path.resolve() for file in find_files(log, spec.source.format)]
    return [_file_parts(file) for file in files]


def _file_parts(file: Path) -> list[str | int]:
    status = file.stat()
    return [str(file), status.st_size, status.st_mtime_ns]


def table_hash(table: pa.Table) -> str:
    """Return the hash of schema and content."""
    hasher = hashlib.sha256()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches():
            writer.write_batch(batch)
    hasher.update(sink.getvalue())
    return hasher.hexdigest()

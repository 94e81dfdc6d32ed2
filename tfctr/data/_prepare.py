"""`prepare`: a raw log → train, valid and test rows with their histories, on disk.

Two passes, so that memory holds a few key columns and never the whole log: the first reads, converts and checks the
rows; the second adds the histories and deals the rows out.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tfctr.data._columns import arrow_type, log_columns, schema_of
from tfctr.data._fingerprint import LogSource, fingerprint
from tfctr.data._locks import locked
from tfctr.data._read_log import read_log, read_table
from tfctr.data._readers.files import Paths
from tfctr.data._splits import SPLITS, SplitName, split_codes
from tfctr.data.bad_rows import BadRows
from tfctr.data.datasets import DATASETS, Dataset
from tfctr.data.errors import DataError
from tfctr.data.frames import Rows, as_table, is_path
from tfctr.data.histories import add_histories, history_index, label_column, positives
from tfctr.data.survival import check_events
from tfctr.spec import FeatureSpec, RegressionTask, suggest

PART_ROWS = 1_000_000
"""Rows in one Parquet file of a split."""

BATCH_ROWS = 65_536
"""Rows that are in memory at once in the second pass."""

REPORT = "report.json"
BAD_ROWS = "bad_rows.jsonl"


@dataclass(frozen=True)
class PreparedData:
    """Rows of a log, ready for the transform.

    Args:
        folder: Has a folder for each split, `report.json`, and `bad_rows.jsonl` when a row was set aside.
        report: What `report.json` holds.
        cached: Whether the rows were there already, made from the same log by the same spec.
    """

    folder: Path
    report: dict[str, Any] = field(repr=False)
    cached: bool = False

    @property
    def train(self) -> Path:
        """Folder of the training rows, Parquet files with the columns of `spec.raw_columns()`."""
        return self.folder / "train"

    @property
    def valid(self) -> Path:
        """Folder of the validation rows."""
        return self.folder / "valid"

    @property
    def test(self) -> Path:
        """Folder of the test rows."""
        return self.folder / "test"

    @property
    def rows(self) -> dict[str, int]:
        """Rows in each split."""
        return {name: part["rows"] for name, part in self.report["splits"].items()}

    def summary(self) -> str:
        """Return what a person wants to know about the rows, a few lines."""
        seconds = "kept from before" if self.cached else f"made in {self.report['seconds']:.1f} s"
        lines = [f"{sum(self.rows.values()):,} rows of {self.report['source']}, {seconds}, in {self.folder}"]
        for name, part in self.report["splits"].items():
            told = [f"{task} {100 * rate:.2f} %" for task, rate in part["positive_rate"].items()]
            told += [f"{task} {mean:,.6g} on average" for task, mean in part.get("label_mean", {}).items()]
            line = f"  {name:<5} {part['rows']:>12,} rows   {', '.join(told)}"
            if part["time"] is not None:
                line += f"   {_moment(part['time'][0])} to {_moment(part['time'][1])}"
            lines.append(line)
        bad = self.report["bad_rows"]
        lines += [f"  {note} ({rows:,} rows)" for note, rows in bad.get("notes", {}).items()]
        if bad["bad"]:
            reasons = "; ".join(f"{count:,} {reason}" for reason, count in bad["reasons"].items())
            lines.append(f"  {bad['bad']:,} of {bad['rows']:,} rows set aside in {self.folder / BAD_ROWS}: {reasons}")
        return "\n".join(lines)


def prepare(spec: FeatureSpec, source: Paths | Rows | None, workdir: Path | str, *, seed: int = 0) -> PreparedData:
    """Read a raw log, set bad rows aside, build the histories, split, and write the rows.

    The rows appear in `workdir` all at once or not at all. When it holds rows made from the same log by the same
    spec and seed, they are kept.

    Args:
        spec: Says what is read, which histories are built and how rows are split.
        source: A file, folder or glob pattern, a list of these, the name of a public data set, or rows in memory, such
            as a data frame (see `as_table`); None takes `spec.source.dataset`.
        workdir: Folder that gets the rows; other files in it are left alone.
        seed: Of a split by hash or at random.

    Raises:
        DataError: When the log cannot be read, a history cannot be built, a split has no rows, or a task's mask leaves
            it no training row.
        BadRowsError: When too many rows are bad.
        FetchError: When a public data set cannot be had.
    """
    log = find_source(spec, source)
    folder = Path(workdir)
    with locked(folder):
        mark = fingerprint(spec, log, seed)
        known = _report(folder)
        if known is not None and known["fingerprint"] == mark:
            return PreparedData(folder, known, cached=True)
        for stale in folder.glob(".partial-*"):
            shutil.rmtree(stale)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
        try:
            report = {"fingerprint": mark, **_make(spec, log, partial, seed)}
            _publish(partial, folder, report)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return PreparedData(folder, report)


def prepare_table(table: Rows, spec: FeatureSpec, *, seed: int = 0) -> dict[SplitName, pa.Table]:
    """Do in memory, for a log that fits there, what `prepare` does on disk; return a table for each split.

    Args:
        table: Rows in memory, see `as_table`.
        spec: Says what is read, which histories are built and how rows are split.
        seed: Of a split by hash or at random.

    Raises:
        DataError: As `prepare`.
    """
    clean = pa.Table.from_batches(read_table(table, spec), schema_of(log_columns(spec)))
    clean = add_histories(clean, spec)
    codes = split_codes(clean, spec, seed=seed)
    columns = [column.name for column in spec.raw_columns()]
    return {name: clean.filter(pa.array(codes == code)).select(columns) for code, name in enumerate(SPLITS)}


def load_split(folder: Path | str) -> pa.Table:
    """Return all rows of a split that `prepare` wrote.

    Raises:
        DataError: When the folder has no rows.
    """
    files = sorted(Path(folder).glob("part-*.parquet"))
    if not files:
        raise DataError(f"{folder}: no part-*.parquet here; give a split's folder, such as PreparedData.train")
    return pa.concat_tables([pq.read_table(file) for file in files])


def find_source(spec: FeatureSpec, source: Paths | Rows | None) -> LogSource:
    """Return what to read: a data set of the registry by its name, else the files or the rows as a table."""
    if source is None:
        if spec.source.dataset is None:
            raise DataError("no data: give a file, a folder or a data set, or set `source.dataset` in the spec")
        source = spec.source.dataset
    if isinstance(source, str):
        if source in DATASETS:
            return DATASETS[source]
        looks_like_name = not Path(source).exists() and not any(mark in source for mark in "/.*\\")
        if looks_like_name:
            raise DataError(f"{source!r} is no file and no public data set{suggest(source, DATASETS)}")
    return cast("Paths", source) if is_path(source) else as_table(cast("Rows", source))


def _make(spec: FeatureSpec, log: LogSource, partial: Path, seed: int) -> dict[str, Any]:
    """Write the splits into `partial` and return the report."""
    start = time.monotonic()
    with BadRows(path=partial / BAD_ROWS) as bad_rows:
        keys = _first_pass(spec, log, partial / "log.parquet", bad_rows)
    codes = split_codes(keys, spec, seed=seed)
    _check_masks(keys, codes == 0, spec)
    check_events(keys, codes == 0, spec)
    _second_pass(spec, keys, codes, partial)
    (partial / "log.parquet").unlink()
    return {
        "spec": spec.name,
        "source": describe_source(log),
        "seed": seed,
        "seconds": round(time.monotonic() - start, 3),
        "splits": {name: _split_report(keys, codes == code, spec) for code, name in enumerate(SPLITS)},
        "bad_rows": bad_rows.as_dict(),
    }


def describe_source(log: LogSource) -> str:
    """Return the name of what was read, for people."""
    if isinstance(log, pa.Table):
        return "a table in memory"
    return log.name if isinstance(log, Dataset) else str(log)


def source_batches(spec: FeatureSpec, log: LogSource, bad_rows: BadRows) -> Iterator[pa.RecordBatch]:
    """Return the batches of what `find_source` found, read as the spec says, bad rows set aside."""
    if isinstance(log, pa.Table):
        return read_table(log, spec, bad_rows=bad_rows)
    if isinstance(log, Dataset):
        return read_table(log.load(), spec, bad_rows=bad_rows, name=log.name)
    return read_log(log, spec, bad_rows=bad_rows)


def _first_pass(spec: FeatureSpec, log: LogSource, path: Path, bad_rows: BadRows) -> pa.Table:
    """Write the good rows to one file and return the columns that splits, histories and report need."""
    schema = schema_of(log_columns(spec))
    names = [name for name in schema.names if name in _key_columns(spec)]
    keys: list[pa.RecordBatch] = []
    with pq.ParquetWriter(path, schema) as writer:
        for batch in source_batches(spec, log, bad_rows):
            writer.write_batch(batch)
            keys.append(batch.select(names))
    return pa.Table.from_batches(keys, pa.schema([schema.field(name) for name in names]))


def _key_columns(spec: FeatureSpec) -> set[str]:
    names = {name for task in spec.tasks for name in task.label_columns} | {
        task.mask for task in spec.tasks if task.mask
    }
    names |= {history.of for history in spec.history} | {history.by for history in spec.history}
    names |= {label_column(spec, history.positives_of) for history in spec.history if history.positives_of}
    return names | {name for name in (spec.meta.time_column, spec.split.column) if name}


def _check_masks(keys: pa.Table, train: np.ndarray, spec: FeatureSpec) -> None:
    """Raise when a task has nothing to learn from."""
    for task in spec.tasks:
        if (
            task.mask is not None
            and not pc.any(keys.column(task.mask).filter(pa.array(train)).cast(pa.bool_())).as_py()
        ):
            raise DataError(
                f"task {task.name!r}: its mask {task.mask!r} is 0 in all {int(train.sum()):,} training rows, so that "
                "nothing can be learned for it; take the task out of the spec, or mend the mask"
            )


def _second_pass(spec: FeatureSpec, keys: pa.Table, codes: np.ndarray, partial: Path) -> None:
    """Read the rows again, add their histories and write each to its split."""
    indexes = [(history, history_index(keys, history, spec)) for history in spec.history]
    columns = spec.raw_columns()
    writers = {name: _PartWriter(partial / name, schema_of(columns)) for name in SPLITS}
    row = 0
    with pq.ParquetFile(partial / "log.parquet") as log:
        for batch in log.iter_batches(BATCH_ROWS):
            stop = row + batch.num_rows
            made = dict(zip(batch.schema.names, batch.columns, strict=True))
            for history, index in indexes:
                values, times = index.lists(row, stop)
                made |= {history.name: values} | ({history.times: times} if history.times else {})
            arrays = [made[column.name].cast(arrow_type(column)) for column in columns]
            whole = pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns))
            for code, name in enumerate(SPLITS):
                writers[name].write(whole.filter(pa.array(codes[row:stop] == code)))
            row = stop
    for part_writer in writers.values():
        part_writer.close()


class _PartWriter:
    """Writes the rows of a split into Parquet files of about `PART_ROWS` rows."""

    def __init__(self, folder: Path, schema: pa.Schema):
        folder.mkdir()
        self._folder, self._schema = folder, schema
        self._writer: pq.ParquetWriter | None = None
        self._parts = self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        if not batch.num_rows:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._folder / f"part-{self._parts:05d}.parquet", self._schema)
            self._parts, self._rows = self._parts + 1, 0
        self._writer.write_batch(batch)
        self._rows += batch.num_rows
        if self._rows >= PART_ROWS:
            self.close()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _split_report(keys: pa.Table, rows: np.ndarray, spec: FeatureSpec) -> dict[str, Any]:
    """Rows, positive rate or mean label of each task, and bounds of the time."""
    bounds = None
    if spec.meta.time_column is not None:
        times = pc.min_max(keys.column(spec.meta.time_column).filter(pa.array(rows))).as_py()
        bounds = None if times["min"] is None else [times["min"], times["max"]]
    rates, means = {}, {}
    for task in spec.tasks:
        if isinstance(task, RegressionTask):
            means[task.name] = _mean_label(keys, task, rows)
        else:
            rates[task.name] = float(positives(keys, spec, task.name)[rows].mean())
    return {"rows": int(rows.sum()), "positive_rate": rates, "label_mean": means, "time": bounds}


def _mean_label(keys: pa.Table, task: RegressionTask, rows: np.ndarray) -> float:
    """The mean label of the rows that count, weights left out; NaN where none does."""
    counts = rows if task.mask is None else rows & (keys.column(task.mask).to_numpy() == 1)
    return float(keys.column(task.label).to_numpy()[counts].mean(dtype=np.float64)) if counts.any() else float("nan")


def _report(folder: Path) -> dict[str, Any] | None:
    """Return the report of finished rows; None when there are none, or not of this version."""
    try:
        report = json.loads((folder / REPORT).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    complete = isinstance(report, dict) and "fingerprint" in report and all((folder / name).is_dir() for name in SPLITS)
    return report if complete else None


def _publish(partial: Path, folder: Path, report: dict[str, Any]) -> None:
    """Move finished rows into place; the report goes first when old and comes last when new, as the mark of whole."""
    (folder / REPORT).unlink(missing_ok=True)
    (folder / BAD_ROWS).unlink(missing_ok=True)
    for name in SPLITS:
        shutil.rmtree(folder / name, ignore_errors=True)
        (partial / name).rename(folder / name)
    if (partial / BAD_ROWS).exists():
        (partial / BAD_ROWS).rename(folder / BAD_ROWS)
    written = partial / REPORT
    written.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    written.rename(folder / REPORT)


def _moment(seconds: int) -> str:
    """Return a time for people; a number that is no time in seconds stays a number."""
    if 315_532_800 < seconds < 4_102_444_800:  # the years 1980 to 2100; below may stand other units, YYMMDDHH say
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
    return str(seconds)

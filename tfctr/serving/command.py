"""`tfctr predict`: rows of a log of any format, answered by a server."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa

from tfctr.data import DataError, as_table
from tfctr.data._input_rows import read_columns
from tfctr.data._readers.files import format_of
from tfctr.serving._requests import example_inputs
from tfctr.serving._table_inputs import Matched, match, tensors_of, typed_table
from tfctr.serving.client import PredictionClient, PredictionError
from tfctr.spec import FeatureSpec, RawColumn, Source


def predict_command(
    rows: Path | None = None,
    *,
    server: str = "localhost:8500",
    model: str = "default",
    signature: str = "predict",
    version: int | None = None,
    label: str | None = None,
    spec: FeatureSpec | None = None,
    timeout_seconds: float = 10.0,
    batch_rows: int = 1_000,
    output: TextIO | None = None,
) -> int:
    """Ask a server for every row of a log and write one JSON line a row: ``{"click": 0.031}``.

    Columns that are no inputs of the model are passed over and inputs that are not there are missing: both are named
    once, on standard error, where in the end it also says how many rows lacked a value of which input.

    Args:
        rows: A file, folder or glob pattern in any format that logs may have, told by the name; another name means JSON
            lines, each an object column -> value. None reads such lines from standard input. For `rank` a line is
            ``{"once": {...}, "items": [{...}, ...]}``, answered with one list a task.
        server: Address of the server, ``host:port``.
        model: Model's name.
        signature: `predict`, `serving_default` (the same by serialized examples, slower) or `rank`.
        version: Version to ask; None asks the latest.
        label: Label of the version to ask.
        spec: The model's spec, whose `source` and separators say how the file is read; None learns the columns from the
            server and takes the defaults.
        timeout_seconds: Longest time for one request.
        batch_rows: Rows in one request.
        output: Where answers are written; None means standard output.

    Returns:
        Exit status: 0, or 1 with the reason on standard error.
    """
    target = sys.stdout if output is None else output
    try:
        if signature not in ("serving_default", "predict", "rank"):
            raise ValueError(f"signature must be serving_default, predict or rank, received {signature!r}")
        with PredictionClient(
            server, model, version=version, label=label, spec=spec, timeout_seconds=timeout_seconds
        ) as client:
            source = Source() if spec is None else spec.source
            ranked = signature == "rank"
            asked = _ranked(client, rows) if ranked else _Asked(client, signature, batch_rows).answers(rows, source)
            for answer in asked:
                target.write(json.dumps(answer) + "\n")
            target.flush()
    except BrokenPipeError:  # whoever reads has read enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), target.fileno())  # what is left is flushed at the exit
    except (PredictionError, DataError, OSError, ValueError, TypeError, KeyError) as error:
        print(f"tfctr predict: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 1
    return 0


class _Asked:
    """The rows of a log, asked batch by batch, and what is to be told of them.

    Args:
        client: Asks.
        signature: `predict` or `serving_default`.
        batch_rows: Rows in one request.
    """

    def __init__(self, client: PredictionClient, signature: str, batch_rows: int):
        self.client, self.signature, self.batch_rows = client, signature, batch_rows
        self.columns = client.columns()
        self.told: set[str] = set()
        self.rows = 0
        self.missing: Counter[str] = Counter()

    def answers(self, rows: Path | None, source: Source) -> Iterator[dict[str, Any]]:
        """Yield one answer a row."""
        for names, table in _tables(rows, source, self.columns, self.batch_rows):
            matched = match(names, self.columns)
            for sentence in matched.told():
                self._tell_once(sentence)
            for start in range(0, table.num_rows, self.batch_rows):
                yield from self._of_batch(table.slice(start, self.batch_rows), matched)
        if self.missing:
            counts = ", ".join(f"{name} in {count:,}" for name, count in self.missing.most_common())
            self._tell_once(f"missing values, of {self.rows:,} rows: {counts}")

    def _of_batch(self, table: pa.Table, matched: Matched) -> Iterator[dict[str, Any]]:
        typed = typed_table(table, self.columns, matched, self.rows)
        self.rows += table.num_rows
        self.missing.update({name: count for name in typed.column_names if (count := typed.column(name).null_count)})
        if self.signature == "predict":
            found = self.client.predict_tensors(tensors_of(typed, self.columns), "predict")
        else:
            found = self.client.predict_tensors(example_inputs(typed.to_pylist(), self.columns))
        columns = {task: _numbers(values) for task, values in found.items()}
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(columns, values, strict=True))

    def _tell_once(self, sentence: str) -> None:
        if sentence not in self.told:
            self.told.add(sentence)
            print(f"tfctr predict: {sentence}", file=sys.stderr)


def _tables(
    rows: Path | None, source: Source, columns: tuple[RawColumn, ...], batch_rows: int
) -> Iterator[tuple[list[str], pa.Table]]:
    """Yield the names of the columns there are, and rows with those among them that are inputs."""
    if rows is None or (rows.is_file() and source.format is None and format_of(rows) is None):
        with sys.stdin if rows is None else rows.open(encoding="utf-8") as lines:
            objects = _objects(lines)
            while batch := list(islice(objects, batch_rows)):
                table = as_table(batch)
                yield table.column_names, table
        return

    def choose(names: list[str]) -> tuple[RawColumn, ...]:
        found = match(names, columns).found
        return tuple(replace(column, name=found[column.name]) for column in columns if column.name in found)

    yield from read_columns(rows, source, choose)


def _ranked(client: PredictionClient, rows: Path | None) -> Iterator[dict[str, Any]]:
    """Yield one answer a line, for all its candidates."""
    with sys.stdin if rows is None else rows.open(encoding="utf-8") as lines:
        for row in _objects(lines):
            if set(row) != {"once", "items"}:
                raise ValueError(f'a line for rank is {{"once": {{...}}, "items": [...]}}, received keys {sorted(row)}')
            answer = client.rank(row["once"], row["items"])
            yield {task: _numbers(values) for task, values in answer.items()}


def _objects(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {number} is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise ValueError(f"line {number} must be an object, column -> value; received {line.strip()[:80]}")
        yield value


def _numbers(values: np.ndarray) -> list[float]:
    """Return answers as the shortest numbers that read back equal."""
    return [float(str(value)) for value in values.ravel()]

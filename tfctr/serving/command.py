"""`tfctr predict`: rows of a JSON lines file, answered by a server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from tfctr.serving.client import PredictionClient, PredictionError
from tfctr.spec import FeatureSpec


def predict_command(
    rows: Path | None = None,
    *,
    server: str = "localhost:8500",
    model: str = "default",
    signature: str = "serving_default",
    version: int | None = None,
    label: str | None = None,
    spec: FeatureSpec | None = None,
    timeout_seconds: float = 10.0,
    batch_rows: int = 1_000,
    output: TextIO | None = None,
) -> int:
    """Ask a server for every row of a file and write one JSON line a row: ``{"click": 0.031}``.

    Args:
        rows: JSON lines, each an object column -> value; for `rank` each ``{"once": {...}, "items": [{...}, ...]}``,
            answered with one list a task. None reads standard input.
        server: Address of the server, ``host:port``.
        model: Model's name.
        signature: `serving_default`, `predict` or `rank`.
        version: Version to ask; None asks the latest.
        label: Label of the version to ask.
        spec: The model's spec; None learns the columns from the server.
        timeout_seconds: Longest time for one request.
        batch_rows: Rows in one request.
        output: Where answers are written; None means standard output.

    Returns:
        Exit status: 0, or 1 with the reason on standard error.
    """
    target = sys.stdout if output is None else output
    try:
        with (
            PredictionClient(
                server, model, version=version, label=label, spec=spec, timeout_seconds=timeout_seconds
            ) as client,
            sys.stdin if rows is None else rows.open(encoding="utf-8") as lines,
        ):
            for answer in _answers(client, signature, _objects(lines), batch_rows):
                target.write(json.dumps(answer) + "\n")
    except (PredictionError, OSError, ValueError, TypeError, KeyError) as error:
        print(f"tfctr predict: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 1
    return 0


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


def _answers(
    client: PredictionClient, signature: str, rows: Iterator[dict[str, Any]], batch_rows: int
) -> Iterator[dict[str, Any]]:
    """Yield one answer a row, asked in batches."""
    if signature == "rank":
        for row in rows:
            if set(row) != {"once", "items"}:
                raise ValueError(f'a line for rank is {{"once": {{...}}, "items": [...]}}, received keys {sorted(row)}')
            answer = client.rank(row["once"], row["items"])
            yield {task: _numbers(values) for task, values in answer.items()}
        return
    if signature not in ("serving_default", "predict"):
        raise ValueError(f"signature must be serving_default, predict or rank, received {signature!r}")
    ask = client.predict_rows if signature == "serving_default" else client.predict_columns
    while batch := list(islice(rows, batch_rows)):
        columns = {task: _numbers(values) for task, values in ask(batch).items()}
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(columns, values, strict=True))


def _numbers(values: np.ndarray) -> list[float]:
    """Return answers as the shortest numbers that read back equal."""
    return [float(str(value)) for value in values.ravel()]

"""A raw log that a spec can read, of made-up rows: what a model's whole way to a server is tried on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tfctr.spec import (
    AnyTask,
    FeatureSpec,
    IdColumnFeature,
    RawColumn,
    RegressionTask,
    SequenceFeature,
    SurvivalTask,
)

VALUES = 7
"""Distinct values of an id."""

LONGEST = 6
"""Values in the longest list."""


def example_log(spec: FeatureSpec, rows: int = 2_000, seed: int = 0) -> pa.Table:
    """Return a raw log of a spec: every column it asks for, and outcomes that follow from its first id.

    Args:
        spec: Any spec whose lists stand in the log (`history` collects lists from rows; none are made up here).
        rows: Rows of the log.
        seed: Of the values.
    """
    rng = np.random.default_rng(seed)
    strength = rng.integers(0, VALUES, rows)  # the number of the first id, of which the outcomes are made
    words = {
        name: feature.table
        for feature in spec.features
        if isinstance(feature, IdColumnFeature)
        for name in (feature.column, *getattr(feature, "columns", ()))
        if name
    }
    leaders = _leaders(spec)
    lengths: dict[str, NDArray[np.int64]] = {}
    columns: dict[str, Any] = {}
    for column in spec.raw_columns():
        if column.shape == "list":
            leader = leaders.get(column.name, column.name)
            lengths.setdefault(leader, rng.integers(0, LONGEST + 1, rows))
            parts = np.split(_scalars(column, words, int(lengths[leader].sum()), rng), np.cumsum(lengths[leader])[:-1])
            columns[column.name] = [
                np.sort(part).tolist() if column.name not in words else part.tolist() for part in parts
            ]
        elif column.shape == "vector":
            columns[column.name] = rng.normal(size=(rows, column.width)).tolist()
        elif column.name in words and not columns:
            columns[column.name] = _ids(column, words[column.name], strength)
        else:
            columns[column.name] = _scalars(column, words, rows, rng)
    _one_of_each_item(spec, words, columns)
    labels = {task.name: task.label_columns[0] for task in spec.tasks}
    for task in spec.tasks:
        columns |= _outcomes(task, strength / (VALUES - 1), rng)
        after = getattr(task, "after", None)
        if after:  # what did not happen is followed by nothing
            columns[labels[task.name]] *= columns[labels[after]]
    columns |= {name: np.arange(rows) for name in (spec.meta.time_column,) if name}
    if spec.split.column:
        columns[spec.split.column] = np.arange(rows).astype(str)
    return pa.table(columns)


def _one_of_each_item(spec: FeatureSpec, words: dict[str, str], columns: dict[str, Any]) -> None:
    """Let what is told of an item be the same in all of its rows."""
    about = [column.name for column in spec.raw_columns() if column.role == "item"]
    key = next((name for name in about if name in words), None)
    if key is None:
        return
    first: dict[Any, int] = {}
    rows = [first.setdefault(value, row) for row, value in enumerate(columns[key])]
    columns |= {name: [columns[name][row] for row in rows] for name in about}


def _leaders(spec: FeatureSpec) -> dict[str, str]:
    """Column beside a sequence -> the column whose lengths it has."""
    sequences = {feature.name: feature for feature in spec.features if isinstance(feature, SequenceFeature)}
    found: dict[str, str] = {}
    for feature in sequences.values():
        leader = sequences[feature.aligned_with].column if feature.aligned_with else feature.column
        found |= {name: leader for name in (feature.column, feature.times) if name}
    return found


def _ids(column: RawColumn, vocabulary: str, numbers: NDArray[np.int64]) -> NDArray[Any]:
    """Values of an id: the same words in every column of one vocabulary."""
    return numbers + 1 if column.type == "int" else np.array([f"{vocabulary}{number}" for number in numbers])


def _scalars(column: RawColumn, words: dict[str, str], count: int, rng: np.random.Generator) -> NDArray[Any]:
    numbers = rng.integers(0, VALUES, count)
    if column.name in words:
        return _ids(column, words[column.name], numbers)
    if column.type == "float":
        return rng.normal(size=count).astype("float32")
    return numbers.astype(str) if column.type == "string" else 1 + numbers


def _outcomes(task: AnyTask, strength: NDArray[Any], rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Labels of a task: more often 1, or later, or larger, the larger the strength."""
    drawn = rng.random(len(strength))
    if isinstance(task, SurvivalTask):
        ended = rng.random(len(strength)) < 0.7
        durations = (0.5 + 12 * strength) * -np.log1p(-drawn)
        return {task.duration: durations.astype("float32"), task.event: ended.astype("float32")}
    if isinstance(task, RegressionTask):
        return {task.label: (20_000 + 5_000 * (strength + 0.3 * drawn)).astype("float32")}
    return {task.label: (drawn < 0.15 + 0.7 * strength).astype("float32")}

"""What labels, weights, masks, times and aligned sequences must be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tfctr.data._convert.problems import Problems
from tfctr.spec import AnyTask, BinaryTask, FeatureSpec, RegressionTask, SequenceFeature, SurvivalTask

Columns = dict[str, pa.Array]


def check_outcomes(columns: Columns, spec: FeatureSpec, problems: Problems) -> None:
    """Check masks, weights and labels of every task, and replace the labels of masked rows that have none by 0.

    A label must be there and be finite, and that of a yes/no task be 0 or 1 unless the task has a threshold. A row
    whose mask is 0 does not count for the task, so its label may be anything. Where two tasks count, the later one in
    their order is 1 only if the earlier one is.
    """
    happened: dict[str, np.ndarray] = {}
    known: dict[str, np.ndarray] = {}
    for task in spec.tasks:
        masked = _check_mask(task, columns, problems)
        if task.weight is not None:
            weight = columns[task.weight]
            bad = np.asarray(pc.fill_null(pc.less(weight, 0), True))
            problems.add(bad, f"{task.weight}: a weight is missing or negative", weight)
        if isinstance(task, SurvivalTask):
            _check_duration(task, columns, masked, problems)
            continue
        values = _check_label(task, columns, masked, problems)
        if isinstance(task, BinaryTask):
            happened[task.name] = values >= (1 if task.at_least is None else task.at_least)
            known[task.name] = ~masked
    for task in spec.tasks:
        if isinstance(task, BinaryTask) and task.after is not None:
            both = known[task.name] & known[task.after]
            wrong = both & happened[task.name] & ~happened[task.after]
            problems.add(wrong, f"{task.label}: {task.name} without the {task.after} before it", columns[task.label])


def check_time(columns: Columns, spec: FeatureSpec, problems: Problems) -> None:
    """Check that every row has a time where the split or a history goes by it."""
    name = spec.meta.time_column
    if name is not None and (spec.history or spec.split.by == "time") and columns[name].null_count:
        problems.add(np.asarray(pc.is_null(columns[name])), f"{name}: the time is missing", columns[name])


def check_alignment(columns: Columns, spec: FeatureSpec, problems: Problems) -> None:
    """Check that a sequence has as many times, and as many values of its side columns, as it has events."""
    for name, other in _aligned_columns(spec):
        if name in columns and other in columns:
            lengths, wanted = (_lengths(columns[column]) for column in (other, name))
            problems.add(lengths != wanted, f"{other}: not as many values as {name}", columns[other])


def _check_label(
    task: BinaryTask | RegressionTask, columns: Columns, masked: NDArray[np.bool_], problems: Problems
) -> NDArray[Any]:
    """A label is a finite number (what is infinite was found when it was read), without a threshold 0 or 1."""
    label = columns[task.label]
    values: NDArray[Any] = label.to_numpy(zero_copy_only=False)
    problems.add(np.isnan(values) & ~masked, f"{task.label}: the label is missing or NaN", label)
    if isinstance(task, BinaryTask) and task.at_least is None:
        wrong = (values != 0) & (values != 1) & ~masked
        problems.add(
            wrong, f"{task.label}: the label is not 0 or 1 (positive, at_least or kind: regression takes others)", label
        )
    if masked.any():
        columns[task.label] = pc.if_else(pa.array(masked & np.isnan(values)), pa.scalar(0, label.type), label)
    return values


def _check_duration(task: SurvivalTask, columns: Columns, masked: NDArray[np.bool_], problems: Problems) -> None:
    """A duration is a number of at least 0, an event 0 or 1; of a masked row both become 0."""
    durations, events = (columns[name].to_numpy(zero_copy_only=False) for name in task.label_columns)
    wanted = {
        task.duration: (~np.isfinite(durations), "the duration is missing or not finite"),
        task.event: ((events != 0) & (events != 1), "the event is not 0 or 1"),
    }
    problems.add((durations < 0) & ~masked, f"{task.duration}: the duration is negative", columns[task.duration])
    for name, (wrong, reason) in wanted.items():
        column = columns[name]
        problems.add(wrong & ~masked, f"{name}: {reason}", column)
        if masked.any():
            columns[name] = pc.if_else(pa.array(masked), pa.scalar(0, column.type), column)


def _check_mask(task: AnyTask, columns: Columns, problems: Problems) -> NDArray[np.bool_]:
    """Return where the mask is 0; all False when the task has none."""
    if task.mask is None:
        return np.zeros(len(columns[task.label_columns[0]]), dtype=bool)
    mask: NDArray[Any] = columns[task.mask].to_numpy(zero_copy_only=False)
    problems.add((mask != 0) & (mask != 1), f"{task.mask}: the mask is not 0 or 1", columns[task.mask])
    masked: NDArray[np.bool_] = mask == 0
    return masked


def _aligned_columns(spec: FeatureSpec) -> Iterable[tuple[str, str]]:
    """Pairs of raw columns: a sequence, and one that must have as many values."""
    sequences = {f.name: f for f in spec.features if isinstance(f, SequenceFeature)}
    for sequence in sequences.values():
        if sequence.times:
            yield sequence.column, sequence.times
        if sequence.aligned_with:
            yield sequences[sequence.aligned_with].column, sequence.column


def _lengths(lists: pa.Array) -> np.ndarray:
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0))

"""Durations with events: the label they make, and the intervals of time that training rows suggest."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from tfctr.data.errors import DataError
from tfctr.spec import FeatureSpec, SurvivalTask
from tfctr.spec.survival_task import SHORTEST

_Table = TypeVar("_Table", pa.Table, pa.RecordBatch)


def signed_durations(durations: ArrayLike, events: ArrayLike) -> NDArray[np.float32]:
    """Return durations and events as one number a row, the label of a survival task: float32 ``(rows,)``.

    The duration where the event was seen, minus the duration where the row is censored. A duration of 0, which has no
    sign, becomes `SHORTEST`, far below what any unit can tell from 0.

    Args:
        durations: At least 0, ``(rows,)``.
        events: 1 where the event was seen, else 0, ``(rows,)``.

    Example:
        >>> signed_durations([2.5, 4.0], [1, 0])
        array([ 2.5, -4. ], dtype=float32)
    """
    length = np.maximum(np.asarray(durations, np.float32), np.float32(SHORTEST))
    return np.where(np.asarray(events) > 0, length, -length).astype(np.float32)


def with_cut_points(spec: FeatureSpec, train: pa.Table) -> FeatureSpec:
    """Return the spec with cut points in place of the quantiles of its survival tasks.

    They are quantiles of the durations of the events, so that each interval holds about equally many events.

    Args:
        spec: Any spec; one without quantiles is returned as it is.
        train: Training rows, raw (of these only: what is learned from other rows leaks).

    Raises:
        DataError: When no event was seen, or all at one time, so that there would be one interval.
    """
    if not any(isinstance(task, SurvivalTask) and task.quantiles for task in spec.tasks):
        return spec
    tasks = [
        task.model_copy(update={"cut_points": _quantiles(task, train), "quantiles": None})
        if isinstance(task, SurvivalTask) and task.quantiles
        else task
        for task in spec.tasks
    ]
    return FeatureSpec.model_validate({**dict(spec), "tasks": tasks})


def check_events(keys: pa.Table, train: NDArray[np.bool_], spec: FeatureSpec) -> None:
    """Raise `DataError` when the training rows of a survival task are all censored.

    Args:
        keys: Label columns of all rows.
        train: Which rows are trained on, ``(rows,)``.
        spec: The spec.
    """
    for task in spec.tasks:
        if isinstance(task, SurvivalTask) and not seen_events(task, keys)[train].any():
            raise DataError(
                f"task {task.name!r}: all {int(train.sum()):,} training rows are censored ({task.event!r} is 0); "
                "without a single event no hazard can be learned. Is the column the right one, and the log long enough?"
            )


def seen_events(task: SurvivalTask, table: _Table) -> NDArray[np.bool_]:
    """Return, per row that counts, whether the event was seen, bool ``(rows,)``."""
    seen = table.column(task.event).to_numpy(zero_copy_only=False) == 1
    if task.mask is not None and task.mask in table.schema.names:
        seen &= table.column(task.mask).to_numpy(zero_copy_only=False) == 1
    return np.asarray(seen)


def _quantiles(task: SurvivalTask, train: pa.Table) -> tuple[float, ...]:
    """Upper ends of the intervals; fewer than asked for where durations repeat."""
    durations = train.column(task.duration).to_numpy()[seen_events(task, train)].astype(np.float64)
    if not len(durations):
        raise DataError(f"task {task.name!r}: no training row has seen the event, so that there are no quantiles")
    assert task.quantiles is not None
    found = np.unique(np.quantile(durations, np.arange(1, task.quantiles + 1) / task.quantiles, method="higher"))
    found = found[found > 0]
    if len(found) < 2:
        raise DataError(
            f"task {task.name!r}: every event of the training rows is at {durations[0]:g} {task.unit}, which makes one "
            "interval; give cut_points, or make it a binary task"
        )
    return tuple(float(value) for value in found)

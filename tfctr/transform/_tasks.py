"""Labels, weights and meta columns in the graph."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from tfctr.spec import (
    DOMAIN_NAME,
    GROUP_NAME,
    TIME_NAME,
    AnyTask,
    BinaryTask,
    FeatureSpec,
    RegressionTask,
    SurvivalTask,
)
from tfctr.spec.survival_task import SHORTEST
from tfctr.transform.columns import scalar, scalar_float, scalar_text


def task_outputs(spec: FeatureSpec, raw: Mapping[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
    """Return the label of each task and, where it is weighted, weight × mask: float32 (batch,).

    In rows that a mask takes out the label is 0, whatever stands in the log.

    Raises:
        tf.errors.InvalidArgumentError: In the graph, when a row that counts has no label, or a yes/no task one that is
            neither 0 nor 1 without `at_least`, or a negative or missing weight or duration.
    """
    outputs: dict[str, tf.Tensor] = {}
    for task in spec.tasks:
        weight = _weight(task, raw)
        outputs[task.name] = _signed_duration(task, raw) if isinstance(task, SurvivalTask) else _label(task, raw)
        if weight is not None:
            outputs[task.weight_name] = weight
    return outputs


def _weight(task: AnyTask, raw: Mapping[str, tf.SparseTensor]) -> tf.Tensor | None:
    """Weight × mask; a row without a mask value does not count."""
    if not task.weighted:
        return None
    mask = None
    if task.mask:
        mask = tf.cast(scalar_float(raw[task.mask]) > 0, tf.float32)  # NaN > 0 is false
    if not task.weight:
        return mask
    weight = scalar_float(raw[task.weight])
    good = weight >= 0
    if mask is not None:
        good, weight = good | (mask == 0), tf.where(mask == 0, 0.0, weight)
    weight = _checked(weight, good, f"task {task.name}: weight column {task.weight} has a missing or negative value")
    return weight if mask is None else weight * mask


def _label(task: BinaryTask | RegressionTask, raw: Mapping[str, tf.SparseTensor]) -> tf.Tensor:
    value = scalar_float(raw[task.label])
    if isinstance(task, RegressionTask):
        good, wanted, label = ~tf.math.is_nan(value), "a number", value
    elif task.at_least is None:
        good, wanted = (
            (value == 0) | (value == 1),
            "0 or 1 (or give `positive` or `at_least`, or make it `kind: regression`)",
        )
        label = value
    else:
        good, wanted = ~tf.math.is_nan(value), f"a number (1 from {task.at_least:g} on)"
        label = tf.cast(value >= task.at_least, tf.float32)
    if task.mask:
        counts = scalar_float(raw[task.mask]) > 0
        good, label = good | ~counts, tf.where(counts, label, 0.0)
    return _checked(label, good, f"task {task.name}: label column {task.label} must hold {wanted} in every row")


def _signed_duration(task: SurvivalTask, raw: Mapping[str, tf.SparseTensor]) -> tf.Tensor:
    """The duration where the event was seen, minus it where not, as `tfctr.data.signed_durations`."""
    duration, event = scalar_float(raw[task.duration]), scalar_float(raw[task.event])
    good_duration, good_event = tf.math.is_finite(duration) & (duration >= 0), (event == 0) | (event == 1)
    if task.mask:
        counts = scalar_float(raw[task.mask]) > 0
        duration, event = tf.where(counts, duration, 0.0), tf.where(counts, event, 0.0)
        good_duration, good_event = good_duration | ~counts, good_event | ~counts
    here = f"task {task.name}: column"
    duration = _checked(
        duration, good_duration, f"{here} {task.duration} must hold a number of at least 0 in every row"
    )
    event = _checked(event, good_event, f"{here} {task.event} must hold 0 or 1 in every row")
    return tf.where(event > 0, 1.0, -1.0) * tf.maximum(duration, SHORTEST)


def _checked(values: tf.Tensor, good: tf.Tensor, message: str) -> tf.Tensor:
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(good), [message])]):
        return tf.identity(values)


def meta_outputs(spec: FeatureSpec, raw: Mapping[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
    """Return the meta tensors, int64 (batch,): fingerprints (FarmHash64) of group and domain, the time as it is."""
    outputs: dict[str, tf.Tensor] = {}
    nulls = {column.name: column.null_values for column in spec.raw_columns()}
    for column, name in ((spec.meta.group, GROUP_NAME), (spec.meta.domain, DOMAIN_NAME)):
        if column:
            outputs[name] = fingerprints(scalar_text(raw[column], nulls[column]))
    if spec.meta.time_column:
        outputs[TIME_NAME] = _time(raw[spec.meta.time_column])
    return outputs


def fingerprints(values: tf.Tensor) -> tf.Tensor:
    """Return what texts ``(n,)`` are in the meta tensors: FarmHash64, int64 ``(n,)``."""
    return tf.bitcast(tf.fingerprint(values, method="farmhash64"), tf.int64)  # of (n, 8) bytes


def _time(column: tf.SparseTensor) -> tf.Tensor:
    """int64 seconds, 0 where there is none."""
    values = column.values
    if values.dtype == tf.string:
        values = tf.strings.to_number(values, tf.int64)
    values = tf.cast(values, tf.int64)
    return scalar(tf.SparseTensor(column.indices, values, column.dense_shape), 0)

"""Raw columns → the column of each feature: lists in their order and without padding, and what is made of times.

A request carries the raw columns as the log has them, so that all of this is in the graph and the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfctr.data import zone_clocks
from tfctr.spec import (
    MISSING,
    AnyFeature,
    ColumnFeature,
    FeatureSpec,
    ListFeature,
    SequenceFeature,
    TimeColumn,
    TimePart,
    from_time_of,
    times_of,
)
from tfctr.transform.columns import MISSING_INT, row_lengths, scalar, scalar_text, text

_DAY = 86_400
_HOUR = 3_600
_PER_SECOND = {10**11: 10**3, 10**14: 10**6, 10**17: 10**9}
"""From this size on a time counts so many in a second: the sizes by which a log's units are found."""


def feature_columns(spec: FeatureSpec, raw: Mapping[str, tf.SparseTensor]) -> dict[str, tf.SparseTensor]:
    """Return the column of each feature by the feature's name, and of the times of sequences by their tensor's name.

    Args:
        spec: The spec.
        raw: Raw columns by name, each (batch, most values in a row).
    """
    columns = {f.name: _column(f, spec, raw) for f in spec.features if isinstance(f, ColumnFeature)}
    sequences = [feature for feature in spec.features if isinstance(feature, SequenceFeature)]
    columns |= {f.times_name: raw[f.times] for f in sequences if f.times}
    orders = {f.name: _kept(f, columns[f.name]) for f in spec.features if isinstance(f, ListFeature)}
    for feature in spec.features:
        if not isinstance(feature, ListFeature):
            continue
        leader = leading_sequence(feature, spec) if isinstance(feature, SequenceFeature) else feature
        order = orders[leader.name]
        names = [
            feature.name,
            *([feature.times_name] if isinstance(feature, SequenceFeature) and feature.times else []),
        ]
        columns |= {name: order.of(columns[name]) for name in names if order is not None}
    return columns


def leading_sequence(feature: SequenceFeature, spec: FeatureSpec) -> SequenceFeature:
    """Return the sequence that a side column is aligned with, itself for any other: it says what of both is kept."""
    sequences = {f.name: f for f in spec.features if isinstance(f, SequenceFeature)}
    main, seen = feature, {feature.name}
    while main.aligned_with is not None and main.aligned_with not in seen:
        main = sequences[main.aligned_with]
        seen.add(main.name)
    return main


def _column(feature: AnyFeature, spec: FeatureSpec, raw: Mapping[str, tf.SparseTensor]) -> tf.SparseTensor:
    made = from_time_of(feature)
    if made is not None:
        times = times_of(feature, spec.meta.time)
        if isinstance(made, TimePart):
            return _part(made, times[0], raw)
        return _hours_between(*(raw[time.column] for time in times))
    if not isinstance(feature, ListFeature):
        assert isinstance(feature, ColumnFeature)
        return raw[feature.column]
    column = _joined([raw[name] for name in feature.columns]) if feature.columns else raw[feature.column]
    return _inner(feature, column)


# Times ---------------------------------------------------------------------------------------------------------------


def _part(made: TimePart, form: TimeColumn, raw: Mapping[str, tf.SparseTensor]) -> tf.SparseTensor:
    """The part of a time on the clocks of a zone, int64."""
    column = raw[form.column]
    clocks = zone_clocks(made.zone or form.zone)
    seconds = in_seconds(column.values)
    if len(clocks.changes):
        place = tf.searchsorted(tf.constant(clocks.changes), seconds, side="right")
        shown = seconds + tf.gather(tf.constant(clocks.offsets), place)
    else:
        shown = seconds + int(clocks.offsets[0])
    hour = tf.math.floormod(shown, _DAY) // _HOUR
    weekday = tf.math.floormod(tf.math.floordiv(shown, _DAY) + 3, 7)  # 1970 began on a Thursday
    parts = {"hour_of_day": hour, "weekday": weekday, "hour_of_week": 24 * weekday + hour}
    return tf.SparseTensor(column.indices, parts[made.part], column.dense_shape)


def _hours_between(later: tf.SparseTensor, earlier: tf.SparseTensor) -> tf.SparseTensor:
    """Hours from the earlier to the later time, float32; none where one of the two is missing."""
    ends, starts = scalar(later, MISSING_INT), scalar(earlier, MISSING_INT)
    there = tf.where((ends != MISSING_INT) & (starts != MISSING_INT))
    seconds = in_seconds(tf.gather_nd(ends, there)) - in_seconds(tf.gather_nd(starts, there))
    hours = tf.cast(tf.cast(seconds, tf.float64) / _HOUR, tf.float32)
    indices = tf.concat([there, tf.zeros_like(there)], axis=1)
    return tf.SparseTensor(indices, hours, tf.stack([later.dense_shape[0], tf.ones([], tf.int64)]))


def in_seconds(times: tf.Tensor) -> tf.Tensor:
    """Return times in seconds: as they are, and where their size tells that a request gave a finer unit, divided."""
    per_second = tf.ones_like(times)
    for size, divisor in _PER_SECOND.items():
        per_second = tf.where((times >= size) | (times <= -size), tf.constant(divisor, tf.int64), per_second)
    return tf.math.floordiv(times, per_second)


# Lists ---------------------------------------------------------------------------------------------------------------


class _Kept(NamedTuple):
    """Which values of a list are kept, in which order.

    Args:
        keys: row · width + position of each value kept, in the order of the log, int64 (kept,).
        width: Positions in a row of the keys.
        backwards: Whether the last one comes first.
    """

    keys: tf.Tensor
    width: tf.Tensor
    backwards: bool

    def of(self, column: tf.SparseTensor) -> tf.SparseTensor:
        """The values of a column that stand beside those that are kept."""
        keys = column.indices[:, 0] * self.width + tf.minimum(column.indices[:, 1], self.width - 1)
        ranks = tf.searchsorted(self.keys, keys)
        found = tf.gather(tf.concat([self.keys, [-1]], axis=0), ranks)
        beside = tf.where((found == keys) & (column.indices[:, 1] < self.width))[:, 0]
        kept = _compacted(tf.gather(column.indices[:, 0], beside), tf.gather(column.values, beside), column.dense_shape)
        return _backwards(kept) if self.backwards else kept


def _kept(feature: ListFeature, column: tf.SparseTensor) -> _Kept | None:
    """What a list keeps; None where all of it stays as it is."""
    backwards = isinstance(feature, SequenceFeature) and feature.order == "newest_first"
    if feature.padding is None and not backwards:
        return None
    width = tf.maximum(column.dense_shape[1], 1)
    keys = column.indices[:, 0] * width + column.indices[:, 1]
    if feature.padding is not None:
        keys = tf.boolean_mask(keys, tf.not_equal(text(column.values), str(feature.padding)))
    return _Kept(keys, width, backwards)


def _joined(parts: Sequence[tf.SparseTensor]) -> tf.SparseTensor:
    """The values of several columns of one value each as one list of texts; what is missing takes no place."""
    dense = tf.stack([scalar_text(part) for part in parts], axis=1)  # (batch, parts)
    there = tf.where(tf.not_equal(dense, MISSING))
    return _compacted(there[:, 0], tf.gather_nd(dense, there), tf.shape(dense, tf.int64))


def _inner(feature: ListFeature, column: tf.SparseTensor) -> tf.SparseTensor:
    """One part of each value, where values have parts; empty where there are fewer."""
    if feature.inner_separator is None:
        return column
    pieces = tf.strings.split(text(column.values), feature.inner_separator)
    wanted = pieces[:, feature.part - 1 : feature.part].to_tensor(default_value="", shape=[None, 1])
    return tf.SparseTensor(column.indices, wanted[:, 0], column.dense_shape)


def _compacted(rows: tf.Tensor, values: tf.Tensor, shape: tf.Tensor) -> tf.SparseTensor:
    """Values in the order of their rows, each at the next place of its row."""
    lengths = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, shape[0])
    positions = tf.range(tf.size(rows, tf.int64)) - tf.gather(tf.cumsum(lengths, exclusive=True), rows)
    return tf.SparseTensor(tf.stack([rows, positions], axis=1), values, shape)


def _backwards(column: tf.SparseTensor) -> tf.SparseTensor:
    """Each row from its last value to its first."""
    lengths = row_lengths(column)
    rows, positions = column.indices[:, 0], column.indices[:, 1]
    starts = tf.gather(tf.cumsum(lengths, exclusive=True), rows)
    turned = starts + tf.gather(lengths, rows) - 1 - positions
    return tf.SparseTensor(column.indices, tf.gather(column.values, turned), column.dense_shape)

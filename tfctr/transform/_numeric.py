"""Numeric features: learned in one matrix, so that a hundred columns cost one analyzer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf
import tensorflow_transform as tft

from tfctr.spec import FeatureSpec, NumericFeature
from tfctr.transform.columns import scalar_float

CONSTANT_SHARE = 1e-6
"""A column whose standard deviation is below this share of its mean is taken as constant: float32 cannot tell
its values apart, and dividing by rounding errors would invent a signal."""


def numeric_outputs(spec: FeatureSpec, raw: Mapping[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
    """Return the numeric features: float32 (batch,), or int64 (batch,) bucket ids for `quantile`.

    A missing value (NaN and infinite ones too) takes `fill` before scaling; without `fill` it takes the mean
    of the values that are there, and does not count in the statistics. A constant column becomes 0.

    Args:
        spec: The spec.
        raw: Raw columns by name.
    """
    features = [feature for feature in spec.features if isinstance(feature, NumericFeature)]
    if not features:
        return {}
    present = {f.name: _present(f, raw[f.column]) for f in features}
    logs = {f.name: _log(present[f.name]) for f in features if f.scale == "log"}
    statistics = _moments([*present.values(), *logs.values()])
    means = dict(zip(present, statistics, strict=False))
    of_logs = dict(zip(logs, statistics[len(features) :], strict=True))
    outputs: dict[str, tf.Tensor] = {}
    for feature in features:
        name, given = feature.name, present[feature.name]
        filled = tf.where(tf.math.is_nan(given), means[name].mean, given)
        if feature.scale == "quantile":
            outputs[name] = _bucket(feature, given, filled)
        elif feature.scale == "log":
            outputs[name] = of_logs[name].score(_log(filled))
        else:
            outputs[name] = filled if feature.scale == "none" else means[name].score(filled)
    return outputs


def _present(feature: NumericFeature, column: tf.SparseTensor) -> tf.Tensor:
    """The values of a feature, float32 (batch,), `fill` or else NaN where there is none."""
    values = scalar_float(column)
    return values if feature.fill is None else tf.where(tf.math.is_nan(values), feature.fill, values)


def _log(values: tf.Tensor) -> tf.Tensor:
    """sign(x)·log(1 + |x|)."""
    return tf.sign(values) * tf.math.log1p(tf.abs(values))


class _Moments(NamedTuple):
    """Mean of a column over the data set and 1 / standard deviation (0 for a constant column); float32 scalars."""

    mean: tf.Tensor
    inverse: tf.Tensor

    def score(self, values: tf.Tensor) -> tf.Tensor:
        return (values - self.mean) * self.inverse


def _moments(columns: list[tf.Tensor]) -> list[_Moments]:
    """Moments of each column, NaN left out; mean and inverse 0 for a column without values.

    One analyzer for the matrix of all columns, in float64: a float32 sum of a million equal numbers is off by
    more than `CONSTANT_SHARE`. Only what is learned goes through the matrix; each output is computed from its
    own column, for TFT follows every output back to its inputs whenever a graph is loaded.
    """
    matrix = tf.cast(tf.stack(columns, axis=1), tf.float64)  # (batch, columns)
    mean = tf.ensure_shape(tft.mean(matrix, reduce_instance_dims=False), [len(columns)])
    variance = tf.ensure_shape(tft.var(matrix, reduce_instance_dims=False), [len(columns)])
    mean = tf.where(tf.math.is_finite(mean), mean, tf.zeros_like(mean))
    deviation = tf.sqrt(variance)
    varies = deviation > CONSTANT_SHARE * tf.abs(mean)  # false for NaN too
    inverse = tf.where(varies, 1 / tf.where(varies, deviation, tf.ones_like(deviation)), tf.zeros_like(mean))
    pairs = (tf.unstack(tf.cast(values, tf.float32), num=len(columns)) for values in (mean, inverse))
    return [_Moments(*pair) for pair in zip(*pairs, strict=True)]


def _bucket(feature: NumericFeature, present: tf.Tensor, filled: tf.Tensor) -> tf.Tensor:
    """Ids 1..buckets of equal-frequency buckets. Bucket b holds ``boundary[b-2] <= x < boundary[b-1]``.

    One analyzer a feature, which TFT packs itself: its analyzer of a matrix fails when a column is empty.
    """
    epsilon = min(0.01, 0.1 / feature.buckets)
    learned = tft.quantiles(present, num_buckets=feature.buckets, epsilon=epsilon)
    boundaries = tf.reshape(learned, [feature.buckets - 1])
    return 1 + tf.searchsorted(boundaries, filled, side="right", out_type=tf.int64)

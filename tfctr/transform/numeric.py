"""Numeric features: all of them in one matrix, so that a hundred columns cost one analyzer and a few ops."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf
import tensorflow_transform as tft

from tfctr.spec import FeatureSpec, NumericFeature, is_bucketed
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
    values = tf.stack([scalar_float(raw[feature.column]) for feature in features], axis=1)  # (batch, features)
    fills = tf.constant([float("nan") if f.fill is None else f.fill for f in features], tf.float32)
    present = tf.where(tf.math.is_nan(values), fills, values)  # NaN left where the mean is to be taken
    logs = _places_of_logs(features)
    statistics = tf.concat([present, _log(tf.gather(present, tf.constant(logs, tf.int32), axis=1))], axis=1)
    means, deviations = _moments(statistics)
    count = len(features)
    filled = tf.where(tf.math.is_nan(present), means[:count], present)
    scaled = _scale(features, filled, means, deviations)
    outputs: dict[str, tf.Tensor] = {}
    for feature, column in zip(features, tf.unstack(scaled, num=count, axis=1), strict=True):
        outputs[feature.name] = column
    return outputs | _buckets(features, present, filled)


def _places_of_logs(features: list[NumericFeature]) -> list[int]:
    return [index for index, feature in enumerate(features) if feature.scale == "log"]


def _log(values: tf.Tensor) -> tf.Tensor:
    """sign(x)·log(1 + |x|)."""
    return tf.sign(values) * tf.math.log1p(tf.abs(values))


def _moments(matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation of each column over the data set, NaN left out; 0 where nothing is there.

    In float64: a float32 sum of a million equal numbers is off by more than `CONSTANT_SHARE`.
    """
    width = matrix.shape[1]
    exact = tf.cast(matrix, tf.float64)
    mean = tf.ensure_shape(tft.mean(exact, reduce_instance_dims=False), [width])
    variance = tf.ensure_shape(tft.var(exact, reduce_instance_dims=False), [width])
    mean = tf.where(tf.math.is_finite(mean), mean, tf.zeros_like(mean))
    variance = tf.where(tf.math.is_finite(variance), variance, tf.zeros_like(variance))
    return tf.cast(mean, tf.float32), tf.cast(tf.sqrt(variance), tf.float32)


def _scale(features: list[NumericFeature], filled: tf.Tensor, means: tf.Tensor, deviations: tf.Tensor) -> tf.Tensor:
    """Scale each column its own way: (x - shift) / width of x or of its log; `none` is shift 0, width 1."""
    count = len(features)
    of_log = {
        index: count + place for place, index in enumerate(_places_of_logs(features))
    }  # where the log's statistics stand
    source = [of_log.get(index, index) for index in range(count)]
    shift, width = tf.gather(means, source), tf.gather(deviations, source)
    constant = width <= CONSTANT_SHARE * tf.abs(shift)
    plain = tf.constant([feature.scale == "none" for feature in features])
    logged = tf.constant([feature.scale == "log" for feature in features])
    values = tf.where(logged, _log(filled), filled)
    scores = tf.where(constant, 0.0, (values - shift) / tf.where(constant, 1.0, width))
    return tf.where(plain, values, scores)


def _buckets(features: list[NumericFeature], present: tf.Tensor, filled: tf.Tensor) -> dict[str, tf.Tensor]:
    """Ids 1..buckets of equal-frequency buckets. Bucket b holds ``boundary[b-2] <= x < boundary[b-1]``.

    One analyzer a feature, which TFT packs itself: its analyzer of a matrix fails when a column is empty.
    """
    outputs: dict[str, tf.Tensor] = {}
    for place, feature in enumerate(features):
        if is_bucketed(feature):
            epsilon = min(0.01, 0.1 / feature.buckets)
            learned = tft.quantiles(present[:, place], num_buckets=feature.buckets, epsilon=epsilon)
            boundaries = tf.reshape(learned, [feature.buckets - 1])
            outputs[feature.name] = 1 + tf.searchsorted(boundaries, filled[:, place], side="right", out_type=tf.int64)
    return outputs

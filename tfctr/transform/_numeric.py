"""Numeric features: learned in one matrix, so that a hundred columns cost one analyzer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfctr.spec import FeatureSpec, NumericFeature
from tfctr.transform._analyzers import Analyzers
from tfctr.transform.columns import scalar_float

CONSTANT_SHARE = 1e-12
"""A column whose standard deviation is below this share of its mean is taken as constant: a float64 sum of equal
numbers is off by less. Two float32 are 6e-8 of themselves apart; where one row in a million differs that is 6e-11."""

FURTHEST = 1 / CONSTANT_SHARE
"""Deviations from the mean at which a z-score ends. No training row is further away than the square root of their
number, nor is 0; a wild value of a request must not become infinite in a model."""

_SMALLEST = float(np.finfo(np.float32).tiny)
"""The smallest float32 above 0 that TensorFlow does not take for 0."""


@dataclass(frozen=True)
class NumericColumns:
    """What is learned from: present values, NaN where there is none; (batch,) each, by feature.

    Args:
        features: All numeric features.
        present: Values of each, with its `fill` if it has one; float32.
        logs: Their logarithms, of the features that are scaled by them; float64, for those of equal numbers differ in
            the last digit by their place in the batch, which in float32 would be a signal.
    """

    features: Sequence[NumericFeature]
    present: Mapping[str, tf.Tensor]
    logs: Mapping[str, tf.Tensor]


class LearnedNumbers(NamedTuple):
    """Moments of values and of logarithms, and bounds of buckets, by feature."""

    values: Mapping[str, _Moments]
    logs: Mapping[str, _Moments]
    bounds: Mapping[str, tf.Tensor]


def numeric_columns(spec: FeatureSpec, columns: Mapping[str, tf.SparseTensor]) -> NumericColumns:
    """Return what numeric features are learned from.

    Args:
        spec: The spec.
        columns: Columns of features by the features' names.
    """
    features = [feature for feature in spec.features if isinstance(feature, NumericFeature)]
    present = {f.name: _present(f, columns[f.name]) for f in features}
    return NumericColumns(features, present, {f.name: _log(present[f.name]) for f in features if f.scale == "log"})


def learn_numbers(columns: NumericColumns, analyzers: Analyzers) -> LearnedNumbers:
    """Have moments and bounds learned.

    One analyzer for the matrix of all columns, in float64: a float32 sum of a million equal numbers is off by
    more than numbers that differ may be. Only what is learned goes through the matrix; each output is computed from its
    own column, for TFT follows every output back to its inputs whenever a graph is loaded.
    """
    if not columns.features:
        return LearnedNumbers({}, {}, {})
    learned_from = [*columns.present.values(), *columns.logs.values()]
    columns_of = [tf.cast(values, tf.float64) for values in learned_from]
    learned = analyzers.moments(tf.stack(columns_of, axis=1))  # (batch, columns)
    moments = _moments(*(tf.ensure_shape(values, [len(learned_from)]) for values in learned))
    bucketed = {f.name: f.buckets for f in columns.features if f.scale == "quantile"}
    bounds = analyzers.quantiles([columns.present[name] for name in bucketed], list(bucketed.values()))
    return LearnedNumbers(
        dict(zip(columns.present, moments, strict=False)),
        dict(zip(columns.logs, moments[len(columns.features) :], strict=True)),
        {name: tf.reshape(b, [n - 1]) for (name, n), b in zip(bucketed.items(), bounds, strict=True)},
    )


def numeric_outputs(columns: NumericColumns, learned: LearnedNumbers) -> dict[str, tf.Tensor]:
    """Return the numeric features: float32 (batch,), or int64 (batch,) bucket ids for `quantile`.

    A missing value (NaN and infinite ones too) takes `fill` before scaling; without `fill` it takes the mean
    of the values that are there, and does not count in the statistics. A constant column becomes 0, or bucket 1.
    Ids of buckets are 1..buckets. Bucket b holds ``bounds[b-2] <= x < bounds[b-1]``. Scores are computed in float64:
    differences and deviations of float32 values need not be float32 values.
    """
    outputs: dict[str, tf.Tensor] = {}
    for feature in columns.features:
        name, given = feature.name, columns.present[feature.name]
        moments = learned.values[name]
        filled = tf.where(tf.math.is_nan(given), tf.cast(moments.mean, tf.float32), given)
        if feature.scale == "quantile":
            bounds = _apart(learned.bounds[name], moments)
            outputs[name] = 1 + tf.searchsorted(bounds, filled, side="right", out_type=tf.int64)
        elif feature.scale == "log":
            outputs[name] = learned.logs[name].score(_log(filled))
        else:
            outputs[name] = filled if feature.scale == "none" else moments.score(filled)
    return outputs


def _present(feature: NumericFeature, column: tf.SparseTensor) -> tf.Tensor:
    """The values of a feature, float32 (batch,), `fill` or else NaN where there is none."""
    values = scalar_float(column)
    return values if feature.fill is None else tf.where(tf.math.is_nan(values), feature.fill, values)


def _log(values: tf.Tensor) -> tf.Tensor:
    """sign(x)·log(1 + |x|), float64."""
    values = tf.cast(values, tf.float64)
    return tf.sign(values) * tf.math.log1p(tf.abs(values))


class _Moments(NamedTuple):
    """Mean of a column over the data set and 1 / standard deviation (0 for a constant column); float64 scalars."""

    mean: tf.Tensor
    inverse: tf.Tensor

    def score(self, values: tf.Tensor) -> tf.Tensor:
        scores = (tf.cast(values, tf.float64) - self.mean) * self.inverse
        return tf.cast(tf.clip_by_value(scores, -FURTHEST, FURTHEST), tf.float32)


def _apart(bounds: tf.Tensor, moments: _Moments) -> tf.Tensor:
    """Bounds that part a frequent value from what lies above it and from what lies below it.

    A value in more than one bucket's share of the rows is several bounds, and all that is not below it would be in the
    bucket above them. All but the first of equal bounds move just above it. A single bound moves where the mean tells
    that something lies above. All bounds of a constant column are out of reach.
    """
    if bounds.shape[0] == 1:
        repeated = tf.cast(bounds, tf.float64) < moments.mean
    else:
        repeated = tf.concat([[False], tf.equal(bounds[1:], bounds[:-1])], axis=0)
    above = tf.math.nextafter(bounds, tf.fill(tf.shape(bounds), float("inf")))
    above = tf.where(tf.abs(above) < _SMALLEST, _SMALLEST, above)
    return tf.where(moments.inverse > 0, tf.where(repeated, above, bounds), float("inf"))


def _moments(mean: tf.Tensor, variance: tf.Tensor) -> list[_Moments]:
    """Of each column; mean and inverse 0 for a column without values."""
    mean = tf.where(tf.math.is_finite(mean), mean, tf.zeros_like(mean))
    deviation = tf.sqrt(variance)
    varies = deviation > CONSTANT_SHARE * tf.abs(mean)  # false for NaN too
    inverse = tf.where(varies, 1 / tf.where(varies, deviation, tf.ones_like(deviation)), tf.zeros_like(mean))
    pairs = (tf.unstack(values, num=mean.shape[0]) for values in (mean, inverse))
    return [_Moments(*pair) for pair in zip(*pairs, strict=True)]

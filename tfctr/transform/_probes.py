"""What a learned transform makes of numbers of every size: so its scales are told, whoever learned them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tfctr.spec import CategoricalFeature, CrossFeature, FeatureSpec, IdFeature, NumericFeature, times_of


class Learned(Protocol):
    """As much of a `TransformOutput` as is asked here."""

    spec: FeatureSpec

    def transform_raw(self, raw: Mapping[str, tf.Tensor], *, partial: bool = False) -> dict[str, tf.Tensor]:
        """Transform raw columns."""

    def vocabulary_counts(self, table: str) -> np.ndarray:
        """Return how often each row of a table was met in training."""


_LARGEST = float(np.finfo(np.float32).max)

PROBES = np.array([0.0, *(float(f"1e{power}") for power in range(-37, 39)), _LARGEST, -_LARGEST], np.float32)
"""0, a number of every size, and the bounds of float32."""


_LATE = 9 * 10**10
"""The latest time that is surely seconds."""


class Probed(NamedTuple):
    """Numbers asked for, and what a feature makes of each, float32 ``(probes,)``."""

    numbers: np.ndarray
    made: np.ndarray


def probed_numbers(transform: Learned) -> dict[str, Probed]:
    """Return what each numeric feature makes of `PROBES`; one that is made of times, of 0 and of many hours."""
    features = [feature for feature in transform.spec.features if isinstance(feature, NumericFeature)]
    raw = {feature.column: tf.constant(PROBES) for feature in features if feature.column}
    made = transform.transform_raw(raw, partial=True) if raw else {}
    return {
        feature.name: Probed(PROBES, made[feature.name].numpy()) if feature.column else _of_times(feature, transform)
        for feature in features
    }


def _of_times(feature: NumericFeature, transform: Learned) -> Probed:
    """Asked by itself: the later time of one feature may be the earlier one of another."""
    later, earlier = (time.column for time in times_of(feature, transform.spec.meta.time))
    times = {later: tf.constant([0, _LATE], tf.int64), earlier: tf.constant([0, 0], tf.int64)}
    made = transform.transform_raw(times, partial=True)[feature.name]
    return Probed(np.array([0, _LATE / 3600], np.float32), made.numpy())


def constant_features(transform: Learned) -> tuple[str, ...]:
    """Return the features that are the same in every training row; see `TransformOutput.constant_features`."""
    numbers = {name: bool((made == made[0]).all()) for name, (_, made) in probed_numbers(transform).items()}
    return tuple(f.name for f in transform.spec.features if numbers.get(f.name, False) or _is_one_id(f.name, transform))


def _is_one_id(name: str, transform: Learned) -> bool:
    """Whether all training rows have one id of this feature; of hash buckets nothing is known."""
    spec: FeatureSpec = transform.spec
    feature = spec.feature(name)
    if not isinstance(feature, CategoricalFeature | CrossFeature):
        return False
    owner = spec.feature(feature.table)
    if isinstance(owner, IdFeature) and owner.hash_buckets is not None:
        return False
    return int(np.count_nonzero(transform.vocabulary_counts(feature.table))) <= 1

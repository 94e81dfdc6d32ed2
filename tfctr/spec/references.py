"""Checks that the names inside a spec point at something that exists and fits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tfctr.spec.errors import Problem, suggest
from tfctr.spec.features import IdFeature, SequenceFeature

if TYPE_CHECKING:
    from tfctr.spec.feature_spec import FeatureSpec


def reference_problems(spec: FeatureSpec) -> list[Problem]:
    """Return everything in `spec` that names a missing or an unfit thing."""
    return [*_name_problems(spec), *_feature_problems(spec), *_task_problems(spec), *_other_problems(spec)]


def _name_problems(spec: FeatureSpec) -> Iterator[Problem]:
    """Two tensors of one name: features, times of sequences, labels and weights live in one name space."""
    first: dict[str, str] = {}
    for key, name in _tensor_names(spec):
        if name in first:
            yield Problem(f"name {name!r} is used already by {first[name]}", key)
        first.setdefault(name, key)


def _tensor_names(spec: FeatureSpec) -> Iterator[tuple[str, str]]:
    for index, feature in enumerate(spec.features):
        yield f"features.{index}.name", feature.name
    for index, task in enumerate(spec.tasks):
        yield f"tasks.{index}.name", task.name


def _feature_problems(spec: FeatureSpec) -> Iterator[Problem]:
    features = {feature.name: feature for feature in spec.features}
    for index, feature in enumerate(spec.features):
        key = f"features.{index}"
        if isinstance(feature, IdFeature) and feature.shares is not None:
            yield from _share_problems(feature, features, f"{key}.shares")
        if isinstance(feature, SequenceFeature):
            yield from _sequence_problems(feature, features, key)


def _share_problems(feature: IdFeature, features: dict, key: str) -> Iterator[Problem]:
    other = features.get(feature.shares)
    if other is None:
        yield Problem(f"shares the unknown feature {feature.shares!r}{suggest(feature.shares or '', features)}", key)
    elif other.name == feature.name:
        yield Problem("a feature cannot share its own table; leave `shares` out", key)
    elif not isinstance(other, IdFeature):
        yield Problem(f"cannot share {other.name!r}: a {other.kind} feature has no ids", key)
    elif other.shares is not None:
        yield Problem(f"shares {other.name!r}, which itself shares {other.shares!r}; name that one", key)
    elif other.type != feature.type:
        yield Problem(f"is of type {feature.type}, but {other.name!r} is of type {other.type}", key)


def _sequence_problems(feature: SequenceFeature, features: dict, key: str) -> Iterator[Problem]:
    if feature.target is not None and feature.target not in features:
        yield Problem(
            f"compares with the unknown feature {feature.target!r}{suggest(feature.target, features)}", f"{key}.target"
        )
    if feature.aligned_with is None:
        return
    other = features.get(feature.aligned_with)
    if not isinstance(other, SequenceFeature):
        known = [name for name, f in features.items() if isinstance(f, SequenceFeature) and name != feature.name]
        hint = suggest(feature.aligned_with, known)
        yield Problem(f"is aligned with {feature.aligned_with!r}, which is no sequence{hint}", f"{key}.aligned_with")
    elif other.max_length != feature.max_length:
        yield Problem(
            f"max_length is {feature.max_length}, but {other.name!r} has {other.max_length}; aligned sequences "
            "are cut alike",
            f"{key}.max_length",
        )


def _task_problems(spec: FeatureSpec) -> Iterator[Problem]:
    names = {task.name for task in spec.tasks}
    features = {feature.column: feature.name for feature in spec.features}
    for index, task in enumerate(spec.tasks):
        key = f"tasks.{index}"
        if task.after is not None and (task.after not in names or task.after == task.name):
            yield Problem(
                f"comes after the unknown task {task.after!r}{suggest(task.after, names - {task.name})}", f"{key}.after"
            )
        if task.label in features:
            yield Problem(f"label column {task.label!r} is also the feature {features[task.label]!r}", f"{key}.label")


def _other_problems(spec: FeatureSpec) -> Iterator[Problem]:
    if spec.split.by == "time" and spec.meta.time is None and spec.source.dataset is None:
        yield Problem("a split by time needs `meta.time`; give it, or split by hash of a column", "split.by")
    names = {task.name for task in spec.tasks}
    for index, history in enumerate(spec.history):
        key = f"history.{index}"
        if spec.meta.time is None:
            yield Problem("a history needs `meta.time` to know what came before", key)
        if history.positives_of is not None and history.positives_of not in names:
            unknown = history.positives_of
            yield Problem(f"unknown task {unknown!r}{suggest(unknown, names)}", f"{key}.positives_of")

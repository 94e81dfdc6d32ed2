"""Checks that the names inside a spec point at something that exists and fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from tfctr.spec._crosses import cross_problems
from tfctr.spec._input_names import input_name
from tfctr.spec._task_base import WholeTask
from tfctr.spec.errors import Problem, suggest
from tfctr.spec.features import (
    AnyFeature,
    ColumnFeature,
    CrossFeature,
    IdColumnFeature,
    MultiFeature,
    SequenceFeature,
    from_time_of,
)
from tfctr.spec.gates import Gates
from tfctr.spec.raw_column import RawColumn, raw_columns_of, time_column, times_of
from tfctr.spec.regression_task import RegressionTask
from tfctr.spec.source import History, Source, Split
from tfctr.spec.tasks import AnyTask, Meta

META_PREFIX = "meta__"
"""What the tensors of group, time and domain begin with."""


class Spec(Protocol):
    """What the checks read of a `FeatureSpec`; that one runs them, so that it cannot be imported here."""

    @property
    def source(self) -> Source: ...
    @property
    def features(self) -> tuple[AnyFeature, ...]: ...
    @property
    def tasks(self) -> tuple[AnyTask, ...]: ...
    @property
    def meta(self) -> Meta: ...
    @property
    def history(self) -> tuple[History, ...]: ...
    @property
    def split(self) -> Split: ...
    @property
    def gates(self) -> Gates: ...

    def raw_columns(self, *, serving: bool = False) -> tuple[RawColumn, ...]: ...


def reference_problems(spec: Spec) -> list[Problem]:
    """Return everything in `spec` that names a missing or an unfit thing."""
    parts = (
        _name_problems,
        _column_problems,
        _input_problems,
        _feature_problems,
        _task_problems,
        _history_problems,
        _split_problems,
        _gate_problems,
    )
    return [problem for part in parts for problem in part(spec)]


def _name_problems(spec: Spec) -> Iterator[Problem]:
    """Two tensors of one name: features, times of sequences, labels and weights live in one name space."""
    first: dict[str, str] = {}
    for key, name in _tensor_names(spec):
        if name.startswith(META_PREFIX):
            yield Problem(f"names that begin with {META_PREFIX!r} are kept for group, time and domain", key)
        elif name in first:
            yield Problem(f"name {name!r} is used already by {first[name]}", key)
        first.setdefault(name, key)


def _tensor_names(spec: Spec) -> Iterator[tuple[str, str]]:
    for index, feature in enumerate(spec.features):
        yield f"features.{index}.name", feature.name
        if isinstance(feature, SequenceFeature) and feature.times:
            yield f"features.{index}.times", feature.times_name
    for index, task in enumerate(spec.tasks):
        yield f"tasks.{index}.name", task.name
        if task.weighted:
            yield f"tasks.{index}.{'weight' if task.weight else 'mask'}", task.weight_name


def _column_problems(spec: Spec) -> Iterator[Problem]:
    """One raw column asked for in two ways, of which a reader can give only one."""
    first: dict[str, tuple[str, RawColumn]] = {}
    for key, column in _column_uses(spec):
        if column.name not in first:
            first[column.name] = (key, column)
            continue
        other_key, other = first[column.name]
        if not _is_read_alike(column, other):
            yield Problem(
                f"column {column.name!r} is read as {_told(column)} here and as {_told(other)} in {other_key}", key
            )
        elif column.role != other.role and column.role and other.role:
            yield Problem(
                f"column {column.name!r} has the role {column.role} here and {other.role} in {other_key}", key
            )
        elif column.null_values != other.null_values:
            yield Problem(f"column {column.name!r} has other null_values here than in {other_key}", key)


def _input_problems(spec: Spec) -> Iterator[Problem]:
    """Two raw columns that a served model would ask for by one name: better told before a training than after it."""
    first: dict[str, tuple[str, str]] = {}
    for index, feature in enumerate(spec.features):
        for column in raw_columns_of(feature, spec.meta.time):
            name = input_name(column.name)
            key, other = first.setdefault(name, (f"features.{index}", column.name))
            if other != column.name:
                yield Problem(
                    f"columns {other!r} (in {key}) and {column.name!r} would both be the input {name!r} of a served "
                    "model; rename one in the log",
                    f"features.{index}",
                )


def _column_uses(spec: Spec) -> Iterator[tuple[str, RawColumn]]:
    for index, feature in enumerate(spec.features):
        for column in raw_columns_of(feature, spec.meta.time, spec.source.null_values):
            yield f"features.{index}", column
    if spec.meta.time_form:
        yield "meta.time", replace(time_column(spec.meta.time_form), null_values=spec.source.null_values)


def _is_read_alike(column: RawColumn, other: RawColumn) -> bool:
    """Whether one reading does for two uses: whole numbers that are kept as they are may be ids, or any other time."""
    kept = any(use.time is not None and use.time.unit == "as_is" for use in (column, other))
    same = (column.type, column.shape, column.width) == (other.type, other.shape, other.width)
    return same and (kept or column.time == other.time)


def _told(column: RawColumn) -> str:
    if column.time is not None and column.time.unit != "as_is":
        given = column.time.model_dump(exclude_defaults=True, exclude={"column"})
        return (
            f"a time ({', '.join(f'{key}: {value}' for key, value in given.items()) or 'form found from its values'})"
        )
    if column.shape == "vector":
        return f"a vector of {column.width}"
    return f"{'a list of ' if column.shape == 'list' else ''}{column.type}"


def _feature_problems(spec: Spec) -> Iterator[Problem]:
    features = {feature.name: feature for feature in spec.features}
    for index, feature in enumerate(spec.features):
        key = f"features.{index}"
        if isinstance(feature, IdColumnFeature) and feature.shares is not None:
            yield from _share_problems(feature, features, f"{key}.shares")
        if isinstance(feature, SequenceFeature):
            yield from _sequence_problems(feature, features, spec, key)
        made = from_time_of(feature)
        if made is not None and made.of is None and spec.meta.time is None:
            yield Problem("is made of a time, but says none: give `of`, or `meta.time`", f"{key}.from_time")
        if any(time.unit == "as_is" for time in times_of(feature, spec.meta.time)):
            text = "is made of a time of which nothing is known: `unit: as_is` keeps numbers, whatever they count"
            yield Problem(f"{text}; say the unit or the format", f"{key}.from_time")
    yield from cross_problems(spec.features)


def _share_problems(feature: IdColumnFeature, features: dict[str, AnyFeature], key: str) -> Iterator[Problem]:
    other = features.get(feature.shares or "")
    if other is None:
        yield Problem(f"shares the unknown feature {feature.shares!r}{suggest(feature.shares or '', features)}", key)
    elif other.name == feature.name:
        yield Problem("a feature cannot share its own table; leave `shares` out", key)
    elif not isinstance(other, IdColumnFeature):
        has = "ids of its own alone" if isinstance(other, CrossFeature) else "no ids"
        yield Problem(f"cannot share {other.name!r}: a {other.kind} feature has {has}", key)
    elif other.shares is not None:
        yield Problem(f"shares {other.name!r}, which itself shares {other.shares!r}; name that one", key)
    elif other.type != feature.type:
        yield Problem(f"is of type {feature.type}, but {other.name!r} is of type {other.type}", key)


def _sequence_problems(
    feature: SequenceFeature, features: dict[str, AnyFeature], spec: Spec, key: str
) -> Iterator[Problem]:
    if feature.target is not None and feature.target not in features:
        yield Problem(
            f"compares with the unknown feature {feature.target!r}{suggest(feature.target, features)}", f"{key}.target"
        )
    if isinstance(features.get(feature.target or ""), CrossFeature):
        yield Problem(f"compares with the cross {feature.target!r}, which no event can be", f"{key}.target")
    if feature.order == "newest_first" and feature.column in {history.name for history in spec.history}:
        yield Problem("reads a history, which is made oldest first; leave `order` out", f"{key}.order")
    if feature.aligned_with is None:
        return
    for part, default in (("padding", None), ("order", "oldest_first")):
        if getattr(feature, part) != default:
            text = f"is aligned with {feature.aligned_with!r}, whose {part} holds for both; leave `{part}` out here"
            yield Problem(text, f"{key}.{part}")
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


def _task_problems(spec: Spec) -> Iterator[Problem]:
    names = {task.name for task in spec.tasks}
    kinds = _kinds_without_positives(spec)
    features = {column.name: f.name for f in spec.features for column in raw_columns_of(f, spec.meta.time)}
    for index, task in enumerate(spec.tasks):
        key = f"tasks.{index}"
        if task.after is not None and (task.after not in names or task.after == task.name):
            yield Problem(
                f"comes after the unknown task {task.after!r}{suggest(task.after, names - {task.name})}", f"{key}.after"
            )
        elif task.after in kinds:
            yield Problem(
                f"comes after {task.after!r}, a {kinds[task.after]} task, which is neither yes nor no", f"{key}.after"
            )
        elif _is_after_itself(task.name, spec):
            yield Problem(f"comes after {task.after!r}, which comes after it; break the circle", f"{key}.after")
        before = spec.tasks[:index]
        other = next((t for t in before if _uses_label(t, task) and _positive(t) != _positive(task)), None)
        if other is not None:
            yield Problem(f"label column {task.label_columns[0]!r} has other `positive` in {other.name!r}", key)
        for part in ("label", "duration", "event"):
            column = getattr(task, part, None)
            if column in features:
                yield Problem(f"{part} column {column!r} is also the feature {features[column]!r}", f"{key}.{part}")
        if task.drops_negatives and len(spec.tasks) > 1:
            others = ", ".join(sorted(names - {task.name}))
            yield Problem(
                f"a row that training leaves out is missing for the other tasks too: {others}; drop negatives before "
                "the log is written and say log_is_sampled, or keep one task",
                f"{key}.negative_rate",
            )


def _uses_label(one: AnyTask, other: AnyTask) -> bool:
    return bool({*one.label_columns, one.mask, one.weight} & {*other.label_columns})


def _positive(task: AnyTask) -> tuple[str, ...]:
    return getattr(task, "positive", ())


def _kinds_without_positives(spec: Spec) -> dict[str, str]:
    """Name -> kind of the tasks whose label is neither yes nor no."""
    return {task.name: task.kind for task in spec.tasks if isinstance(task, WholeTask)}


def _is_after_itself(name: str, spec: Spec) -> bool:
    """Whether the chain of `after` that begins at this task comes back to it."""
    earlier = {task.name: task.after for task in spec.tasks}
    current, seen = earlier[name], set()
    while current in earlier and current not in seen:
        if current == name:
            return True
        seen.add(current)
        current = earlier[current]
    return False


def _history_problems(spec: Spec) -> Iterator[Problem]:
    tasks = {task.name for task in spec.tasks}
    kinds = _kinds_without_positives(spec)
    made: dict[str, str] = {}
    for index, history in enumerate(spec.history):
        key = f"history.{index}"
        if spec.meta.time is None:
            yield Problem("a history needs `meta.time` to know what came before", key)
        if history.positives_of is not None and history.positives_of not in tasks:
            unknown = history.positives_of
            yield Problem(f"unknown task {unknown!r}{suggest(unknown, tasks)}", f"{key}.positives_of")
        elif history.positives_of in kinds:
            asked = f"{history.positives_of!r} is a {kinds[history.positives_of]} task"
            yield Problem(f"task {asked} and has no positives", f"{key}.positives_of")
        for part in ("name", "times"):
            name = getattr(history, part)
            if name in made:
                yield Problem(f"column {name!r} is made already by {made[name]}", f"{key}.{part}")
            elif name:
                made[name] = f"{key}.{part}"
    yield from _reader_problems(spec, set(made))


def _reader_problems(spec: Spec, made: set[str]) -> Iterator[Problem]:
    """Features that read a made column as something that it is not."""
    scalars = {column.name: column for column in spec.raw_columns() if column.shape == "scalar"}
    of = {history.name: history.of for history in spec.history}
    for index, feature in enumerate(spec.features):
        if not isinstance(feature, ColumnFeature) or feature.column not in made or from_time_of(feature) is not None:
            continue
        if not isinstance(feature, SequenceFeature | MultiFeature):
            yield Problem(
                f"column {feature.column!r} is a history, which a {feature.kind} feature cannot read; "
                "make it a sequence or multi feature",
                f"features.{index}.kind",
            )
        elif (source := scalars.get(of.get(feature.column, ""))) and source.type != feature.type:
            yield Problem(
                f"is {feature.type}, but the history collects {source.name!r}, which is {source.type}",
                f"features.{index}.type",
            )


def _split_problems(spec: Spec) -> Iterator[Problem]:
    if spec.split.by == "time" and spec.meta.time is None:
        yield Problem("a split by time needs `meta.time`; give it, or split by hash of a column", "split.by")


def _gate_problems(spec: Spec) -> Iterator[Problem]:
    """Bounds in the unit of a label that are of no regression task."""
    numbers = [task.name for task in spec.tasks if isinstance(task, RegressionTask)]
    for key in ("rmse_max", "mae_max", "slice_rmse_max"):
        bound = getattr(spec.gates, key)
        for name in bound if isinstance(bound, dict) else ():
            if name not in numbers:
                yield Problem(
                    f"is of the unknown regression task {name!r}{suggest(name, numbers)}", f"gates.{key}.{name}"
                )

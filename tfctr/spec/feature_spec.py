"""FeatureSpec: the one description of an example that everything else is derived from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import Field, model_validator

from tfctr.spec._base import Frozen
from tfctr.spec._crosses import new_crosses, with_roles
from tfctr.spec._references import reference_problems
from tfctr.spec.errors import Problem, SpecError, suggest
from tfctr.spec.features import (
    AnyFeature,
    CrossFeature,
    Feature,
    Identifier,
    IdFeature,
    MultiFeature,
    SequenceFeature,
    VectorFeature,
    Vocabulary,
    from_time_of,
    is_bucketed,
    table_of,
)
from tfctr.spec.gates import Gates
from tfctr.spec.raw_column import RawColumn, raw_columns_of, time_column
from tfctr.spec.regression_task import LabelScale, RegressionTask
from tfctr.spec.source import History, Source, Split
from tfctr.spec.tasks import AnyTask, BinaryTask, Meta

GROUP_NAME = "meta__group"
TIME_NAME = "meta__time"
DOMAIN_NAME = "meta__domain"

NO_DOMAIN = "(none)"
"""What the rows without a domain are called where figures are told."""


@dataclass(frozen=True)
class TensorInfo:
    """A tensor by name: numpy dtype name and shape without the batch axis."""

    name: str
    dtype: Literal["int64", "float32"]
    shape: tuple[int, ...] = ()


class FeatureSpec(Frozen):
    """What an example is: features, tasks, meta columns, source, split and gates.

    Args:
        name: Short name, used for folders and for the served model.
        description: For people.
        source: Where raw rows come from.
        history: Sequence columns to build from the log before anything else.
        split: How rows are divided.
        features: At least one feature.
        tasks: At least one task.
        meta: Group, time and domain columns.
        gates: Bounds a model must keep to be pushed.

    Raises:
        SpecError: When names inside do not fit together, and for anything wrong in a file (`load_spec`).
        pydantic.ValidationError: When built directly with wrong types or unknown keys.

    Example:
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "categorical", "name": "site", "role": "context"}],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     meta={"time": "second"},
        ... )
        >>> bound = spec.bind({"site": 120})
        >>> bound.rows_of("site")
        120
    """

    name: Identifier
    description: str = ""
    source: Source = Source()
    history: tuple[History, ...] = ()
    split: Split = Split()
    features: tuple[AnyFeature, ...] = Field(min_length=1)
    tasks: tuple[AnyTask, ...] = Field(min_length=1)
    meta: Meta = Meta()
    gates: Gates = Gates()

    @model_validator(mode="after")
    def _crosses_have_roles(self) -> FeatureSpec:
        object.__setattr__(self, "features", with_roles(self.features))  # the spec is frozen once it is made
        return self

    @model_validator(mode="after")
    def _references_hold(self) -> FeatureSpec:
        problems = reference_problems(self)
        if problems:
            raise SpecError(problems)
        return self

    def feature(self, name: str) -> AnyFeature:
        """Return the feature of this name; `KeyError` when there is none."""
        for feature in self.features:
            if feature.name == name:
                return feature
        raise KeyError(name)

    def of_kind(self, *kinds: type[Feature]) -> tuple[AnyFeature, ...]:
        """Return the features of these classes, in the order of the spec."""
        return tuple(feature for feature in self.features if isinstance(feature, kinds))

    @property
    def id_features(self) -> tuple[AnyFeature, ...]:
        """Features that are ids in the transformed example, quantile-bucketed numbers included."""
        return tuple(f for f in self.features if isinstance(f, IdFeature) or is_bucketed(f))

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the embedding tables: one a vocabulary, shared ones once, in the order of the spec."""
        return tuple(dict.fromkeys(table_of(feature) for feature in self.id_features))

    @property
    def mixed_features(self) -> tuple[AnyFeature, ...]:
        """Crosses and hours between times that need columns of both sides of `rank`: the item's, and another one."""
        items: dict[str, set[bool]] = {}
        for feature in self.features:
            own = {column.role == "item" for column in raw_columns_of(feature, self.meta.time)}
            parts = feature.of if isinstance(feature, CrossFeature) else ()
            items[feature.name] = own.union(*(items.get(name, set()) for name in parts))
        made = (f for f in self.features if isinstance(f, CrossFeature) or from_time_of(f) is not None)
        return tuple(feature for feature in made if len(items[feature.name]) > 1)

    def with_crosses(
        self,
        of: Iterable[str] | None = None,
        *,
        pairs: Iterable[tuple[str, str]] | None = None,
        min_count: int = 1,
        max_size: int | None = None,
        oov_buckets: int = 1,
        hash_buckets: int | None = None,
    ) -> FeatureSpec:
        """Return this spec with crosses of pairs of its features at the end; crosses that it has stay as they are.

        Args:
            of: Names of features, all pairs of which are crossed. Left out, with `pairs` left out too, all features
                that can be crossed: categorical ones, and numbers in quantile buckets.
            pairs: Pairs to cross, beside those of `of`.
            min_count: Of the vocabulary of each new cross, see `Vocabulary`; so are the two after it.
            max_size: Values that are kept at most.
            oov_buckets: Rows for values outside the vocabulary.
            hash_buckets: Rows of each new cross that its values are hashed into, in place of a vocabulary.

        Raises:
            SpecError: When a name cannot be crossed, when there is no pair, when a name is taken, and for hash buckets
                with settings of a vocabulary.

        Example:
            >>> features = [{"kind": "categorical", "name": name, "role": "context"} for name in ("site", "slot")]
            >>> tasks, meta = [{"name": "click", "label": "clicked"}], {"time": "second"}
            >>> spec = FeatureSpec(name="ads", features=features, tasks=tasks, meta=meta)
            >>> spec.with_crosses(min_count=20).features[-1].of
            ('site', 'slot')
        """
        kept = Vocabulary(min_count=min_count, max_size=max_size, oov_buckets=oov_buckets)
        vocabulary = None if kept == Vocabulary() else kept
        if vocabulary is not None and hash_buckets is not None:
            text = "hash buckets count no values: give hash_buckets, or min_count, max_size and oov_buckets"
            raise SpecError([Problem(text)])
        crosses = new_crosses(self.features, of, pairs, vocabulary, hash_buckets)
        return FeatureSpec.model_validate({**dict(self), "features": (*self.features, *crosses)})

    def inputs(self) -> tuple[TensorInfo, ...]:
        """Return the tensors a model takes, named and shaped as the transform writes them."""
        infos: list[TensorInfo] = []
        for feature in self.features:
            infos.append(TensorInfo(feature.name, _dtype(feature), _shape(feature)))
            if isinstance(feature, SequenceFeature) and feature.times:
                infos.append(TensorInfo(feature.times_name, "int64", (feature.max_length,)))
        return tuple(infos)

    def labels(self) -> tuple[TensorInfo, ...]:
        """Return the label and weight tensors of the tasks."""
        infos: list[TensorInfo] = []
        for task in self.tasks:
            infos.append(TensorInfo(task.name, "float32"))
            if task.weighted:
                infos.append(TensorInfo(task.weight_name, "float32"))
        return tuple(infos)

    def meta_tensors(self) -> tuple[TensorInfo, ...]:
        """Return the meta tensors: a fingerprint of group and domain, the time as it is."""
        meta = self.meta
        pairs = ((meta.group, GROUP_NAME), (meta.time_column, TIME_NAME), (meta.domain, DOMAIN_NAME))
        return tuple(TensorInfo(name, "int64") for column, name in pairs if column)

    def raw_columns(self, *, serving: bool = False) -> tuple[RawColumn, ...]:
        """Return every raw column once; with `serving` only those that features are made of."""
        columns: dict[str, RawColumn] = {}
        for feature in self.features:
            for column in raw_columns_of(feature, self.meta.time, self.source.null_values):
                columns.setdefault(column.name, column)
        if not serving:
            for column in self._outcome_columns():
                columns.setdefault(column.name, column)
        decimal = self.source.decimal
        return tuple(column if decimal == "." else replace(column, decimal=decimal) for column in columns.values())

    def _outcome_columns(self) -> list[RawColumn]:
        """Labels, weights, masks and meta columns."""
        columns: list[RawColumn] = []
        for task in self.tasks:
            positive = task.positive if isinstance(task, BinaryTask) else ()
            columns += [RawColumn(name, "float", positive=positive) for name in task.label_columns]
            columns += [RawColumn(name, "float") for name in (task.weight, task.mask) if name]
        if self.meta.time_form:
            columns.append(time_column(self.meta.time_form))
        columns += [RawColumn(name, "string") for name in (self.meta.group, self.meta.domain) if name]
        if self.split.by in ("hash", "column", "files") and self.split.column:
            columns.append(RawColumn(self.split.column, "string"))
        columns += [RawColumn(name, "string") for names in self.gates.slices for name in names]
        return [replace(column, null_values=self.source.null_values) for column in columns]

    def log_columns(self) -> tuple[RawColumn, ...]:
        """Return what the raw log must have: the raw columns before histories are built from some of them."""
        columns = {column.name: column for column in self.raw_columns()}
        made = {history.name: history for history in self.history}
        for history in self.history:
            collected = columns[history.name].type if history.name in columns else "string"
            columns.setdefault(history.of, RawColumn(history.of, collected, null_values=self.source.null_values))
            columns.setdefault(history.by, RawColumn(history.by, "string", null_values=self.source.null_values))
        times = {history.times for history in self.history}
        return tuple(column for name, column in columns.items() if name not in made and name not in times)

    def bind(self, rows: dict[str, int], label_scales: dict[str, LabelScale] | None = None) -> BoundSpec:
        """Return this spec with what is learned from training rows filled in; see `BoundSpec`."""
        return BoundSpec(spec=self, rows=rows, label_scales=label_scales or {})


class BoundSpec(Frozen):
    """A spec for which is known what a transform learns; the only spec a model accepts.

    Args:
        spec: The spec.
        rows: Table name -> rows, padding and out-of-vocabulary rows included. Ids are in ``[0, rows)``.
        label_scales: Regression task -> mean and standard deviation of its label; empty without such tasks.

    Raises:
        SpecError: When a table has no size, a size names no table or is below 2, or a regression task has no scale.
    """

    spec: FeatureSpec
    rows: dict[str, int]
    label_scales: dict[str, LabelScale] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _every_table_has_rows(self) -> BoundSpec:
        tables = self.spec.tables
        problems = [
            Problem(f"table {name!r} has no size; bind the spec to a transform output", "rows")
            for name in tables
            if name not in self.rows
        ]
        for name, rows in self.rows.items():
            if name not in tables:
                problems.append(Problem(f"size given for unknown table {name!r}", "rows"))
            elif rows < 2:
                problems.append(Problem(f"table {name!r} needs 2 rows (padding, OOV), received {rows}", "rows"))
        problems += self._scale_problems()
        if problems:
            raise SpecError(problems)
        return self

    def _scale_problems(self) -> list[Problem]:
        numbers = {task.name for task in self.spec.tasks if isinstance(task, RegressionTask)}
        wanted = "take `bound_spec` of a transform output, or give LabelScale(mean=..., deviation=...)"
        missing = [
            Problem(f"mean and deviation of the label of task {name!r} are not known; {wanted}", "label_scales")
            for name in sorted(numbers - set(self.label_scales))
        ]
        unknown = [
            Problem(f"scale given for unknown regression task {name!r}{suggest(name, numbers)}", "label_scales")
            for name in sorted(set(self.label_scales) - numbers)
        ]
        return [*missing, *unknown]

    @classmethod
    def coerce(cls, value: BoundSpec | dict[str, Any]) -> BoundSpec:
        """Return `value` if it is bound already, or rebuild one from `to_config`'s dict.

        Raises:
            TypeError: For anything else, an unbound `FeatureSpec` above all.
        """
        if isinstance(value, BoundSpec):
            return value
        if isinstance(value, dict):
            return cls.model_validate(value)
        raise TypeError(
            f"a model needs a bound spec, received {type(value).__name__}. Call spec.bind(rows) or take "
            "`bound_spec` of a transform output."
        )

    def to_config(self) -> dict[str, Any]:
        """Return plain data (JSON types) that `coerce` takes back; written into saved models."""
        return self.model_dump(mode="json")

    def rows_of(self, name: str) -> int:
        """Rows of the table that holds this feature's ids."""
        return self.rows[table_of(self.spec.feature(name))]


def _dtype(feature: Feature) -> Literal["int64", "float32"]:
    return "int64" if isinstance(feature, IdFeature) or is_bucketed(feature) else "float32"


def _shape(feature: Feature) -> tuple[int, ...]:
    if isinstance(feature, MultiFeature | SequenceFeature):
        return (feature.max_length,)
    return (feature.width,) if isinstance(feature, VectorFeature) else ()

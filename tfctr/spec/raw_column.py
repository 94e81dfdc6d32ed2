"""RawColumn: a column of the raw log as features, labels and meta columns ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tfctr.spec.features import (
    CrossFeature,
    Feature,
    IdColumnFeature,
    MultiFeature,
    NumericFeature,
    Role,
    SequenceFeature,
    VectorFeature,
    from_time_of,
)
from tfctr.spec.times import TimeColumn, TimeSince, as_time_column


@dataclass(frozen=True)
class RawColumn:
    """A column as it stands in the raw log and in a raw ``tf.Example``.

    Args:
        name: Column name.
        type: `string`, `int` (int64) or `float` (float32) of one value.
        shape: `scalar` (one value or missing), `list` (any number of values), `vector` (`width` values).
        width: Values in a vector, else 0.
        separator: Splits the text of a list or vector in formats that have no lists; empty for scalars.
        role: Side that gives the column in `rank`; None for labels and meta columns that no feature uses.
        time: How the log writes times, of a column of times, which is `int` and holds seconds once it is read.
    """

    name: str
    type: Literal["string", "int", "float"]
    shape: Literal["scalar", "list", "vector"] = "scalar"
    width: int = 0
    separator: str = ""
    role: Role | None = None
    time: TimeColumn | None = None


def time_column(form: TimeColumn, role: Role | None = None) -> RawColumn:
    """Return the raw column of a time: seconds once it is read."""
    return RawColumn(form.column, "int", role=role, time=form)


def times_of(feature: Feature, meta_time: str | TimeColumn | None) -> list[TimeColumn]:
    """Return the times that a feature is made of, the one that a part is taken of first; none for other features.

    A feature that says no time, where the spec has none either, is made of none; `reference_problems` tells it.
    """
    made = from_time_of(feature)
    of = None if made is None else made.of or meta_time
    if made is None or of is None:
        return []
    return [as_time_column(time) for time in ((of, made.earlier) if isinstance(made, TimeSince) else (of,))]


def _name_of(time: str | TimeColumn | None) -> str | None:
    return time.column if isinstance(time, TimeColumn) else time


def raw_columns_of(feature: Feature, meta_time: str | TimeColumn | None) -> list[RawColumn]:
    """Return the raw columns of a feature, the one of its ids or numbers first; none for a cross.

    Args:
        feature: The feature.
        meta_time: The time of a row, of which features are made that name no other.
    """
    if isinstance(feature, CrossFeature):
        return []
    if times := times_of(feature, meta_time):
        earlier = [time_column(form, feature.role) for form in times[1:]]
        # The time of the row is nobody's own, also where the feature that it goes into is the item's or the user's.
        given_once = feature.role if times[0].column != _name_of(meta_time) else "context"
        return [time_column(times[0], given_once), *earlier]
    if isinstance(feature, NumericFeature):
        return [RawColumn(feature.column, "float", role=feature.role)]
    if isinstance(feature, VectorFeature):
        vector = RawColumn(feature.column, "float", "vector", feature.width, feature.separator, feature.role)
        return [vector]
    assert isinstance(feature, IdColumnFeature)
    if not isinstance(feature, MultiFeature | SequenceFeature):
        return [RawColumn(feature.column, feature.type, role=feature.role)]
    separator = feature.separator
    if feature.columns:
        columns = [RawColumn(name, feature.type, role=feature.role) for name in feature.columns]
    else:
        columns = [RawColumn(feature.column, feature.type, "list", separator=separator, role=feature.role)]
    if isinstance(feature, SequenceFeature) and feature.times:
        columns.append(RawColumn(feature.times, "int", "list", separator=separator, role=feature.role))
    return columns

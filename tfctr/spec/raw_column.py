"""RawColumn: a column of the raw log as features, labels and meta columns ask for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tfctr.spec._raw_text import NULL_VALUES
from tfctr.spec.features import (
    ColumnFeature,
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
        null_values: Texts and numbers that mean a missing value.
        decimal: What a number that is written as text has before its fraction.
        positive: Values that are 1 where every other one is 0; empty for columns that are read as they are.
        role: Side that gives the column in `rank`; None for labels and meta columns that no feature uses.
        time: How the log writes times, of a column of times, which is `int` and holds seconds once it is read.
    """

    name: str
    type: Literal["string", "int", "float"]
    shape: Literal["scalar", "list", "vector"] = "scalar"
    width: int = 0
    separator: str = ""
    role: Role | None = None
    null_values: tuple[str, ...] = NULL_VALUES
    positive: tuple[str, ...] = ()
    decimal: Literal[".", ","] = "."
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


def null_values_of(feature: ColumnFeature, null_values: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is missing in the columns of a feature, `null_values` of the source among it."""
    return tuple(dict.fromkeys((*null_values, *feature.null_values)))


def raw_columns_of(
    feature: Feature, meta_time: str | TimeColumn | None, null_values: tuple[str, ...] = NULL_VALUES
) -> list[RawColumn]:
    """Return the raw columns of a feature, the one of its ids or numbers first; none for a cross.

    Args:
        feature: The feature.
        meta_time: The time of a row, of which features are made that name no other.
        null_values: Of every column, besides the feature's own.
    """
    if not isinstance(feature, ColumnFeature):
        return []
    name, role, nulls = feature.column, feature.role, null_values_of(feature, null_values)
    if times := times_of(feature, meta_time):
        earlier = [replace(time_column(form, role), null_values=nulls) for form in times[1:]]
        # The time of the row is nobody's own, also where the feature that it goes into is the item's or the user's.
        given_once = role if times[0].column != _name_of(meta_time) else "context"
        return [replace(time_column(times[0], given_once), null_values=nulls), *earlier]
    if isinstance(feature, NumericFeature):
        return [RawColumn(name, "float", role=role, null_values=nulls)]
    if isinstance(feature, VectorFeature):
        return [RawColumn(name, "float", "vector", feature.width, feature.separator, role, nulls)]
    assert isinstance(feature, IdColumnFeature)
    if not isinstance(feature, MultiFeature | SequenceFeature):
        return [RawColumn(name, feature.type, role=role, null_values=nulls)]
    if feature.columns:
        columns = [RawColumn(one, feature.type, role=role, null_values=nulls) for one in feature.columns]
    else:
        columns = [RawColumn(name, feature.type, "list", 0, feature.separator, role, nulls)]
    if isinstance(feature, SequenceFeature) and feature.times:
        columns.append(RawColumn(feature.times, "int", "list", 0, feature.separator, role, null_values))
    return columns

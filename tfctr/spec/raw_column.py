"""RawColumn: a column of the raw log as features, labels and meta columns ask for it."""

from __future__ import annotations

from dataclasses import dataclass
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
)


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


def raw_columns_of(feature: Feature, null_values: tuple[str, ...] = NULL_VALUES) -> list[RawColumn]:
    """Return the raw column of a feature and the column of times of a sequence; none for a cross.

    Args:
        feature: The feature.
        null_values: Of every column, besides the feature's own.
    """
    if not isinstance(feature, ColumnFeature):
        return []
    name, role = feature.column, feature.role
    nulls = tuple(dict.fromkeys((*null_values, *feature.null_values)))
    if isinstance(feature, NumericFeature):
        return [RawColumn(name, "float", role=role, null_values=nulls)]
    if isinstance(feature, VectorFeature):
        return [RawColumn(name, "float", "vector", feature.width, feature.separator, role, nulls)]
    assert isinstance(feature, IdColumnFeature)
    if not isinstance(feature, MultiFeature | SequenceFeature):
        return [RawColumn(name, feature.type, role=role, null_values=nulls)]
    columns = [RawColumn(name, feature.type, "list", 0, feature.separator, role, nulls)]
    if isinstance(feature, SequenceFeature) and feature.times:
        columns.append(RawColumn(feature.times, "int", "list", 0, feature.separator, role, null_values))
    return columns

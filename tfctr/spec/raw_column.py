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
        role: Side that gives the column in `rank`; None for labels and meta columns that no feature uses.
    """

    name: str
    type: Literal["string", "int", "float"]
    shape: Literal["scalar", "list", "vector"] = "scalar"
    width: int = 0
    separator: str = ""
    role: Role | None = None


def raw_columns_of(feature: Feature) -> list[RawColumn]:
    """Return the raw column of a feature and the column of times of a sequence; none for a cross."""
    if isinstance(feature, CrossFeature):
        return []
    if isinstance(feature, NumericFeature):
        return [RawColumn(feature.column, "float", role=feature.role)]
    if isinstance(feature, VectorFeature):
        vector = RawColumn(feature.column, "float", "vector", feature.width, feature.separator, feature.role)
        return [vector]
    assert isinstance(feature, IdColumnFeature)
    if not isinstance(feature, MultiFeature | SequenceFeature):
        return [RawColumn(feature.column, feature.type, role=feature.role)]
    separator = feature.separator
    columns = [RawColumn(feature.column, feature.type, "list", separator=separator, role=feature.role)]
    if isinstance(feature, SequenceFeature) and feature.times:
        columns.append(RawColumn(feature.times, "int", "list", separator=separator, role=feature.role))
    return columns

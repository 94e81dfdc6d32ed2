"""Which columns a raw log must have, and their Arrow types.

A spec's raw columns are what the transform reads. The log itself lacks the columns that `spec.history` will
build, and must have those that the histories are built from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pyarrow as pa

from tfctr.spec import FeatureSpec, History, RawColumn

ValueType = Literal["string", "int", "float"]
ARROW_TYPES: dict[ValueType, pa.DataType] = {"string": pa.string(), "int": pa.int64(), "float": pa.float32()}


def arrow_type(column: RawColumn) -> pa.DataType:
    """Return the Arrow type of a raw column: of one value, or of the list of its values."""
    value = ARROW_TYPES[column.type]
    return value if column.shape == "scalar" else pa.list_(value)


def log_columns(spec: FeatureSpec) -> tuple[RawColumn, ...]:
    """Return the columns that a raw log must have before its histories are built."""
    return spec.log_columns()


def prepared_columns(spec: FeatureSpec) -> tuple[RawColumn, ...]:
    """Return the columns of a prepared log: its histories are there, its labels are 0 and 1 already."""
    return tuple(replace(column, positive=()) for column in spec.raw_columns())


def value_type(history: History, spec: FeatureSpec) -> ValueType:
    """Return the raw type of the values a history collects: as its reader wants them, else as the log has them."""
    for column in spec.raw_columns():
        if column.name == history.name or (column.name == history.of and column.shape == "scalar"):
            return column.type
    return "string"


def schema_of(columns: tuple[RawColumn, ...]) -> pa.Schema:
    """Return the Arrow schema of these columns, every one nullable."""
    return pa.schema([pa.field(column.name, arrow_type(column)) for column in columns])

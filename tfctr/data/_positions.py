"""Lists that are several columns: each place of `source.positions` becomes a column of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.spec import RawColumn

Positions = Mapping[str, Sequence[str]]


def with_lists(columns: Sequence[RawColumn], positions: Positions) -> tuple[RawColumn, ...]:
    """Return what a reader is asked for: the list in place of the columns that are cut from it."""
    list_of = {name: source for source, names in positions.items() for name in names}
    asked = {c.name: c for c in columns if c.name not in list_of}
    for column in columns:
        if column.name in list_of:
            source = list_of[column.name]
            asked.setdefault(source, RawColumn(source, column.type, "list", separator="|"))
    return tuple(asked.values())


def cut(columns: dict[str, pa.Array], positions: Positions, wanted: Sequence[str]) -> dict[str, pa.Array]:
    """Return the columns with the wanted places of the lists beside them; a place that a list has not is missing."""
    made = dict(columns)
    for source, names in positions.items():
        if source in columns:
            made |= {name: _place(columns[source], place) for place, name in enumerate(names) if name in wanted}
    return made


def _place(values: pa.Array, place: int) -> pa.Array:
    if not (pa.types.is_list(values.type) or pa.types.is_large_list(values.type)):
        is_fixed = pa.types.is_fixed_size_list(values.type)
        values = values.cast(pa.list_(values.type.value_type)) if is_fixed else pc.split_pattern(values, "|")
    offsets = np.asarray(values.offsets)
    lengths = np.asarray(pc.fill_null(pc.list_value_length(values), 0))
    return values.values.take(pa.array(offsets[:-1] + place, mask=lengths <= place))

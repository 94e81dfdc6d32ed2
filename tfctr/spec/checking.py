"""A spec against the columns that a log really has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tfctr.spec.errors import Problem, suggest
from tfctr.spec.feature_spec import FeatureSpec
from tfctr.spec.raw_column import RawColumn, raw_columns_of
from tfctr.spec.source import SPLIT_OF_FILE

_READABLE = {
    "string": frozenset({"string", "int", "float", "bool", "time", "null"}),
    "int": frozenset({"int", "bool", "time", "null"}),
    "float": frozenset({"float", "int", "bool", "null"}),
}
"""Type that a spec asks for -> types of a log's values that can be read as it."""

_READABLE_TIMES = frozenset({"string", "int", "float", "time", "null"})


def check_columns(spec: FeatureSpec, columns: Mapping[str, str]) -> list[Problem]:
    """Return what a log lacks, or has otherwise than the spec says.

    Args:
        spec: The spec.
        columns: Name of each column of the log -> type of its values: `string`, `int`, `float`, `bool`,
            `time` (a timestamp or date), `null` (nothing but missing values), ``list<...>`` of these, or any
            other word for a type that no spec can read.

    Returns:
        One `Problem` a column, at the place in the spec that asks for it; columns that the spec does not use
        are no problem.

    Example:
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "numeric", "name": "price", "role": "item"}],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     split={"by": "column", "column": "part"},
        ... )
        >>> for problem in check_columns(spec, {"price": "string", "clickd": "int", "part": "string"}):
        ...     print(problem)
        features.0: column 'price' holds string, but float is wanted
        tasks.0.label: the data has no column 'clicked' (did you mean 'clickd'?)
    """
    problems = []
    keys = dict(_uses(spec))
    made = {name for names in spec.source.positions.values() for name in names}  # from lists, and by which file
    made |= {SPLIT_OF_FILE} if spec.split.files is not None else set()
    for column in spec.log_columns():
        if column.name in made:
            continue
        key = keys.get(column.name, "")
        if column.name not in columns:
            hint = suggest(column.name, columns)
            problems.append(Problem(f"the data has no column {column.name!r}{hint}", key))
        elif not _reads(column, columns[column.name]):
            wanted = _wanted(column)
            problems.append(
                Problem(f"column {column.name!r} holds {columns[column.name]}, but {wanted} is wanted", key)
            )
    return problems


def _uses(spec: FeatureSpec) -> Iterator[tuple[str, str]]:
    """Column and key of every place that names a raw column; features, listed last, win."""
    for index, names in enumerate(spec.gates.slices):
        yield from ((name, f"gates.slices.{index}") for name in names)
    for index, history in enumerate(spec.history):
        yield from ((getattr(history, part), f"history.{index}.{part}") for part in ("of", "by"))
    if spec.split.by in ("hash", "column") and spec.split.column:
        yield spec.split.column, "split.column"
    for part, name in (("domain", spec.meta.domain), ("group", spec.meta.group), ("time", spec.meta.time_column)):
        if name:
            yield name, f"meta.{part}"
    for index, task in enumerate(spec.tasks):
        named = (
            (getattr(task, part, None), f"tasks.{index}.{part}")
            for part in ("mask", "weight", "event", "duration", "label")
        )
        yield from ((name, key) for name, key in named if name)
    for index, feature in enumerate(spec.features):
        yield from ((column.name, f"features.{index}") for column in raw_columns_of(feature, spec.meta.time))
        if times := getattr(feature, "times", None):
            yield times, f"features.{index}.times"


def _reads(column: RawColumn, found: str) -> bool:
    """Whether values of the type `found` can be read as the column wants them."""
    if column.time is not None:
        return found in _READABLE_TIMES
    inner = found.removeprefix("list<").removesuffix(">")
    if column.positive:
        return found in _READABLE["string"]  # looked for as text
    if column.shape == "scalar":
        return found in _READABLE[column.type]
    if found.startswith("list<"):
        return inner in _READABLE[column.type]
    # Text is split at the separator; a list of one number in every row looks like a number.
    return found == "string" or found in _READABLE[column.type]


def _wanted(column: RawColumn) -> str:
    if column.time is not None:
        return "a time (text, number or timestamp)"
    if column.shape == "scalar":
        return column.type
    size = f" of {column.width} numbers" if column.shape == "vector" else ""
    return f"list<{column.type}>{size} or text separated by {column.separator!r}"

"""The fields that are ranked, and how a batch of a column becomes codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.analysis.ranking._information import Codes
from tfctr.data.errors import DataError
from tfctr.spec import BinaryTask, CategoricalFeature, CrossFeature, FeatureSpec, MultiFeature, NumericFeature, suggest

RANKED = (CategoricalFeature, NumericFeature, MultiFeature)
_JOIN = "\x1f"  # between the entries of a list; stands in no text


@dataclass(frozen=True)
class Field:
    """A field of the ranking: a feature of the spec, or a column of a log.

    Args:
        name: Of the feature.
        column: Raw column.
        numeric: Whether values are numbers, which may be cut into buckets.
    """

    name: str
    column: str
    numeric: bool = False


@dataclass(frozen=True)
class Column:
    """One batch of a field.

    Args:
        codes: Its values as codes, a missing one as a value of its own.
        values: The distinct values, in the order of the codes, null for the missing one.
    """

    codes: Codes
    values: pa.Array


def fields_of(spec: FeatureSpec) -> tuple[list[Field], dict[str, str]]:
    """Return the fields to rank, and the features that are not ranked, with the reason.

    A bag of ids is ranked as one value, its entries together. Sequences and vectors are not ranked: a sequence tells
    something with the candidate it is compared with, and a vector has no values that come back. A cross is not
    ranked either: the ranking crosses the fields itself.

    Raises:
        DataError: When nothing is left to rank.
    """
    fields = [
        Field(f.name, f.column, isinstance(f, NumericFeature))
        for f in spec.features
        if isinstance(f, RANKED) and f.column
    ]
    crosses = {f.name for f in spec.features if isinstance(f, CrossFeature)}
    others = {f.name: f"a {f.kind} is not ranked and stays" for f in spec.features if not isinstance(f, RANKED)}
    made = [f.name for f in spec.features if isinstance(f, RANKED) and not f.column]
    others |= dict.fromkeys(made, "is made of other columns, is not ranked and stays")
    others |= dict.fromkeys(crosses, "a cross is not ranked and stays where all that it crosses does")
    if not fields:
        raise DataError(f"spec {spec.name!r} has no categorical, numeric or multi feature to rank")
    return fields, others


def task_of(spec: FeatureSpec, name: str | None) -> BinaryTask:
    """Return the yes/no task of this name, the first one for None.

    Raises:
        DataError: When the spec has no such task, or it is no yes/no task.
    """
    for task in spec.tasks:
        if isinstance(task, BinaryTask) and name in (None, task.name):
            return task
    names = [task.name for task in spec.tasks]
    if name is None or name in names:
        raise DataError(
            f"spec {spec.name!r}: fields are ranked by what they tell of a yes/no label, and "
            f"{name or ', '.join(names)} asks how long something lasts; add a task on its event column"
        )
    raise DataError(f"spec {spec.name!r} has no task {name!r}{suggest(name, names)}; it has {', '.join(names)}")


def labels_of(batch: pa.RecordBatch, task: BinaryTask) -> tuple[pa.RecordBatch, np.ndarray]:
    """Return the rows that count for a task and their labels, bool ``(rows,)``."""
    if task.mask is not None:
        batch = batch.filter(pc.equal(batch.column(task.mask), 1))
    label = batch.column(task.label).to_numpy(zero_copy_only=False)
    return batch, label >= task.at_least if task.at_least is not None else label == 1


def encode(batch: pa.RecordBatch, fields: Sequence[Field]) -> dict[str, Column]:
    """Return the columns of the fields as codes, numbered by first appearance."""
    return {field.name: encode_array(batch.column(field.column)) for field in fields}


def encode_array(values: pa.Array) -> Column:
    """Return an array of texts, numbers or lists as codes."""
    if pa.types.is_list(values.type):
        values = pc.binary_join(values.cast(pa.list_(pa.string())), _JOIN)
    encoded = values.dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy().astype(np.int64)
    return Column(Codes(codes, len(encoded.dictionary)), encoded.dictionary)


def in_buckets(column: Column, buckets: int) -> Codes:
    """Return a column of numbers in buckets of equal frequency; a missing number has a bucket of its own.

    As the `quantile` scale of a numeric feature would cut them. The reference takes numbers for texts, so that
    amounts with cents are all rare.
    """
    if column.codes.size <= buckets:
        return column.codes
    numbers = column.values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    missing = np.isnan(numbers)
    order = np.argsort(numbers, kind="stable")  # NaN last
    counts = np.where(missing, 0, column.codes.counts)[order]
    middle = np.cumsum(counts) - counts / 2
    bucket = np.empty(len(numbers), dtype=np.int64)
    bucket[order] = np.minimum(middle * buckets // max(counts.sum(), 1), buckets - 1)
    bucket[missing] = buckets
    return renumbered(bucket[column.codes.values])


def renumbered(values: np.ndarray) -> Codes:
    """Return any integers as codes, numbered by first appearance."""
    return encode_array(pa.array(values)).codes

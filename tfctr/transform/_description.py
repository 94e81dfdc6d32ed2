"""What stands between a raw row and a model's inputs, as plain data: for those who feed a model without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfctr.spec import (
    MISSING,
    AnyFeature,
    CategoricalFeature,
    CrossFeature,
    FeatureSpec,
    IdFeature,
    ListFeature,
    MultiFeature,
    NumericFeature,
    SequenceFeature,
    VectorFeature,
    from_time_of,
    table_of,
)
from tfctr.spec._raw_text import null_numbers
from tfctr.spec.raw_column import null_values_of
from tfctr.transform._crosses import ESCAPE, SEPARATOR
from tfctr.transform._numeric import FURTHEST
from tfctr.transform._probes import Probed, probed_numbers
from tfctr.transform.output import TransformOutput

_JOINED = (
    f"{SEPARATOR!r} between them, and {ESCAPE} before each {SEPARATOR} and {ESCAPE} inside one; a missing one is "
    f"{MISSING}, a number is the id of its bucket"
)

_FARM_HASH = "1 + FarmHash64 of the UTF-8 text (tf.strings.to_hash_bucket_fast) modulo the number of these ids"


def describe_inputs(transform: TransformOutput) -> dict[str, Any]:
    """Return what the inputs of a model are made of, as data that JSON can hold.

    A model that leaves Keras by `CTRModel.export` begins behind the transform; whoever asks it does this work.

    Returns:
        ``inputs``: name, dtype, shape (None for the batch) and making of each tensor. ``vocabularies``: of each table
        the id of each value, or how ids are made. ``numbers``: of each numeric feature its scale, with the mean and
        deviation that were learned; None where a feature was constant. ``null_values``: of each raw column the texts
        and numbers that are missing values; of a whole number with a fraction of zeros, as 12.0, these are taken away
        before it is looked up. ``not_in_the_graph``: the work left, in words.
    """
    spec = transform.spec
    return {
        "inputs": _inputs(spec),
        "vocabularies": {table: _vocabulary(transform, table) for table in spec.tables},
        "numbers": _numbers(transform),
        "null_values": {c.name: list(c.null_values) for c in spec.raw_columns(serving=True)},
        "not_in_the_graph": _left_out(spec),
    }


def _inputs(spec: FeatureSpec) -> list[dict[str, Any]]:
    made = {feature.name: _making(feature) for feature in spec.features}
    made |= {
        feature.times_name: f"times of the events of {feature.name}, in seconds, at the places of their ids"
        for feature in spec.features
        if isinstance(feature, SequenceFeature) and feature.times
    }
    return [
        {"name": info.name, "dtype": info.dtype, "shape": [None, *info.shape], "made_of": made[info.name]}
        for info in spec.inputs()
    ]


def _making(feature: AnyFeature) -> str:
    """How a tensor is made of its raw column, in a sentence."""
    if isinstance(feature, CrossFeature):
        return f"the id, in vocabulary {feature.table!r}, of the values of {' and '.join(feature.of)} joined: {_JOINED}"
    column = _where(feature)
    if isinstance(feature, VectorFeature):
        return f"the {feature.width} numbers of {column}; zeros where there are none, 0 for a number that is not finite"
    if isinstance(feature, NumericFeature):
        kind = "bucket id" if feature.scale == "quantile" else "number"
        return f"the {kind} of {column}, scaled: see numbers"
    ids = f"vocabulary {table_of(feature)!r}"
    if isinstance(feature, CategoricalFeature):
        return (
            f"the id, in {ids}, of the value in {column}; what is missing, see null_values, is the value '__missing__'"
        )
    kept = "first" if isinstance(feature, MultiFeature) else "latest"
    order = "" if isinstance(feature, MultiFeature) else ", oldest first"
    return f"the ids, in {ids}, of the {kept} {feature.max_length} values in {column}{order}, then zeros"


def _vocabulary(transform: TransformOutput, table: str) -> dict[str, Any]:
    """The ids of one table; 0 is padding in all of them."""
    owner = transform.spec.feature(table)
    if isinstance(owner, NumericFeature):
        return {"ids": [1, owner.buckets], "how": "number of the bucket, lowest values first: see numbers"}
    assert isinstance(owner, IdFeature)
    if owner.hash_buckets is not None:
        salt = f", the text {table + SEPARATOR!r} in front of it" if isinstance(owner, CrossFeature) else ""
        return {"ids": [1, owner.hash_buckets], "how": _FARM_HASH + salt}
    outside = owner.effective_vocabulary.oov_buckets
    first = 1 + outside
    return {
        "out_of_vocabulary": {
            "ids": [1, outside],
            "how": "all of them" if outside == 1 else f"{_FARM_HASH}; blanks and line ends count as \\x1f",
        },
        "values": {value: first + place for place, value in enumerate(transform.vocabulary(table))},
    }


def _numbers(transform: TransformOutput) -> dict[str, Any]:
    probed = probed_numbers(transform)
    features = [feature for feature in transform.spec.features if isinstance(feature, NumericFeature)]
    nulls = {f.name: null_numbers(null_values_of(f, transform.spec.source.null_values)) for f in features}
    return {f.name: _number(f, probed[f.name], nulls[f.name]) for f in features}


def _where(feature: AnyFeature) -> str:
    """The column of a feature in words, or what it is made of."""
    made = from_time_of(feature)
    if made is not None:
        return f"the {made.part} of times in seconds since 1970 ({made.model_dump_json(exclude_defaults=True)})"
    if not isinstance(feature, ListFeature):
        return f"column {getattr(feature, 'column', '')!r}"
    where = f"the columns {', '.join(feature.columns)}" if feature.columns else f"column {feature.column!r}"
    if feature.inner_separator is not None:
        where = f"part {feature.part} between {feature.inner_separator!r} of what is in {where}"
    return where if feature.padding is None else f"{where} without {feature.padding!r}"


def _number(feature: NumericFeature, probed: Probed, nulls: Sequence[float]) -> dict[str, Any]:
    """The scale of a feature, told from what it makes of the first and the largest number whose score is not cut.

    Numbers that stand for missing ones, `nulls`, tell nothing of it.
    """
    filled = "the training mean" if feature.fill is None else feature.fill
    said: dict[str, Any] = {"scale": feature.scale, "missing": filled}
    if feature.scale == "none":
        return {**said, "formula": "x"}
    if feature.scale == "quantile":
        return {**said, "formula": f"one of {feature.buckets} buckets of equal frequency; their bounds are not told"}
    probes, scores = (values.astype(np.float64) for values in probed)
    shown, asked = ("sign(x)·log(1 + |x|)", np.log1p(np.abs(probes))) if feature.scale == "log" else ("x", probes)
    told = ~np.isin(probes, nulls)
    low = int(np.argmax(told))
    high = int(np.argmax(np.where(told & (np.abs(scores) < 0.99 * FURTHEST) & (probes >= 0), asked, 0)))
    slope = (scores[high] - scores[low]) / (asked[high] - asked[low])
    mean, deviation = (asked[low] - scores[low] / slope, 1 / slope) if slope else (None, None)
    return {**said, "formula": f"({shown} - mean) / deviation; 0 without them", "mean": mean, "deviation": deviation}


def _left_out(spec: FeatureSpec) -> list[str]:
    """The work of the transform that a graph behind it does not do."""
    kinds = {type(feature) for feature in spec.features}
    ids = [feature for feature in spec.features if isinstance(feature, IdFeature)]
    learned = [feature for feature in ids if feature.hash_buckets is None]
    work = {
        "reading and parsing rows: the inputs are dense tensors, no tf.Examples, JSON or text": True,
        "looking values up in vocabularies: the inputs are ids, see vocabularies": bool(learned),
        "joining the values of crosses, see inputs": CrossFeature in kinds,
        "hashing values: the inputs are ids, see vocabularies": len(learned) < len(ids),
        "taking parts of times, see inputs": any(from_time_of(feature) is not None for feature in spec.features),
        "cutting lists to their length and padding them": bool(kinds & {MultiFeature, SequenceFeature}),
        "filling and scaling numbers, see numbers": NumericFeature in kinds,
        "filling missing vectors": VectorFeature in kinds,
    }
    return [sentence for sentence, is_left in work.items() if is_left]

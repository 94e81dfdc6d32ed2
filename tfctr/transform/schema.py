"""What raw examples look like to TensorFlow: the metadata schema and the parsing spec, both from the spec."""

from __future__ import annotations

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from tfctr.spec import (
    DOMAIN_NAME,
    GROUP_NAME,
    TIME_NAME,
    CrossFeature,
    Feature,
    FeatureSpec,
    RawColumn,
    RegressionTask,
    SequenceFeature,
    SurvivalTask,
    raw_columns_of,
)
from tfctr.transform.columns import RAW_DTYPES

_TYPES = {"string": schema_pb2.BYTES, "int": schema_pb2.INT, "float": schema_pb2.FLOAT}


def raw_schema(spec: FeatureSpec, serving: bool = False) -> schema_pb2.Schema:
    """Return the curated schema of raw examples: what TFDV validates against and TFT reads by.

    A column of features must be there, but a row may lack a value; a label must be there in every row (unless
    the task has a mask) and be 0 or 1 (unless the task has `at_least`), that of a regression task finite, a duration at
    least 0. No column has a fixed shape, so every column reaches the transform as a sparse tensor, in training and in
    serving alike.

    Args:
        spec: The spec.
        serving: Leave out labels, weights, masks and meta columns, which a request does not have.
    """
    schema = schema_pb2.Schema()
    for column in spec.raw_columns(serving=serving):
        feature = schema.feature.add(name=column.name, type=_TYPES[column.type])
        if column.name != spec.split.column or column.role is not None:  # rows are split before they are examples
            feature.presence.min_count = 1
        _set_value_count(feature, column)
    if not serving:
        by_name = {feature.name: feature for feature in schema.feature}
        for task in spec.tasks:
            if task.mask is None:
                for name in task.label_columns:
                    by_name[name].presence.min_fraction = 1.0
            if isinstance(task, SurvivalTask):
                by_name[task.duration].float_domain.CopyFrom(_domain(0))
                by_name[task.event].float_domain.CopyFrom(_domain(0, 1))
            elif isinstance(task, RegressionTask):
                by_name[task.label].float_domain.CopyFrom(_domain())
            elif task.at_least is None:
                by_name[task.label].float_domain.CopyFrom(_domain(0, 1))
            if task.mask:
                by_name[task.mask].float_domain.CopyFrom(_domain(0, 1))
            if task.weight:
                by_name[task.weight].float_domain.CopyFrom(_domain(0))
    return schema


def sources(spec: FeatureSpec) -> dict[str, tuple[str, ...]]:
    """Return the raw columns that each transformed tensor is made of, in the order of the spec."""
    columns_of = {feature.name: _columns_of_values(feature, spec) for feature in spec.features}
    made: dict[str, tuple[str, ...]] = {}
    for feature in spec.features:
        parts = feature.of if isinstance(feature, CrossFeature) else (feature.name,)
        columns = tuple(dict.fromkeys(column for name in parts for column in columns_of[name]))
        if isinstance(feature, SequenceFeature):
            if feature.aligned_with is not None:  # cut where that sequence is cut
                columns += columns_of[feature.aligned_with]
            if feature.times:
                made[feature.times_name] = (*columns, feature.times)
        made[feature.name] = columns
    for task in spec.tasks:
        made[task.name] = tuple(name for name in (*task.label_columns, task.mask) if name)
        made[task.weight_name] = tuple(name for name in (task.weight, task.mask) if name)
    pairs = ((GROUP_NAME, spec.meta.group), (DOMAIN_NAME, spec.meta.domain), (TIME_NAME, spec.meta.time_column))
    made |= {name: (column,) for name, column in pairs if column}
    return made


def _columns_of_values(feature: Feature, spec: FeatureSpec) -> tuple[str, ...]:
    """The raw columns of a feature without the times of its events, which are a tensor of their own."""
    times = feature.times if isinstance(feature, SequenceFeature) else None
    return tuple(column.name for column in raw_columns_of(feature, spec.meta.time) if column.name != times)


def unread_columns(spec: FeatureSpec) -> tuple[str, ...]:
    """Return the raw columns that the transform does not read: those of the split and of slices alone."""
    read = {column for columns in sources(spec).values() for column in columns}
    return tuple(column.name for column in spec.raw_columns() if column.name not in read)


def _set_value_count(feature: schema_pb2.Feature, column: RawColumn) -> None:
    """Tell how many values a row that has the column may hold."""
    if column.shape == "scalar":
        feature.value_count.min = feature.value_count.max = 1
    elif column.shape == "vector":
        feature.value_count.min = feature.value_count.max = column.width
    else:
        feature.value_count.min = 0


def _domain(low: float | None = None, high: float | None = None) -> schema_pb2.FloatDomain:
    return schema_pb2.FloatDomain(min=low, max=high, disallow_nan=True, disallow_inf=True)


def raw_feature_spec(spec: FeatureSpec, serving: bool = False) -> dict[str, tf.io.VarLenFeature]:
    """Return what `tf.io.parse_example` needs to read raw examples: every column of variable length.

    Args:
        spec: The spec.
        serving: Leave out labels, weights, masks and meta columns.
    """
    columns = spec.raw_columns(serving=serving)
    return {column.name: tf.io.VarLenFeature(RAW_DTYPES[column.type]) for column in columns}

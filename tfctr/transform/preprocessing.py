"""`make_preprocessing_fn`: the one definition of raw -> model-ready, for TFX, notebooks and serving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import tensorflow as tf

from tfctr.spec import (
    CategoricalFeature,
    CrossFeature,
    FeatureSpec,
    IdColumnFeature,
    IdFeature,
    ListFeature,
    MultiFeature,
    SequenceFeature,
    VectorFeature,
    from_time_of,
    table_of,
)
from tfctr.spec.raw_column import null_values_of
from tfctr.transform._analyzers import Analyzers, OnBeam
from tfctr.transform._crosses import cross_tokens, salted
from tfctr.transform._feature_columns import feature_columns, leading_sequence
from tfctr.transform._label_scales import learn_label_scales
from tfctr.transform._numeric import learn_numbers, numeric_columns, numeric_outputs
from tfctr.transform._tasks import meta_outputs, task_outputs
from tfctr.transform._vocabulary import LearnedVocabulary, TableValues, hashed_ids, learn_vocabularies
from tfctr.transform.columns import (
    RawTensor,
    Window,
    WindowedValues,
    as_sparse,
    first_values,
    latest_values,
    row_lengths,
    scalar_text,
    text,
    tokens_of,
    values_in_window,
    without_null_numbers,
)

PreprocessingFn = Callable[[Mapping[str, RawTensor]], dict[str, tf.Tensor]]


def make_preprocessing_fn(spec: FeatureSpec, analyzers: Analyzers | None = None) -> PreprocessingFn:
    """Return TFT's ``preprocessing_fn`` for a spec.

    It takes the columns of ``spec.raw_columns()`` by name (those of `unread_columns` may be lacking) and returns
    the tensors of ``spec.inputs()``, ``spec.labels()`` and ``spec.meta_tensors()``. The graph it traces is what
    Beam analyses, what notebooks transform with, and what every served model carries.

    Args:
        spec: The spec.
        analyzers: Who learns what the rows have to tell; None are TFT's, on Beam.
    """
    learner = OnBeam() if analyzers is None else analyzers

    def preprocessing_fn(inputs: Mapping[str, RawTensor]) -> dict[str, tf.Tensor]:
        raw = sparse_columns(spec, inputs)
        columns = feature_columns(spec, raw)
        numbers = numeric_columns(spec, columns)
        outputs = numeric_outputs(numbers, learn_numbers(numbers, learner))
        ids = id_columns(spec, columns, outputs)
        outputs |= _id_outputs(spec, columns, ids, learn_tables(spec, columns, ids, learner))
        outputs |= {f.name: _vector(f, columns[f.name]) for f in spec.features if isinstance(f, VectorFeature)}
        outputs |= task_outputs(spec, raw)
        outputs |= meta_outputs(spec, raw)
        learn_label_scales(spec, outputs, learner)
        return outputs

    return preprocessing_fn


def sparse_columns(spec: FeatureSpec, inputs: Mapping[str, RawTensor]) -> dict[str, tf.SparseTensor]:
    """Return the raw columns that are given, in the one form that is worked on."""
    given = {column: as_sparse(inputs[column.name], column) for column in spec.raw_columns() if column.name in inputs}
    return {
        column.name: without_null_numbers(tensor, column.null_values) if column.shape == "scalar" else tensor
        for column, tensor in given.items()
    }


@dataclass(frozen=True)
class IdColumns:
    """Values of categorical, multi and sequence features and of crosses, before they are ids.

    Args:
        tokens: By feature: text of a scalar (batch,), or of the values kept of a list (values,).
        windows: By feature with a list: what of each row's list is kept.
        kept: By feature with a list: the values kept, with their places.
    """

    tokens: Mapping[str, tf.Tensor]
    windows: Mapping[str, Window]
    kept: Mapping[str, WindowedValues]


def id_columns(
    spec: FeatureSpec, columns: Mapping[str, tf.SparseTensor], numbers: Mapping[str, tf.Tensor]
) -> IdColumns:
    """Return what vocabularies are learned from; `numbers` are asked for by crosses of numbers alone."""
    of_columns = [feature for feature in spec.features if isinstance(feature, IdColumnFeature)]
    windows = {f.name: _window(f, spec, columns) for f in of_columns if not isinstance(f, CategoricalFeature)}
    kept = {f.name: values_in_window(columns[f.name], windows[f.name]) for f in of_columns if f.name in windows}
    nulls = {f.name: _nulls(f, spec) for f in of_columns}
    tokens = {f.name: _tokens(columns[f.name], kept.get(f.name), nulls[f.name]) for f in of_columns}
    crosses = [feature for feature in spec.features if isinstance(feature, CrossFeature)]
    return IdColumns(tokens | _tokens_of_crosses(crosses, tokens, numbers), windows, kept)


def learn_tables(
    spec: FeatureSpec, columns: Mapping[str, tf.SparseTensor], ids: IdColumns, analyzers: Analyzers
) -> dict[str, LearnedVocabulary]:
    """Learn the vocabulary of every table that has one."""
    features: list[IdFeature] = [feature for feature in spec.features if isinstance(feature, IdFeature)]
    tables = {
        owner.name: TableValues(
            owner.effective_vocabulary, [ids.tokens[f.name] for f in features if f.table == owner.name]
        )
        for owner in features
        if owner.table == owner.name and owner.hash_buckets is None
    }
    return learn_vocabularies(tables, _sizes(spec, columns, ids.tokens), analyzers)


def _id_outputs(
    spec: FeatureSpec,
    columns: Mapping[str, tf.SparseTensor],
    values: IdColumns,
    vocabularies: Mapping[str, LearnedVocabulary],
) -> dict[str, tf.Tensor]:
    """Ids of categorical, multi and sequence features and of crosses, and the times of sequences."""
    features: list[IdFeature] = [feature for feature in spec.features if isinstance(feature, IdFeature)]
    lookups = {f.name: _lookup(f, vocabularies) for f in features if f.table == f.name}
    outputs: dict[str, tf.Tensor] = {}
    for feature in features:
        ids = lookups[feature.table](values.tokens[feature.name])
        if isinstance(feature, ListFeature):
            ids = values.kept[feature.name].dense(ids, feature.max_length)
        outputs[feature.name] = ids
        if isinstance(feature, SequenceFeature) and feature.times:
            times = values_in_window(columns[feature.times_name], values.windows[feature.name])
            outputs[feature.times_name] = times.dense(tf.cast(times.values, tf.int64), feature.max_length)
    return outputs


def _tokens_of_crosses(
    crosses: list[CrossFeature], tokens: Mapping[str, tf.Tensor], numbers: Mapping[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """The text of the values of crosses (batch,); a number in quantile buckets goes in as the id of its bucket."""
    buckets = {name: text(numbers[name]) for cross in crosses for name in cross.of if name not in tokens}
    return cross_tokens(crosses, {**tokens, **buckets})


def _window(feature: IdColumnFeature, spec: FeatureSpec, columns: Mapping[str, tf.SparseTensor]) -> Window:
    """What is kept of a list; a side sequence is cut where the sequence it is aligned with is cut."""
    if isinstance(feature, MultiFeature):
        return first_values(columns[feature.name], feature.max_length)
    assert isinstance(feature, SequenceFeature)
    main = leading_sequence(feature, spec)
    return latest_values(columns[main.name], main.max_length)


def _tokens(column: tf.SparseTensor, kept: WindowedValues | None, null_values: tuple[str, ...]) -> tf.Tensor:
    """The text of the values of a feature: (batch,) for a scalar, (values kept,) for a list."""
    if kept is None:
        return scalar_text(column, null_values)
    return tokens_of(kept.values, null_values) if kept.values.dtype == tf.string else text(kept.values)


def _nulls(feature: IdColumnFeature, spec: FeatureSpec) -> tuple[str, ...]:
    """What is missing in the columns of a feature; a part of a time is never."""
    return () if from_time_of(feature) is not None else null_values_of(feature, spec.source.null_values)


def _lookup(owner: IdFeature, vocabularies: Mapping[str, LearnedVocabulary]) -> Callable[[tf.Tensor], tf.Tensor]:
    """The function from text to ids of the table that `owner` owns."""
    if owner.hash_buckets is not None:
        buckets = owner.hash_buckets
        if isinstance(owner, CrossFeature):
            return lambda values: hashed_ids(salted(owner, values), buckets)
        return lambda values: hashed_ids(values, buckets)
    return vocabularies[owner.name].ids


def _sizes(
    spec: FeatureSpec, columns: Mapping[str, tf.SparseTensor], tokens: Mapping[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """Number of values in the batch, by table."""
    sizes: dict[str, tf.Tensor] = {}
    for feature in spec.id_features:
        if feature.name in tokens:
            size = tf.size(tokens[feature.name], out_type=tf.int64)
        else:  # a bucketed number: one value a row, the filled ones among them
            size = columns[feature.name].dense_shape[0]
        table = table_of(feature)
        sizes[table] = sizes.get(table, 0) + size
    return sizes


def _vector(feature: VectorFeature, column: tf.SparseTensor) -> tf.Tensor:
    """float32 (batch, width); zeros for a row without a vector and for numbers that are not finite."""
    lengths = row_lengths(column)
    good = tf.reduce_all((lengths == feature.width) | (lengths == 0))
    message = f"vector column {feature.column} must hold {feature.width} numbers a row (or none)"
    with tf.control_dependencies([tf.debugging.Assert(good, [message, lengths], summarize=8)]):
        values = tf.where(tf.math.is_finite(column.values), column.values, 0.0)
    shape = tf.stack([column.dense_shape[0], tf.constant(feature.width, tf.int64)])
    return tf.ensure_shape(tf.scatter_nd(column.indices, values, shape), [None, feature.width])

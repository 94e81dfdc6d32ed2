"""The whole transformed example as embeddings, derived from the spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import KerasTensor, ops

from tfctr.layers._base import Layer, deserialize_if_config
from tfctr.layers.embedding._row_rates import RowRates, check_rates, set_row_rates, set_uniform_rate
from tfctr.layers.embedding.feature_gates import FeatureGates
from tfctr.layers.embedding.fused_lookup import FusedLookup, joint_blocks
from tfctr.layers.embedding.memory import refuse_too_large
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.spec import (
    AnyFeature,
    BoundSpec,
    MultiFeature,
    NumericFeature,
    SequenceFeature,
    VectorFeature,
    is_bucketed,
    table_of,
)


class EmbeddedFeatures(NamedTuple):
    """What an example looks like to the layers of a paper.

    Attributes:
        fields: ``(batch, fields, dim)`` in the order of `FeatureEmbedding.field_names`.
        sequences: Name -> ``(batch, length, dim)``.
        masks: Name -> bool ``(batch, length)``, True = an event.
        times: Name -> int64 ``(batch, length)``, of sequences that have times.
        vectors: Name -> ``(batch, width)``, as they came.
    """

    fields: Any
    sequences: dict[str, Any]
    masks: dict[str, Any]
    times: dict[str, Any]
    vectors: dict[str, Any]


@keras.saving.register_keras_serializable(package="tfctr")
class FeatureEmbedding(Layer):
    """Embed every feature of a bound spec.

    A field is one feature's vector: an id's row; a number times its learned vector; a bag's pooled rows; a
    dense vector's projection; a sequence's mean when `pool_sequences`. Ids are looked up once a step, in one
    fused table unless `tables` gives a vocabulary a table of its own.

    Args:
        spec: Bound spec.
        dim: Width of every field, at least 1.
        pool_sequences: Whether the mean of each sequence is a field too; models with sequence layers turn
            it off.
        only: Names of the features to embed; None embeds all.
        table: Template of the fused table (`FullTable()` when None).
        tables: Vocabulary name -> template of a table for that vocabulary alone, or for all whose templates have one
            `joint_key`.
        learning_rates: Name of a vocabulary, number or vector -> multiplier of the learning rate of its rows, 1
            where it is left out; 0 freezes them.
        value_gates: What every vector is multiplied by, before bags are pooled; see `FeatureGates`.

    Input shape:
        Dict with at least the tensors of ``spec.inputs()`` that belong to the features.

    Output shape:
        `EmbeddedFeatures`.

    Raises:
        ValueError: When `only`, `tables` or `learning_rates` names what is not in the spec, or nothing is embedded.
        TooLargeError: When built with tables larger than the free memory, before any is taken.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        dim: int,
        *,
        pool_sequences: bool = True,
        only: tuple[str, ...] | None = None,
        table: EmbeddingTable | None = None,
        tables: dict[str, EmbeddingTable] | None = None,
        learning_rates: dict[str, float] | None = None,
        value_gates: FeatureGates | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if dim < 1:
            raise ValueError(f"dim is the width of an embedding and at least 1. Received: {dim}")
        self.spec = BoundSpec.coerce(spec)
        self.dim = dim
        self.pool_sequences = pool_sequences
        self.only = None if only is None else tuple(only)
        self.table = deserialize_if_config(table)
        self.tables = {name: deserialize_if_config(template) for name, template in (tables or {}).items()}
        self.learning_rates = dict(learning_rates or {})
        check_rates(self.spec, self.learning_rates)
        self.value_gates = deserialize_if_config(value_gates)
        self.features = _chosen(self.spec, self.only)
        self.lookups = self._make_lookups()
        self._runs = self._make_runs()
        self._vectors = tuple(feature for feature in self.features if isinstance(feature, VectorFeature))
        self.projections = {
            vector.name: keras.layers.Dense(dim, use_bias=False, dtype=self.dtype_policy, name=f"project_{vector.name}")
            for vector in self._vectors
        }

    def _make_lookups(self) -> list[FusedLookup]:
        """One fused look-up, and one for each vocabulary that has a table of its own."""
        vocabulary_of = {f.name: table_of(f) for f in self.features if table_of(f) in self.spec.rows}
        unknown = sorted(set(self.tables) - set(self.spec.rows))
        if unknown:
            raise ValueError(f"tables names {unknown}, which are no vocabularies of the spec: {sorted(self.spec.rows)}")
        groups: dict[str, dict[str, str]] = {}
        first_of = self._first_of_tables(dict.fromkeys(vocabulary_of.values()))
        for name, vocabulary in vocabulary_of.items():
            groups.setdefault(first_of.get(vocabulary, ""), {})[name] = vocabulary
        return [
            FusedLookup(
                {vocabulary: self.spec.rows[vocabulary] for vocabulary in dict.fromkeys(members.values())},
                members,
                self.dim,
                table=self._template(group, dict.fromkeys(members.values())),
                rates=self.learning_rates,
                dtype=self.dtype_policy,
                name=f"lookup_{group}" if group else "lookup",
            )
            for group, members in groups.items()
        ]

    def _first_of_tables(self, vocabularies: Iterable[str]) -> dict[str, str]:
        """Each vocabulary that `tables` names, with the first of those that share its table."""
        first_of: dict[str, str] = {}
        heads: dict[tuple[str, float], str] = {}
        for name in vocabularies:
            if name in self.tables:
                key = self.tables[name].joint_key(self.dim)
                # Rows of one table that are not ids' own cannot have several rates.
                head = heads.setdefault((key, self.learning_rates.get(name, 1.0)), name) if key else name
                first_of[name] = head
        return first_of

    def _template(self, group: str, vocabularies: Iterable[str]) -> EmbeddingTable | None:
        """The template of the table that holds `vocabularies`, of which `group` is the first, or none."""
        names = tuple(vocabularies)
        template: EmbeddingTable | None = self.tables.get(group, self.table)
        if template is None or not group or len(names) == 1:
            return template
        return template.joined({name: self.tables[name] for name in names}, self.spec.rows)

    def _make_runs(self) -> tuple[tuple[str, ...], ...]:
        """Names of neighbouring fields that one operation makes: single ids of one table, or numbers.

        What is made together is not taken apart and put together again, which would cost a copy each way, and both
        once more for the gradients.
        """
        runs: list[tuple[str, ...]] = []
        kinds: list[Any] = []
        for feature in self.features:
            kind = self._kind(feature)
            if kind is not None and runs and kinds[-1] == kind:
                runs[-1] += (feature.name,)
            else:
                runs.append((feature.name,))
                kinds.append(kind)
        return tuple(runs)

    def _kind(self, feature: AnyFeature) -> Any:
        """What neighbours must have in common to be made together; None for what is made alone."""
        if feature.name in self._numbers:
            return "number"
        owner = [index for index, lookup in enumerate(self.lookups) if feature.name in lookup.features]
        return owner[0] if owner and not _is_list(feature) else None

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names of the features behind ``EmbeddedFeatures.fields``, in order."""
        return tuple(f.name for f in self.features if self.pool_sequences or not isinstance(f, SequenceFeature))

    def field_index(self, name: str) -> int:
        """Position of a feature among the fields."""
        return self.field_names.index(name)

    @property
    def ids_per_row(self) -> int:
        """Ids looked up for one row of data."""
        names = {name for lookup in self.lookups for name in lookup.features}
        return sum(info.shape[0] if info.shape else 1 for info in self.spec.spec.inputs() if info.name in names)

    @property
    def _numbers(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.features if isinstance(f, NumericFeature) and not is_bucketed(f))

    def build(self, input_shape: Any = None) -> None:
        refuse_too_large([lookup.fused_table for lookup in self.lookups], ids=self.ids_per_row)
        for lookup in self.lookups:
            lookup.build()
        if self.value_gates is not None and not self.value_gates.built:
            self.value_gates.build()
        for vector in self._vectors:
            self.projections[vector.name].build((None, vector.width))
            set_uniform_rate(self.projections[vector.name].trainable_weights, self.learning_rates.get(vector.name, 1.0))
        if self._numbers:
            self.number_vectors = self.add_weight(
                name="number_vectors",
                shape=(len(self._numbers), self.dim),
                initializer=keras.initializers.RandomNormal(stddev=0.01),
            )
            rates = tuple(self.learning_rates.get(name, 1.0) for name in self._numbers)
            set_row_rates(self.number_vectors, RowRates(tuple(range(len(rates))), rates))

    def call(self, features: dict[str, Any]) -> EmbeddedFeatures:
        """Return the batch embedded, fields ``(batch, fields, dim)`` first.

        Args:
            features: By name: ids ``(batch[, length])``, numbers ``(batch,)``, vectors ``(batch, width)``.
        """
        rows = self._looked_up(features, self._runs)
        lists = [f for f in self.features if _is_list(f)]
        sequences = [f for f in lists if isinstance(f, SequenceFeature)]
        masks = {f.name: ops.not_equal(features[f.name], 0) for f in lists}  # (batch, length) each
        unpooled = set() if self.pool_sequences else {f.name for f in sequences}
        fields = [self._fields_of(run, features, rows, masks) for run in self._runs if run[0] not in unpooled]
        return EmbeddedFeatures(
            fields=ops.concatenate(fields, axis=1) if fields else ops.zeros((0,)),
            sequences={f.name: rows[f.name] for f in sequences},
            masks={f.name: masks[f.name] for f in sequences},
            times={f.name: features[f.times_name] for f in sequences if f.times},
            vectors={name: features[name] for name in self.projections},
        )

    def rows_of(self, features: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        """Return the vectors of some id features alone, which need nothing else of the example.

        Args:
            features: At least the ids of `names`.
            names: Names of embedded id features.

        Returns:
            Name -> ``(batch, positions, dim)``; a single id has one position, a list as many as it is long.
        """
        return self._looked_up(features, [(name,) for name in names])

    def _looked_up(self, features: dict[str, Any], groups: Sequence[tuple[str, ...]]) -> dict[str, Any]:
        """The gated vectors of those groups that are of ids, by their first name, ``(batch, positions, dim)``."""
        owned = [(lookup, [group for group in groups if group[0] in lookup.features]) for lookup in self.lookups]
        wanted = [(lookup, own) for lookup, own in owned if own]
        found = joint_blocks(wanted, features) if wanted else []
        rows = {
            group[0]: block
            for (_, own), blocks in zip(wanted, found, strict=True)
            for group, block in zip(own, blocks, strict=True)
        }
        if self.value_gates is None or not self.value_gates.ids:
            return rows
        for group in (group for _, own in wanted for group in own):
            rows[group[0]] *= ops.cast(self.value_gates.of_ids(features, group), self.compute_dtype)
        return rows

    def _fields_of(
        self, run: tuple[str, ...], features: dict[str, Any], rows: dict[str, Any], masks: dict[str, Any]
    ) -> Any:
        """The fields of a run, ``(batch, fields, dim)``."""
        name = run[0]
        if name in masks:
            feature = next(f for f in self.features if f.name == name)
            pooling = feature.pooling if isinstance(feature, MultiFeature) else "mean"
            return ops.expand_dims(pooled(rows[name], masks[name], pooling), 1)
        if name in rows:
            return rows[name]
        if name in self.projections:
            return self._gated(ops.expand_dims(self.projections[name](features[name]), 1), run)
        first = self._numbers.index(name)
        vectors = ops.cast(self.number_vectors[first : first + len(run)], self.compute_dtype)  # (fields, dim)
        numbers = ops.stack([ops.cast(features[number], self.compute_dtype) for number in run], axis=1)
        return ops.expand_dims(numbers, -1) * self._gated(vectors, run)  # (batch, fields, 1) · (fields, dim)

    def _gated(self, vectors: Any, fields: tuple[str, ...]) -> Any:
        """Vectors of numbers or of a vector, ``(..., fields, dim)``, gated."""
        if self.value_gates is None:
            return vectors
        return vectors * ops.cast(self.value_gates.of_fields(fields), self.compute_dtype)  # (fields, 1)

    def compute_output_spec(self, features: dict[str, Any]) -> EmbeddedFeatures:
        batch = next(iter(features.values())).shape[0]
        sequences = [f for f in self.features if isinstance(f, SequenceFeature)]
        lengths = {f.name: features[f.name].shape[1] for f in sequences}
        dtype = self.compute_dtype
        return EmbeddedFeatures(
            fields=KerasTensor((batch, len(self.field_names), self.dim), dtype=dtype),
            sequences={name: KerasTensor((batch, length, self.dim), dtype=dtype) for name, length in lengths.items()},
            masks={name: KerasTensor((batch, length), dtype="bool") for name, length in lengths.items()},
            times={f.name: KerasTensor((batch, lengths[f.name]), dtype="int64") for f in sequences if f.times},
            vectors={name: KerasTensor(features[name].shape, dtype=dtype) for name in self.projections},
        )

    def set_counts(self, counts: dict[str, np.ndarray]) -> None:
        """Give the training counts of vocabularies, ``{vocabulary: (rows,)}``, to penalties that use them."""
        for lookup in self.lookups:
            lookup.set_counts(counts)


def pooled(vectors: Any, mask: Any, pooling: str = "mean") -> Any:
    """Pool ``(batch, length, dim)`` over the kept positions of ``mask (batch, length)``; none kept gives zeros."""
    keep = ops.expand_dims(ops.cast(mask, vectors.dtype), -1)  # (batch, length, 1)
    if pooling == "max":
        lowest = -6e4  # finite in float16; as `initial` it also makes the maximum of an empty batch defined
        highest = ops.max(ops.where(keep > 0, vectors, ops.cast(lowest, vectors.dtype)), axis=1, initial=lowest)
        return ops.where(ops.any(mask, axis=1, keepdims=True), highest, ops.zeros_like(highest))
    total = ops.sum(vectors * keep, axis=1)  # (batch, dim)
    return total if pooling == "sum" else total / ops.maximum(ops.sum(keep, axis=1), 1)


def _is_list(feature: AnyFeature) -> bool:
    return isinstance(feature, MultiFeature | SequenceFeature)


def _chosen(spec: BoundSpec, only: tuple[str, ...] | None) -> tuple[AnyFeature, ...]:
    """The features to embed, in the order of the spec."""
    known = {feature.name for feature in spec.spec.features}
    unknown = [name for name in only or () if name not in known]
    if unknown:
        raise ValueError(f"only names {unknown}, which are no features of the spec: {sorted(known)}")
    chosen = tuple(f for f in spec.spec.features if only is None or f.name in only)
    if not chosen:
        raise ValueError("nothing to embed: `only` is empty")
    return chosen

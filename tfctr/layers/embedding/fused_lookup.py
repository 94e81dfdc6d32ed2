"""Many features, one table, one gather a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

from tfctr.layers._base import Layer, deserialize_if_config
from tfctr.layers.embedding._row_rates import RowRates, set_row_rates, set_uniform_rate
from tfctr.layers.embedding.full_table import FullTable
from tfctr.layers.embedding.table import EmbeddingTable

PADDING = 0
OOV = 1


@keras.saving.register_keras_serializable(package="tfctr")
class FusedLookup(Layer):
    """Look all id features up in one table that holds their vocabularies one after the other.

    Row 0 of the fused table is the padding of all features; id ``i > 0`` of vocabulary ``v`` is row
    ``offset_v + i - 1``. Features that share a vocabulary share its rows. An id outside its vocabulary
    becomes `OOV`, never another feature's row.

    Args:
        vocabularies: Vocabulary name -> rows, padding included, as in a bound spec.
        features: Feature name -> vocabulary name, in the order of look-up.
        dim: Width of a vector.
        table: Template of the table; a plain `FullTable` when None.
        rates: Vocabulary name -> multiplier of the learning rate of its rows, 1 where it is left out; 0 freezes.

    Input shape:
        Dict of feature name -> int64 ``(batch,)`` or ``(batch, length)``.

    Output shape:
        Dict of feature name -> ``(batch, dim)`` or ``(batch, length, dim)``.
    """

    def __init__(
        self,
        vocabularies: dict[str, int],
        features: dict[str, str],
        dim: int,
        *,
        table: EmbeddingTable | None = None,
        rates: dict[str, float] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not features:
            raise ValueError("a look-up needs at least one id feature")
        self.vocabularies = dict(vocabularies)
        self.features = dict(features)
        self.dim = dim
        self.table = deserialize_if_config(table) or FullTable(dtype=self.dtype_policy)
        self.offsets = _offsets(self.vocabularies)
        self.rows = 1 + sum(rows - 1 for rows in self.vocabularies.values())
        self.fused_table = self.table.for_vocabularies(self.vocabularies).sized(self.rows, dim, "table")
        self.rates = {name: (rates or {}).get(name, 1.0) for name in self.vocabularies}
        if len(set(self.rates.values())) > 1 and not self.fused_table.row_is_id:
            raise ValueError(
                f"the vocabularies {list(self.vocabularies)} share the rows of one {type(self.table).__name__} and "
                "cannot have different learning rates; give those that differ a table of their own (`tables`)"
            )

    def build(self, input_shape: Any = None) -> None:
        self.fused_table.build((None, None))
        if self.fused_table.has_external_rows and set(self.rates.values()) != {1.0}:
            raise ValueError(
                f"the rows of {list(self.vocabularies)} lie outside Keras' weights and cannot have learning rates of "
                f"their own. Received: {self.rates}"
            )
        if len(set(self.rates.values())) == 1:
            set_uniform_rate(self.fused_table.trainable_weights, next(iter(self.rates.values())))
        else:
            starts = (0, *(1 + self.offsets[name] for name in self.rates))  # row 0, the padding, never trains
            rates = RowRates(starts, (0.0, *self.rates.values()))
            for weight in self.fused_table.trainable_weights:
                set_row_rates(weight, rates)

    def call(self, features: dict[str, Any]) -> dict[str, Any]:
        """Return the vectors by feature, ``(batch, dim)`` or ``(batch, length, dim)``, of ids ``(batch[, length])``."""
        blocks = self.blocks(features, [(name,) for name in self.features])
        return {
            name: ops.squeeze(block, axis=1) if len(features[name].shape) == 1 else block
            for name, block in zip(self.features, blocks, strict=True)
        }

    def blocks(self, features: dict[str, Any], groups: Sequence[tuple[str, ...]]) -> list[Any]:
        """Look features up in one gather and leave those of a group side by side, as they came out of the table.

        Args:
            features: Feature name -> ids; those of all groups are needed.
            groups: Names of features, each in one group.

        Returns:
            A block for each group, ``(batch, positions, dim)``; a single id has one position, a list as many as it
            is long.
        """
        return joint_blocks([(self, groups)], features)[0]

    def _positions(
        self, features: dict[str, Any], groups: Sequence[tuple[str, ...]]
    ) -> tuple[list[Any], list[tuple[int, int]], list[int]]:
        """Ids of groups as columns, rows of the vocabulary and shift of each position, positions of each group."""
        columns: list[Any] = []
        positions: list[tuple[int, int]] = []
        widths: list[int] = []
        for group in groups:
            before = len(positions)
            for name in group:
                columns.append(_as_matrix(features[name]))
                vocabulary = self.features[name]
                place = (self.vocabularies[vocabulary], self.offsets[vocabulary])
                positions += [place] * columns[-1].shape[1]
            widths.append(len(positions) - before)
        return columns, positions, widths

    def compute_output_spec(self, features: dict[str, Any]) -> dict[str, KerasTensor]:
        return {
            name: KerasTensor((*features[name].shape, self.dim), dtype=self.compute_dtype) for name in self.features
        }

    def set_counts(self, counts: dict[str, np.ndarray]) -> None:
        """Give each vocabulary's training counts, ``(rows,)`` each, to penalties that use them."""
        self.fused_table.set_counts(self.fused(counts, np.ones(self.rows)))

    def fused(self, by_vocabulary: Mapping[str, np.ndarray], others: np.ndarray) -> np.ndarray:
        """Return ``(rows,)`` of the fused table: values by vocabulary, ``(rows,)`` each, where given, else `others`."""
        fused = others.copy()
        for name, values in by_vocabulary.items():
            if name in self.offsets:
                start = self.offsets[name] + 1
                fused[start : start + len(values) - 1] = values[1:]
        return fused


def joint_blocks(
    wanted: Sequence[tuple[FusedLookup, Sequence[tuple[str, ...]]]], features: dict[str, Any]
) -> list[list[Any]]:
    """Look groups of features up in several tables; that ids are in range is seen to once for all.

    Args:
        wanted: Look-ups, at least one, and the groups of features that each looks up, see `FusedLookup.blocks`.
        features: Feature name -> ids; those of all groups are needed.

    Returns:
        The blocks of each look-up.
    """
    parts = [lookup._positions(features, groups) for lookup, groups in wanted]
    limits, shifts = np.array([position for _, positions, _ in parts for position in positions]).T  # (positions,) each
    ids = fused_ids(ops.concatenate([column for columns, *_ in parts for column in columns], axis=1), limits, shifts)
    found = []
    for (lookup, _), own, (_, _, widths) in zip(wanted, _split(ids, [sum(p[2]) for p in parts]), parts, strict=True):
        # One split, whose gradient is one concatenation: a slice a group would give each a gradient as wide as all.
        found.append(_split(lookup.fused_table(own), widths))
    return found


def _split(values: Any, widths: Sequence[int]) -> list[Any]:
    """Parts of so many positions of ``(batch, positions[, dim])``."""
    return list(ops.split(values, np.cumsum(widths)[:-1].tolist(), axis=1)) if len(widths) > 1 else [values]


def fused_ids(ids: Any, limits: np.ndarray, shifts: np.ndarray) -> Any:
    """Return rows of the fused table: padding stays 0, an id out of range becomes the column's OOV row.

    Args:
        ids: Ids of vocabularies side by side, ``(batch, positions)``.
        limits: Rows of each position's vocabulary, ``(positions,)``.
        shifts: What to add to each position's ids, ``(positions,)``.
    """
    dtype = keras.backend.standardize_dtype(ids.dtype)
    in_range = ops.logical_and(ids >= 0, ids < ops.convert_to_tensor(limits, dtype))
    ids = ops.where(in_range, ids, ops.cast(OOV, dtype))
    return ops.where(ids == PADDING, ops.cast(PADDING, dtype), ids + ops.convert_to_tensor(shifts, dtype))


def _offsets(vocabularies: dict[str, int]) -> dict[str, int]:
    """What to add to a vocabulary's ids (from 1) to get its rows in the fused table."""
    sizes = np.array([rows - 1 for rows in vocabularies.values()])
    return dict(zip(vocabularies, (np.cumsum(sizes) - sizes).tolist(), strict=True))


def _as_matrix(ids: Any) -> Any:
    """Ids ``(batch,)`` or ``(batch, length)`` as ``(batch, positions)``."""
    return ops.expand_dims(ids, 1) if len(ids.shape) == 1 else ids

"""Fewer rows than ids: ids share rows by a map that was made beforehand."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers.embedding._gather import gather_rows
from tfctr.layers.embedding.id_map import IdMap
from tfctr.layers.embedding.table import EmbeddingTable


@keras.saving.register_keras_serializable(package="tfctr")
class MappedTable(EmbeddingTable):
    """``vector(id) = Σ_k embeddings[map(id)_k]``, the map fixed and saved with the weights.

    With one code an id and a map from clustered ids this is GraphHash; with a hash as second code DoubleGraphHash
    (`IdMap.doubled`), whose two rows come from the same table and are summed without weights. An id that the map knows
    nothing of has the out-of-vocabulary row, as an id that is not in the vocabulary has.

    Wu et al., "GraphHash: Graph Clustering Enables Parameter Efficiency in Recommender Systems", WWW 2025, section 4.

    A map belongs to one vocabulary: give the template in `tables`, not as `table`. It takes 4 bytes an id and code,
    which `serving_bytes` counts.

    Args:
        rows, dim, initializer, penalty: See `EmbeddingTable`; `rows` are ids.
        mapping: The map, or its plain form.

    Raises:
        ValueError: When the map is of another number of ids than the vocabulary.
    """

    def __init__(
        self, rows: int | None = None, dim: int | None = None, *, mapping: IdMap | dict[str, Any], **kwargs: Any
    ):
        super().__init__(rows, dim, **kwargs)
        self.mapping = IdMap.coerce(mapping)
        self._check(rows)

    def sized(self, rows: int, dim: int, name: str) -> EmbeddingTable:
        self._check(rows)  # here too: Keras would wrap the error in one that shows the whole configuration
        return super().sized(rows, dim, name)

    def _check(self, rows: int | None) -> None:
        if rows is not None and rows != self.mapping.ids:
            raise ValueError(
                f"the map is of {self.mapping.ids} ids, the table has {rows}: make the map from this vocabulary, and "
                "give its table by the vocabulary's name (`tables`)"
            )

    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        _, dim = self.size
        return {"embeddings": (self.mapping.rows, dim)}

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.embeddings = self.add_rows("embeddings", self.weight_shapes()["embeddings"], self.initializer)
        row_indices = self.mapping.row_indices
        self.row_indices = self.add_weight(
            name="places",
            shape=row_indices.shape,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(row_indices, dtype),
            dtype="int32",
            trainable=False,
            autocast=False,
        )

    def vectors(self, ids: Any) -> Any:
        codes = gather_rows(self.row_indices, ids)  # (..., codes)
        rows = self.take_rows(self.embeddings, codes)  # (..., codes, dim)
        there = ops.expand_dims(ops.not_equal(codes, 0), -1)  # (..., codes, 1)
        return ops.sum(rows * ops.cast(there, rows.dtype), axis=-2)  # (..., dim)

    def serving_bytes(self) -> int:
        return super().serving_bytes() + 4 * self.mapping.row_indices.size

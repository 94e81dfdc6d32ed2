"""Fewer rows than ids: ids share rows by a fixed hash."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers.embedding.hashing import hashed_rows
from tfctr.layers.embedding.table import EmbeddingTable


@keras.saving.register_keras_serializable(package="tfctr")
class HashedTable(EmbeddingTable):
    """Ids share ``rows / compression`` trained rows, chosen by a universal hash of the id.

    Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.

    Args:
        rows, dim, initializer, penalty: See `EmbeddingTable`.
        compression: Ids per row, at least 1.
        salt: Picks the hash function; tables with other salts collide elsewhere.
    """

    def __init__(
        self,
        rows: int | None = None,
        dim: int | None = None,
        *,
        compression: float = 10.0,
        salt: int = 0,
        **kwargs: Any,
    ):
        super().__init__(rows, dim, **kwargs)
        if compression < 1:
            raise ValueError(f"compression is ids per row and at least 1. Received: {compression}")
        self.compression = compression
        self.salt = salt

    @property
    def hashed_size(self) -> int:
        """Number of trained rows."""
        assert self.rows is not None
        return max(1, round(self.rows / self.compression))

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.hashed_size, self.dim), initializer=self.initializer
        )

    def vectors(self, ids: Any) -> Any:
        return ops.take(self.embeddings, hashed_rows(ids, self.hashed_size, self.salt), axis=0)

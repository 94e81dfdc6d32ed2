"""Fewer rows than ids: ids share rows by a fixed hash."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers.embedding._hashing import hashed_rows
from tfctr.layers.embedding.table import EmbeddingTable


@keras.saving.register_keras_serializable(package="tfctr")
class HashedTable(EmbeddingTable):
    """Ids share ``rows / compression`` trained rows, chosen by a universal hash of the id.

    Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009. With `private` the
    most frequent ids keep a row each and only the others share, as Zhang et al. (RecSys 2020) do for their
    double hashing: ids of a vocabulary stand by descending count.

    Args:
        rows, dim, initializer, penalty: See `EmbeddingTable`.
        compression: Ids per shared row, at least 1.
        salt: Picks the hash function; tables with other salts collide elsewhere.
        private: Ids below this have a row of their own; 0 (the plain hashing trick) shares them all.
    """

    def __init__(
        self,
        rows: int | None = None,
        dim: int | None = None,
        *,
        compression: float = 10.0,
        salt: int = 0,
        private: int = 0,
        **kwargs: Any,
    ):
        super().__init__(rows, dim, **kwargs)
        if compression < 1:
            raise ValueError(f"compression is ids per row and at least 1. Received: {compression}")
        if private < 0 or (rows is not None and private >= rows):
            raise ValueError(f"private is at least 0 and leaves ids to share rows. Received: {private} of {rows} rows")
        self.compression = compression
        self.salt = salt
        self.private = private

    @property
    def hashed_size(self) -> int:
        """Number of shared rows."""
        rows, _ = self.size
        return max(1, round((rows - self.private) / self.compression))

    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        _, dim = self.size
        return {"embeddings": (self.private + self.hashed_size, dim)}

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        shape = self.weight_shapes()["embeddings"]
        self.embeddings = self.add_rows("embeddings", shape, self.initializer)

    def vectors(self, ids: Any) -> Any:
        return self.take_rows(self.embeddings, self.row_indices(ids, self.salt))

    def row_indices(self, ids: Any, salt: int) -> Any:
        """Return the trained row of each id, int32: its own below `private`, a shared one behind them."""
        shared = hashed_rows(ids, self.hashed_size, salt)
        if not self.private:
            return shared
        return ops.where(ops.less(ids, self.private), ops.cast(ids, "int32"), shared + self.private)

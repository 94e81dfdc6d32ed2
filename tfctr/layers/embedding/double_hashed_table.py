"""Two hashes an id: two ids share a whole vector only when both hashes collide."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers.embedding.hashed_table import HashedTable
from tfctr.layers.embedding.hashing import hashed_rows


@keras.saving.register_keras_serializable(package="tfctr")
class DoubleHashedTable(HashedTable):
    """The sum of two rows of one small table, found by two independent hashes of the id.

    Zhang et al., "Model Size Reduction Using Frequency Based Double Hashing for Recommender Systems",
    RecSys 2020. Arguments as in `HashedTable`.
    """

    def vectors(self, ids: Any) -> Any:
        first = ops.take(self.embeddings, hashed_rows(ids, self.hashed_size, self.salt), axis=0)
        second = ops.take(self.embeddings, hashed_rows(ids, self.hashed_size, self.salt + 1), axis=0)
        return first + second

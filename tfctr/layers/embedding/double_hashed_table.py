"""Two hashes an id: two ids share a whole vector only when both hashes collide."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers.embedding.hashed_table import HashedTable


@keras.saving.register_keras_serializable(package="tfctr")
class DoubleHashedTable(HashedTable):
    """The sum of two rows of one small table, found by two independent hashes of the id.

    Zhang et al., "Model Size Reduction Using Frequency Based Double Hashing for Recommender Systems",
    RecSys 2020; their frequency-based form, in which frequent ids keep a row each, is `private`. Arguments
    as in `HashedTable`.
    """

    def vectors(self, ids: Any) -> Any:
        first = self.take_rows(self.embeddings, self.row_indices(ids, self.salt))  # (..., dim)
        second = self.take_rows(self.embeddings, self.row_indices(ids, self.salt + 1))
        if self.private:  # an id with a row of its own has that row alone, not twice
            second = second * ops.cast(ops.expand_dims(ops.greater_equal(ids, self.private), -1), second.dtype)
        return first + second

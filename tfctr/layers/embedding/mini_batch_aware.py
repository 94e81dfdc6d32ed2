"""DIN's regularisation of the rows that a batch touches."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers.embedding.penalties import RowPenalty, _PenalisedTable, _Root


@keras.saving.register_keras_serializable(package="tfctr")
class MiniBatchAware(RowPenalty, _Root):
    """Penalise every row of the batch once, the rarer it is in training the more.

    ``coefficient/2 · Σ_{j in batch} ‖w_j‖² / n_j`` over the *distinct* ids j, padding excluded, where ``n_j`` is the
    training count of id j (1 where it is unknown). The gradient is exactly ``coefficient · w_j / n_j``; a row
    outside the batch gets none. Over an epoch this is the L2 term of the whole table, at the cost of the look-up
    and a sort of the batch's ids. An id shared by candidate and history counts once.

    The distinct ids are found by sorting, with shapes that do not depend on the data, so that it compiles.

    Args:
        coefficient: Strength λ, at least 0. 0.01 is the paper's on its own traffic.

    Reference: G. Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018,
    arXiv 1706.06978, Eq. 4-7.
    """

    needs_counts = True

    def __init__(self, coefficient: float = 0.01) -> None:
        if coefficient < 0:
            raise ValueError(f"MiniBatchAware needs a coefficient of at least 0. Received: {coefficient}")
        self.coefficient = coefficient

    def __call__(self, table: _PenalisedTable, ids: Any, vectors: Any) -> Any:
        ids = ops.reshape(ids, (-1,))  # (ids,)
        squares = ops.sum(ops.square(ops.cast(vectors, "float32")), axis=-1)  # of the shape of ids
        order = ops.argsort(ids)
        sorted_ids = ops.take(ids, order)
        before = ops.pad(sorted_ids, (1, 0), constant_values=-1)[:-1]  # (ids,): the id to the left
        first = ops.logical_and(ops.not_equal(sorted_ids, before), ops.not_equal(sorted_ids, 0))
        squares = ops.take(ops.reshape(squares, (-1,)), order)
        counts = ops.take(ops.convert_to_tensor(table.counts), sorted_ids)
        return 0.5 * self.coefficient * ops.sum(ops.where(first, squares / counts, 0.0))

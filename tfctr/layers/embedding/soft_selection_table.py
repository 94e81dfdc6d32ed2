"""DNIS's supernet table: how much of each number of a vector is shown, by how often its id is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from tfctr.layers.embedding._gather import gather_rows
from tfctr.layers.embedding.full_table import plain_table
from tfctr.layers.embedding.table import EmbeddingTable

Granularity = Literal["free", "block", "dimension"]


class UnitInterval(keras.constraints.Constraint):
    """Keep weights between 0 and 1."""

    def __call__(self, weight: Any) -> Any:
        return ops.clip(weight, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="tfctr")
class SoftSelectionTable(EmbeddingTable):
    """``vector(id) = α[block(id)] ∘ E_id``: one number in [0, 1] for each dimension of each block of ids.

    Ids are cut into blocks by how often training saw them, the most frequent ones first: `set_counts` says so, and ids
    that were never seen belong to the last block. α starts at 1, where the table is a plain one. It is no weight that
    an optimizer of the model trains: a search moves it by validation rows (`tfctr.plans.DNIS`). What is small in
    ``α ∘ E`` is cut afterwards, see `selected`.

    A table of width 1 has nothing to select: `sized` makes a plain one of it, as a linear part wants.

    Args:
        rows, dim, initializer, penalty: See `EmbeddingTable`.
        blocks: Sizes of the blocks but the last one, which has the rest: shares of the ids where all are below 1,
            else numbers of ids.
        granularity: ``free``: a number for each block and dimension, the method. Two smaller spaces of the released
            code: ``block``, a number a of [0, dim] a block, whose first a dimensions are shown; ``dimension``, a number
            a of [0, blocks] a dimension, shown in the first a blocks.

    Raises:
        ValueError: When `blocks` are not all shares or all numbers, or shares reach 1.

    Reference: Cheng, Shen, Huang, "Differentiable Neural Input Search for Recommender Systems", 2020, arXiv 2006.04466;
    Kong et al., "AutoSrh", TKDE 2023.
    """

    def __init__(
        self,
        rows: int | None = None,
        dim: int | None = None,
        *,
        blocks: Sequence[float] = (0.1, 0.2, 0.2, 0.2),
        granularity: Granularity = "free",
        **kwargs: Any,
    ):
        super().__init__(rows, dim, **kwargs)
        if granularity not in ("free", "block", "dimension"):
            raise ValueError(f"granularity is 'free', 'block' or 'dimension'. Received: {granularity!r}")
        self.blocks = tuple(blocks)
        self.granularity = granularity
        shares = all(0 < size < 1 for size in self.blocks)
        if not (shares and sum(self.blocks) < 1) and not all(size >= 1 and size == int(size) for size in self.blocks):
            raise ValueError(f"blocks are shares that leave a rest, or numbers of ids. Received: {self.blocks}")

    def sized(self, rows: int, dim: int, name: str) -> EmbeddingTable:
        return super().sized(rows, dim, name) if dim > 1 else plain_table(self, rows, dim, name)

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        rows, dim = self.size
        self.embeddings = self.add_rows("embeddings", self.size, self.initializer)
        number = len(self.blocks) + 1
        shape = {"free": (number, dim), "block": (number, 1), "dimension": (1, dim)}[self.granularity]
        self.full = {"free": 1.0, "block": float(dim), "dimension": float(number)}[self.granularity]
        self.selection = self.add_weight(
            name="selection",
            shape=shape,
            initializer=keras.initializers.Constant(self.full),
            dtype="float32",
            trainable=False,
            autocast=False,
            constraint=UnitInterval() if self.granularity == "free" else keras.constraints.NonNeg(),
        )
        self.block_of = self.add_weight(
            name="block_of", shape=(rows,), initializer=self._in_order, dtype="int32", trainable=False, autocast=False
        )

    def _in_order(self, shape: Any, dtype: Any = None) -> Any:
        """The blocks of ids that stand by descending count, as those of one vocabulary do."""
        return ops.convert_to_tensor(self._blocks_by_rank(shape[0]), dtype)

    def _blocks_by_rank(self, rows: int) -> np.ndarray:
        """Block of the most frequent id, the next one, and so on; the padding is none of them and has the last."""
        ids = rows - 1
        sizes = [round(size * ids) if size < 1 else int(size) for size in self.blocks]
        ends = np.cumsum(sizes)
        blocks: np.ndarray = np.r_[len(sizes), np.searchsorted(ends, np.arange(ids), side="right")].astype("int32")
        return blocks

    def set_counts(self, counts: np.ndarray) -> None:
        """Cut the ids into blocks by their training counts, float ``(rows,)``; of equal ones the first comes first."""
        super().set_counts(counts)
        order = np.argsort(-np.asarray(counts)[1:], kind="stable")
        by_rank = self._blocks_by_rank(len(counts))
        block_of = np.full(len(counts), len(self.blocks), "int32")
        block_of[1 + order] = np.where(counts[1 + order] > 0, by_rank[1:], len(self.blocks))
        self.block_of.assign(block_of)

    def shown(self) -> Any:
        """Return how much of each dimension each block shows, float32 ``(blocks, dim)``."""
        selection = ops.convert_to_tensor(self.selection)
        if self.granularity == "free":
            return selection
        number, dim = len(self.blocks) + 1, self.size[1]
        if self.granularity == "block":
            return ops.clip(selection - np.arange(dim, dtype="float32"), 0.0, 1.0)
        return ops.clip(selection - np.arange(number, dtype="float32")[:, None], 0.0, 1.0)

    def vectors(self, ids: Any) -> Any:
        shown = ops.take(self.shown(), gather_rows(self.block_of, ids), axis=0)  # (..., dim)
        return self.take_rows(self.embeddings, ids) * ops.cast(shown, self.compute_dtype)

    def parameters(self) -> tuple[Any, ...]:
        """The rows: a penalty does not pull at the selection."""
        return (self.embeddings,)

    def selected(self) -> np.ndarray:
        """Return ``α ∘ E``, float32 ``(rows, dim)``: what the model sees, and what pruning judges by."""
        block_of = ops.convert_to_numpy(self.block_of)
        rows: np.ndarray = ops.convert_to_numpy(self.embeddings) * ops.convert_to_numpy(self.shown())[block_of]
        rows[0] = 0.0
        return rows

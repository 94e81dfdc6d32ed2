"""Compositional codes: the pair (quotient, remainder) names an id uniquely with few rows."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from tfctr.layers._weight_options import clone_initializer
from tfctr.layers.embedding.table import EmbeddingTable


@keras.saving.register_keras_serializable(package="tfctr")
class QuotientRemainderTable(EmbeddingTable):
    """``vector(id) = remainder_row[id mod m] ∘ quotient_row[id div m]``, ∘ a product or a sum.

    No two ids share both rows, so every id keeps a vector of its own. Shi et al., "Compositional Embeddings
    Using Complementary Partitions for Memory-Efficient Recommendation Systems", KDD 2020, section 3.

    Args:
        rows, dim, initializer, penalty: See `EmbeddingTable`.
        compression: Ids per remainder row: ``m = ceil(rows / compression)``; at least 1.
        combine: ``"product"`` (the paper's best; quotient rows start at one) or ``"sum"``.
    """

    def __init__(
        self,
        rows: int | None = None,
        dim: int | None = None,
        *,
        compression: float = 10.0,
        combine: str = "product",
        **kwargs: Any,
    ):
        super().__init__(rows, dim, **kwargs)
        if compression < 1:
            raise ValueError(f"compression is ids per row and at least 1. Received: {compression}")
        if combine not in ("product", "sum"):
            raise ValueError(f"combine is 'product' or 'sum'. Received: {combine!r}")
        self.compression = compression
        self.combine = combine

    @property
    def modulus(self) -> int:
        """Number of remainder rows."""
        assert self.rows is not None
        return max(1, math.ceil(self.rows / self.compression))

    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        rows, dim = self.size
        return {"remainder": (self.modulus, dim), "quotient": (math.ceil(rows / self.modulus), dim)}

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        shapes = self.weight_shapes()
        neutral = "ones" if self.combine == "product" else clone_initializer(self.initializer, "quotient")
        self.remainder = self.add_rows("remainder", shapes["remainder"], self.initializer)
        self.quotient = self.add_rows("quotient", shapes["quotient"], neutral)

    def vectors(self, ids: Any) -> Any:
        if self.size[0] < 2**31:  # LiteRT divides 32-bit numbers only
            ids = ops.cast(ids, "int32")
        remainder = self.take_rows(self.remainder, ops.mod(ids, self.modulus))  # (..., dim)
        quotient = self.take_rows(self.quotient, ops.floor_divide(ids, self.modulus))  # (..., dim)
        return remainder * quotient if self.combine == "product" else remainder + quotient

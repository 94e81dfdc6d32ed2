"""A short code an id, and one map that all codes share back to the full width."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfctr.layers.embedding.full_table import plain_table
from tfctr.layers.embedding.table import EmbeddingTable


@keras.saving.register_keras_serializable(package="tfctr")
class LowRankTable(EmbeddingTable):
    """``vector(id) = code(id) · expansion + mean``: `rank` numbers an id in place of `dim`.

    What post-training compression makes of a trained table (see `tfctr.plans.LowRank`); it trains from scratch too.
    Weights: ``rows · rank + rank · dim + dim``. The layers above see the full width, whatever they are: the released
    code feeds the codes themselves to an MLP, whose first map is cut here as all others are.

    A width that `rank` does not narrow has nothing to gain: `sized` makes a plain table of it, as a linear part wants.

    Args:
        rows, dim, initializer, penalty: See `EmbeddingTable`; the initializer is that of the codes.
        rank: Numbers in a code, at least 1 and below `dim`.

    Raises:
        ValueError: When `rank` is below 1, or not below `dim`.

    Example:
        >>> table = LowRankTable(rows=6, dim=4, rank=2)
        >>> print(table(np.array([[1, 2, 5]])).shape, table.codes.shape)
        (1, 3, 4) (6, 2)

    Reference: Yu et al., "Unified Low-rank Compression Framework for Click-through Rate Prediction", KDD 2024,
    arXiv 2405.18146.
    """

    def __init__(self, rows: int | None = None, dim: int | None = None, *, rank: int, **kwargs: Any):
        super().__init__(rows, dim, **kwargs)
        if rank < 1 or (dim is not None and rank >= dim):
            raise ValueError(f"rank is at least 1 and below the width of {dim}. Received: rank={rank}")
        self.rank = rank

    def sized(self, rows: int, dim: int, name: str) -> EmbeddingTable:
        if dim > self.rank:
            return super().sized(rows, dim, name)
        return plain_table(self, rows, dim, name)

    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        rows, dim = self.size
        return {"codes": (rows, self.rank), "expansion": (self.rank, dim), "mean": (1, dim)}

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        shapes = self.weight_shapes()
        self.codes = self.add_rows("codes", shapes["codes"], self.initializer)
        self.expansion = self.add_weight(name="expansion", shape=shapes["expansion"], initializer="orthogonal")
        self.mean = self.add_weight(name="mean", shape=shapes["mean"][1:], initializer="zeros")

    def vectors(self, ids: Any) -> Any:
        expansion, mean = (ops.cast(weight, self.compute_dtype) for weight in (self.expansion, self.mean))
        codes = self.take_rows(self.codes, ids)  # (..., rank)
        return ops.matmul(codes, expansion) + mean  # (..., dim)

    def parameters(self) -> tuple[Any, ...]:
        """The codes: with orthonormal directions their norms are those of the vectors around the mean."""
        return (self.codes,)

    def set_factors(self, codes: np.ndarray, expansion: np.ndarray, mean: np.ndarray) -> None:
        """Set the weights: ``(rows, rank)``, ``(rank, dim)``, ``(dim,)``."""
        for weight, values in ((self.codes, codes), (self.expansion, expansion), (self.mean, mean)):
            weight.assign(values)

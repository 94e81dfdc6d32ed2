"""OptEmbed's supernet table: which rows to keep, and every width at once."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tfctr.layers.embedding.full_table import plain_table
from tfctr.layers.embedding.pruned_table import PrunedTable
from tfctr.layers.embedding.table import EmbeddingTable


@ops.custom_gradient
def step(z: Any) -> Any:
    """Return 1 where z is above 0, else 0, with the long-tailed slope ``2 - 4|z|``, 0.4 from 0.4 on, 0 above 1."""

    def gradient(*args: Any, upstream: Any = None) -> Any:
        rising = args[0] if upstream is None else upstream
        size = ops.abs(z)
        slope = ops.where(size <= 0.4, 2.0 - 4.0 * size, ops.where(size <= 1.0, 0.4, 0.0))
        return rising * ops.cast(slope, rising.dtype)

    return ops.cast(z > 0, z.dtype), gradient


@keras.saving.register_keras_serializable(package="tfctr")
class SearchedTable(EmbeddingTable):
    """A table that learns which of its rows matter, and in training shows a random prefix of each vector.

    ``vector(id) = step(‖E_id‖ - t) · M_u · E_id``: a row whose norm is not above a learned threshold t is pruned, and
    the mask ``M_u`` keeps its first u numbers. In training u is drawn evenly from 1 to dim for every row of data, so
    that one table holds all widths; otherwise it is `width`, all of them until `set_width` says less. By its `tables`
    `FeatureEmbedding` gives a vocabulary a table of its own; all features of that vocabulary share a draw.

    A threshold rises by the loss ``pressure · Σ exp(-t)`` and falls by what the model's loss says through the step's
    slope; t starts at 0, where all rows are kept. `compact` returns the table that is left.

    A table of width 1 has nothing to search: `sized` makes a plain one of it, as a linear part wants.

    Args:
        rows, dim, initializer, penalty: See `EmbeddingTable`.
        per_row: A threshold a row, else one for the table. The released code has both, the table's by default.
        norm: 1 or 2, which norm of a row is compared.
        pressure: Strength of the loss on thresholds; grids of the paper's code lie between 1e-6 and 1e-4.
        sample_widths: Whether training draws widths; without it only rows are searched.
        seed: Of the draws.

    Reference: Lyu et al., "OptEmbed: Learning Optimal Embedding Table for Click-through Rate Prediction", CIKM 2022,
    arXiv 2208.04482; slope and loss as in its released code.
    """

    def __init__(
        self,
        rows: int | None = None,
        dim: int | None = None,
        *,
        per_row: bool = False,
        norm: int = 1,
        pressure: float = 1e-4,
        sample_widths: bool = True,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(rows, dim, **kwargs)
        if norm not in (1, 2):
            raise ValueError(f"norm is 1 or 2. Received: {norm}")
        self.per_row = per_row
        self.norm = norm
        self.pressure = pressure
        self.sample_widths = sample_widths
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def sized(self, rows: int, dim: int, name: str) -> EmbeddingTable:
        if dim > 1:
            return super().sized(rows, dim, name)
        return plain_table(self, rows, dim, name)

    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        rows, dim = self.size
        return {"embeddings": (rows, dim), "thresholds": (rows if self.per_row else 1, 1)}

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        shapes = self.weight_shapes()
        self.embeddings = self.add_rows("embeddings", shapes["embeddings"], self.initializer)
        self.thresholds = self.add_weight(
            name="thresholds", shape=shapes["thresholds"], initializer="zeros", dtype="float32", autocast=False
        )
        full = keras.initializers.Constant(self.size[1])
        self.width = self.add_weight(name="width", shape=(), initializer=full, dtype="int32", trainable=False)

    def vectors(self, ids: Any, training: bool | None = None) -> Any:
        rows = self.take_rows(self.embeddings, ids)  # (batch, ..., dim)
        kept = ops.cast(step(self._norms(rows) - self._thresholds(ids)), rows.dtype)  # (batch, ...)
        return rows * ops.expand_dims(kept, -1) * ops.cast(self._prefix(ids, training), rows.dtype)

    def call(self, ids: Any, training: bool | None = None) -> Any:
        """Return the masked vectors ``(batch, ..., dim)`` of ids ``(batch, ...)``; training draws widths."""
        keep = ops.expand_dims(ops.not_equal(ids, 0), -1)
        vectors = self.vectors(ids, training)
        vectors = vectors * ops.cast(keep, vectors.dtype)
        if self.pressure:
            self.add_loss(self.pressure * ops.sum(ops.exp(-ops.convert_to_tensor(self.thresholds))))
        if self.penalty is not None and self.precision is None:
            self.add_loss(self.penalty(self, ids, vectors))
        return vectors

    def compute_output_spec(self, ids: Any, training: bool | None = None) -> Any:
        return super().compute_output_spec(ids)

    def parameters(self) -> tuple[Any, ...]:
        """The vectors: a penalty does not pull at thresholds."""
        return (self.embeddings,)

    def _norms(self, rows: Any) -> Any:
        """Norms of rows ``(..., dim)``, float32 ``(...)``."""
        rows = ops.cast(rows, "float32")
        if self.norm == 1:
            return ops.sum(ops.abs(rows), axis=-1)
        return ops.sqrt(ops.sum(ops.square(rows), axis=-1) + 1e-12)  # the root has no slope at 0

    def _thresholds(self, ids: Any) -> Any:
        """Thresholds of ids ``(...)``: float32 ``(...)`` when each row has one, else a scalar."""
        thresholds = ops.convert_to_tensor(self.thresholds)[:, 0]
        return ops.take(thresholds, ids, axis=0) if self.per_row else thresholds[0]

    def _prefix(self, ids: Any, training: bool | None) -> Any:
        """Mask of the numbers shown: ``(batch, 1, …, dim)`` in training, ``(dim,)`` otherwise."""
        _, dim = self.size
        if not (training and self.sample_widths):
            return ops.arange(dim) < ops.convert_to_tensor(self.width)
        shape = (ops.shape(ids)[0], *(1,) * len(ids.shape[1:]), 1)  # (batch, 1, …, 1)
        # Floats below 1 times dim, rounded down: integers drawn directly do not compile on every backend.
        widths = 1 + ops.floor(ops.cast(dim, "float32") * keras.random.uniform(shape, seed=self._draws))
        return ops.arange(dim, dtype="float32") < widths

    def kept_rows(self) -> NDArray[np.bool_]:
        """Return which rows are above their threshold, bool ``(rows,)``; the padding row never is."""
        rows = np.asarray(ops.convert_to_numpy(self.embeddings), np.float32)
        norms = np.linalg.norm(rows, ord=self.norm, axis=1)
        kept: NDArray[np.bool_] = norms > np.asarray(ops.convert_to_numpy(self.thresholds))[:, 0]
        kept[0] = False
        return kept

    def set_width(self, width: int) -> None:
        """Show only the first `width` numbers of a vector outside training.

        Raises:
            ValueError: When it is not between 1 and dim.
        """
        if not 1 <= width <= self.size[1]:
            raise ValueError(f"a width lies between 1 and {self.size[1]}. Received: {width}")
        self.width.assign(width)

    def compact(self) -> PrunedTable:
        """Return the table of the rows that are kept at the width that is set; its outputs are the same."""
        rows, dim = self.size
        kept, width = self.kept_rows(), int(ops.convert_to_numpy(self.width))
        table = PrunedTable(
            rows, dim, kept=int(kept.sum()), width=width, penalty=self.penalty, dtype=self.dtype_policy, name=self.name
        )
        table.build()
        table.keep(kept, ops.convert_to_numpy(self.embeddings))
        return table

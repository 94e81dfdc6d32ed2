"""The protocol of an embedding table: the one thing a compression or search method swaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import keras
import numpy as np
from keras import KerasTensor, ops

from tfctr.layers._base import Layer, deserialize_if_config
from tfctr.layers._weight_options import handed_down
from tfctr.layers.embedding._gather import gather_rows
from tfctr.layers.embedding._precision import QuantizedRows, bytes_of_rows, check_precision, precision_of_width
from tfctr.layers.embedding.penalties import RowPenalty


class EmbeddingTable(Layer):
    """Map ids to vectors: ``ids (...)`` int64 -> ``(..., dim)``.

    Id 0 is padding: its vector is exactly zero and it never trains. A table made without `rows` and `dim` is
    a template: `FeatureEmbedding` sizes it with `sized`. A subclass creates its weights in `build`, says in
    `vectors` how ids become vectors, and in `weight_shapes` what it will create.

    Args:
        rows: Number of ids, padding included. None for a template.
        dim: Width of a vector. None for a template.
        initializer: Keras initializer of the rows: an object, a name or a configuration. Normal with standard
            deviation 0.01 by default, small enough that a fresh model answers about 0.5. A seed becomes another one
            for each table that is sized.
        penalty: Regularisation of the rows, see `RowPenalty`; None for none.
        precision: ``int8`` or ``int4`` keeps the rows in 8 or 4 bits a number, with a scale a column. They do not
            train: `tfctr.models.quantize_tables` makes such tables of trained ones. None keeps float32.

    Input shape:
        int64 ``(...)``; ids in ``[0, rows)``.

    Output shape:
        ``(..., dim)`` in the compute dtype.

    Attributes:
        row_is_id: Whether row r of each trained weight belongs to id r alone, so that rows can be moved, frozen
            and read id by id.
        has_external_rows: Whether, in a built table, an accelerator holds the rows outside Keras' weights, where
            nothing that works on weights reaches them.
    """

    row_is_id: ClassVar[bool] = False
    has_external_rows: bool = False

    def __init__(
        self,
        rows: int | None = None,
        dim: int | None = None,
        *,
        initializer: Any = None,
        penalty: RowPenalty | None = None,
        precision: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_precision(precision)
        if rows is not None and rows < 2:
            raise ValueError(f"a table needs at least 2 rows (padding and one id). Received: rows={rows}")
        self.rows = rows
        self.dim = dim
        self.initializer = keras.initializers.get(initializer or keras.initializers.RandomNormal(stddev=0.01))
        self.penalty = deserialize_if_config(penalty)
        self.precision = precision
        self.counts: Any = None
        self._row_names: tuple[str, ...] = ()

    def for_vocabularies(self, names: Iterable[str]) -> EmbeddingTable:
        """Return the template for a table that holds these vocabularies; another one only where it knows them apart."""
        return self

    def joint_key(self, dim: int) -> str | None:
        """Return what templates of several vocabularies have in common where one table of this width shall hold them.

        None, of most kinds, gives each vocabulary that has a template a table of its own.
        """
        return None

    def joined(self, templates: Mapping[str, EmbeddingTable], rows: Mapping[str, int]) -> EmbeddingTable:
        """Return the template of the table that holds vocabularies of one `joint_key`.

        Args:
            templates: By vocabulary.
            rows: Of the vocabularies, padding included.
        """
        raise NotImplementedError

    def sized(self, rows: int, dim: int, name: str) -> EmbeddingTable:
        """Return a table of this kind and these settings for `rows` ids of width `dim`."""
        initializer = keras.initializers.serialize(handed_down(self.initializer, name))
        sizes = {"rows": rows, "dim": dim, "name": name, "precision": precision_of_width(self.precision, dim)}
        table: EmbeddingTable = type(self).from_config({**self.get_config(), **sizes, "initializer": initializer})
        return table

    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        """Return the trained weights by name and shape: what `build` will take, known before it takes it.

        Raises:
            ValueError: For a template, which has no size.
        """
        return {"embeddings": self.size}

    @property
    def size(self) -> tuple[int, int]:
        """``(rows, dim)``; `ValueError` for a template, which has none."""
        if self.rows is None or self.dim is None:
            raise ValueError(f"{type(self).__name__} is a template without rows and dim; call sized(rows, dim, name)")
        return self.rows, self.dim

    def build(self, input_shape: Any = None) -> None:
        rows, _ = self.size
        if self.penalty is not None and self.penalty.needs_counts:
            self.counts = self.add_weight(
                name="counts",
                shape=(rows,),
                initializer="ones",
                dtype="float32",
                trainable=False,
                autocast=False,  # a count in half precision would be wrong from 257 on
            )

    def add_rows(self, name: str, shape: tuple[int, int], initializer: Any) -> Any:
        """Add a trained weight whose rows `take_rows` looks up, or what keeps them in few bits; `build` calls it.

        It is never cast as a whole: under mixed precision that would cost as much as the table is long, every step.
        The table keeps it under this very name.
        """
        self._row_names += (name,)
        if self.precision is not None:
            return QuantizedRows(self, name, shape, self.precision)
        return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

    @property
    def stored_rows(self) -> dict[str, Any]:
        """What `add_rows` made, by name: Keras variables or `QuantizedRows`."""
        return {name: getattr(self, name) for name in self._row_names}

    def take_rows(self, weight: Any, row_indices: Any) -> Any:
        """Return ``weight[row_indices]`` in the compute dtype, ``(..., dim)``."""
        rows = weight.take(row_indices) if isinstance(weight, QuantizedRows) else gather_rows(weight, row_indices)
        return ops.cast(rows, self.compute_dtype)

    def vectors(self, ids: Any) -> Any:
        """Return the vectors of `ids`, padding not yet zeroed."""
        raise NotImplementedError

    def parameters(self) -> tuple[Any, ...]:
        """Return the weights a penalty on the whole table counts."""
        return tuple(self.trainable_weights)

    def call(self, ids: Any) -> Any:
        """Return the vectors ``(..., dim)`` of ids ``(...)``, zeros where an id is 0; adds the penalty as a loss."""
        keep = ops.expand_dims(ops.not_equal(ids, 0), -1)  # (..., 1)
        vectors = self.vectors(ids)  # (..., dim)
        vectors = vectors * ops.cast(keep, vectors.dtype)
        if self.penalty is not None and self.precision is None:  # rows in few bits do not train
            self.add_loss(self.penalty(self, ids, vectors))
        return vectors

    lookup = call

    def compute_output_spec(self, ids: Any) -> KerasTensor:
        return KerasTensor((*ids.shape, self.dim), dtype=self.compute_dtype)

    def set_counts(self, counts: np.ndarray) -> None:
        """Give each row's training count, float ``(rows,)``; 0 is taken as 1 (never seen in training)."""
        if self.counts is not None:
            self.counts.assign(np.maximum(counts, 1))

    def compact(self) -> EmbeddingTable:
        """Return the smallest table with the same outputs; this one unless a subclass can shrink."""
        return self

    def serving_bytes(self) -> int:
        """Bytes of the weights that serving needs."""
        few_bits = [rows for rows in self.stored_rows.values() if isinstance(rows, QuantizedRows)]
        codes = sum(bytes_of_rows(rows.codes.shape[0], rows.width, rows.precision) for rows in few_bits)
        return codes + sum(int(np.prod(w.shape)) * _bytes_of(w.dtype) for w in self.trainable_weights)


def _bytes_of(dtype: str) -> int:
    """Bytes of one number; bfloat16 is not a dtype numpy knows by name."""
    return 2 if dtype in ("bfloat16", "float16") else np.dtype(dtype).itemsize

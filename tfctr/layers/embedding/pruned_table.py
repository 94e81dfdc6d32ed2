"""A table without the rows and columns that a search left out: small in memory, on disk and when served."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from tfctr.layers.embedding._precision import bytes_of_rows
from tfctr.layers.embedding._ranked_bits import add_ranked_bits, bytes_of, mask_of, ranked, set_ranked_bits
from tfctr.layers.embedding.table import EmbeddingTable


@keras.saving.register_keras_serializable(package="tfctr")
class PrunedTable(EmbeddingTable):
    """Ids that are kept have a row of `width` numbers; all others share row 0, whose vector is zero.

    ``vector(id) = (E[row(id)], 0, …, 0)``: zeros fill up to `dim`, which is what a model with masks in place of the
    cut sees, so that a pruned model predicts what the masked one does. (A learned projection per field would be another
    model.)
    Which ids have a row is kept as one bit an id, and how many have one before it as four bytes for 64 ids: 1.5 bits an
    id say which row it has. A table that keeps all ids has neither. Without a call of `keep` the first `kept` ids are
    kept.

    Args:
        rows, dim, initializer, penalty: See `EmbeddingTable`.
        kept: Ids with a row, padding not among them; None keeps all. Of a template also by vocabulary, for a table
            that holds several.
        width: Numbers in a row; None takes `dim`.
        joint: Of templates of several vocabularies: those of one width share a table, and so one look-up. Otherwise
            each has its own.

    Example:
        >>> table = PrunedTable(rows=6, dim=4, kept=2, width=3)
        >>> print(table(np.array([[1, 2, 5]])).shape, table.embeddings.shape)
        (1, 3, 4) (3, 3)
    """

    def __init__(
        self,
        rows: int | None = None,
        dim: int | None = None,
        *,
        kept: int | dict[str, int] | None = None,
        width: int | None = None,
        joint: bool = False,
        **kwargs: Any,
    ):
        super().__init__(rows, dim, **kwargs)
        if isinstance(kept, dict):
            if rows is not None:
                raise ValueError(f"a table with rows keeps a number of them, not one a vocabulary. Received: {kept}")
        elif kept is not None and not (kept >= 0 and (rows is None or kept < rows)):
            raise ValueError(f"kept is at least 0 and below the {rows} rows, one of which is padding. Received: {kept}")
        if width is not None and width < 1:
            raise ValueError(f"width is at least 1. Received: {width}")
        self.kept = kept
        self.width = width
        self.joint = joint

    def for_vocabularies(self, names: Iterable[str]) -> EmbeddingTable:
        if not isinstance(self.kept, dict):
            return self
        kept = sum(self.kept[name] for name in names)
        known: EmbeddingTable = type(self).from_config({**self.get_config(), "kept": kept})
        return known

    def joint_key(self, dim: int) -> str | None:
        if not self.joint or isinstance(self.kept, dict):
            return None
        width = min(self.width or dim, dim)  # a linear part has width 1 in all
        parts = [part and [type(part).__name__, part.get_config()] for part in (self.initializer, self.penalty)]
        return json.dumps([width, self.precision, self.dtype_policy.name, *parts], sort_keys=True)

    def joined(self, templates: Mapping[str, EmbeddingTable], rows: Mapping[str, int]) -> EmbeddingTable:
        kept = {}
        for name, template in templates.items():
            assert isinstance(template, PrunedTable)
            assert not isinstance(template.kept, dict)
            kept[name] = rows[name] - 1 if template.kept is None else template.kept
        table: EmbeddingTable = type(self).from_config({**self.get_config(), "kept": kept})
        return table

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the trained rows, the shared one among them."""
        rows, dim = self.size
        assert not isinstance(self.kept, dict), "a template by vocabulary has no size"
        kept = rows - 1 if self.kept is None else self.kept
        return kept + 1, min(self.width or dim, dim)  # a linear part asks the same template for width 1

    @property
    def keeps_all(self) -> bool:
        """Whether every id but the padding has a row, so that its row index is itself."""
        return self.shape[0] == self.size[0]

    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        return {"embeddings": self.shape}

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.embeddings = self.add_rows("embeddings", self.shape, self.initializer)
        if not self.keeps_all:
            ids = np.arange(self.size[0])
            self.bits, self.before = add_ranked_bits(self, "kept", (ids > 0) & (ids < self.shape[0]))

    def vectors(self, ids: Any) -> Any:
        _, dim = self.size
        row_indices = ids
        if not self.keeps_all:
            there, before = ranked(self.bits, self.before, ids)
            row_indices = ops.where(there, before + 1, 0)
        rows = self.take_rows(self.embeddings, row_indices)  # (..., width)
        rows = rows * ops.cast(ops.expand_dims(row_indices > 0, -1), rows.dtype)
        missing = dim - self.shape[1]
        return ops.pad(rows, [*[(0, 0)] * len(ids.shape), (0, missing)]) if missing else rows

    def keep(self, kept: np.ndarray, rows: np.ndarray | None = None) -> None:
        """Say which ids are kept, and what their rows are.

        Args:
            kept: bool ``(rows,)``, as many True as `kept`; the padding id is not.
            rows: ``(rows, at least width)``, of which the kept ones are taken; None leaves the rows as they are.

        Raises:
            ValueError: When another number of ids is kept, or the padding id is.
        """
        count, width = self.shape
        if kept[0] or int(kept.sum()) != count - 1:
            raise ValueError(f"this table keeps {count - 1} ids and not the padding. Received: {int(kept.sum())} ids")
        if not self.keeps_all:
            set_ranked_bits(self.bits, self.before, kept)
        if rows is not None:
            self.embeddings.assign(np.concatenate([np.zeros((1, width), rows.dtype), rows[kept][:, :width]]))

    def kept_ids(self) -> np.ndarray:
        """Return which ids have a row, bool ``(rows,)``."""
        rows = self.size[0]
        if self.keeps_all:
            return np.arange(rows) > 0
        return mask_of(self.bits, rows)

    def serving_bytes(self) -> int:
        """Bytes of the rows and of what says who has one; the table need not be built."""
        return self.bytes_of(self.size[0], *self.shape, self.precision)

    @staticmethod
    def bytes_of(ids: int, rows: int, width: int, precision: str | None = None) -> int:
        """Return the bytes of a table of `ids` ids, padding included, of `rows` rows, the shared one included."""
        return bytes_of_rows(rows, width, precision) + (0 if rows == ids else bytes_of(ids))

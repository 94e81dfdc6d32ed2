"""One row an id: the plain table."""

from __future__ import annotations

from typing import Any, ClassVar

import keras

from tfctr.layers.embedding._precision import precision_of_width
from tfctr.layers.embedding.table import EmbeddingTable


@keras.saving.register_keras_serializable(package="tfctr")
class FullTable(EmbeddingTable):
    """One trained row an id; see `EmbeddingTable` for the arguments.

    Example:
        >>> import numpy as np
        >>> table = FullTable(rows=5, dim=2)
        >>> print(table(np.array([[1, 0]])).shape)
        (1, 2, 2)
    """

    row_is_id: ClassVar[bool] = True

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.embeddings = self.add_rows("embeddings", self.size, self.initializer)

    def vectors(self, ids: Any) -> Any:
        return self.take_rows(self.embeddings, ids)


def plain_table(template: EmbeddingTable, rows: int, dim: int, name: str) -> FullTable:
    """Return a plain table with a template's settings, for a width at which its own kind has nothing to gain."""
    return FullTable(
        rows,
        dim,
        initializer=template.initializer,
        penalty=template.penalty,
        precision=precision_of_width(template.precision, dim),
        dtype=template.dtype_policy,
        name=name,
    )

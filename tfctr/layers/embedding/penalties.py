"""Regularisation of embedding rows, in ways whose cost does not grow with the vocabulary, and one that does."""

from __future__ import annotations

from typing import Any, Protocol

import keras
from keras import ops

from tfctr.layers._base import ConfigFromInit


class _PenalisedTable(Protocol):
    """What a penalty sees of an `EmbeddingTable`; the tables import this module, not the other way round."""

    counts: Any

    def parameters(self) -> tuple[Any, ...]: ...


class RowPenalty(ConfigFromInit):
    """Protocol of a penalty on a table: called once a step with the ids and vectors looked up.

    Attributes:
        needs_counts: Whether the table must carry each row's training count.
    """

    needs_counts = False

    def __call__(self, table: _PenalisedTable, ids: Any, vectors: Any) -> Any:
        """Return a scalar to add to the loss."""
        raise NotImplementedError


class _Root:
    """Ends the chain of ``get_config`` for classes that are not Keras layers."""

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)


@keras.saving.register_keras_serializable(package="tfctr")
class BatchL2(RowPenalty, _Root):
    """Penalise the rows a batch looks up: ``coefficient/2 · Σ‖row‖² / batch``, a row as often as it occurs.

    Frequent rows feel it in proportion to their use, rows outside the batch not at all, and the cost is that
    of the look-up. This is the default meaning of `embedding_l2` in models.

    Args:
        coefficient: Strength, at least 0.
    """

    def __init__(self, coefficient: float):
        self.coefficient = coefficient

    def __call__(self, table: _PenalisedTable, ids: Any, vectors: Any) -> Any:
        squares = ops.sum(ops.square(ops.cast(vectors, "float32")))
        rows = ops.cast(ops.maximum(ops.shape(ids)[0], 1), "float32")
        return 0.5 * self.coefficient * squares / rows


@keras.saving.register_keras_serializable(package="tfctr")
class TableL2(RowPenalty, _Root):
    """Penalise the whole table every step: ``coefficient/2 · Σ‖row‖²``, as published benchmarks did.

    The gradient is dense: a step costs as much as the vocabulary is long. For comparisons only.

    Args:
        coefficient: Strength, at least 0.
    """

    def __init__(self, coefficient: float):
        self.coefficient = coefficient

    def __call__(self, table: _PenalisedTable, ids: Any, vectors: Any) -> Any:
        squares = [ops.sum(ops.square(ops.cast(weight, "float32"))) for weight in table.parameters()]
        return 0.5 * self.coefficient * sum(squares)

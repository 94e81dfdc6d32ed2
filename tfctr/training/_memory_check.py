"""Whether a model that fits into memory can be trained in it, too, and kept by its weights."""

from __future__ import annotations

from typing import Any

import keras

from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import EmbeddingTable, FeatureEmbedding, TooLargeError, estimate_memory
from tfctr.layers.embedding.memory import SLOTS, explain_too_large, free_memory
from tfctr.training.optimizers import name_of, rule_of

_OTHERS = 2
"""Numbers that an optimizer of another class is taken to keep for each weight: as many as Adam."""


def refuse_untrainable(model: keras.Model, optimizer: Any, limit: int | None = None) -> None:
    """Raise when the slots and gradients of a model's tables would not fit; call before the slots are made.

    Args:
        model: Model, built or not. The weights of one that is not built yet are counted, too.
        optimizer: Keras optimizer; nothing is asked of one that has its slots already.
        limit: Bytes there are; `free_memory` when None.

    Raises:
        TooLargeError: With the estimate and what would fit.
    """
    if optimizer.built:
        return
    embeddings = _embeddings(model)
    tables = _tables(embeddings)
    if not tables:
        return
    ids = max(embedding.ids_per_row for embedding in embeddings)
    slots = SLOTS.get(name_of(optimizer) or "", _OTHERS)
    sums = 1 if getattr(rule_of(optimizer), "gradient_accumulation_steps", None) else 0
    estimate = estimate_memory(tables, slots=slots + sums, ids=ids)
    limit = free_memory() if limit is None else limit
    taken = estimate.weights if model.built else 0
    if estimate.total - taken > limit:
        raise TooLargeError(explain_too_large(tables, estimate, limit + taken, type(optimizer).__name__))


def refuse_external_rows(model: keras.Model) -> None:
    """Raise when a built model has rows outside its weights: checkpoints and the best epoch would miss them.

    Raises:
        ValueError: Saying what to do.
    """
    outside = [table for table in _tables(_embeddings(model)) if table.has_external_rows]
    if outside:
        raise ValueError(
            f"fit keeps and resumes a model by its weights, and the rows of a {type(outside[0]).__name__} lie outside "
            "them here (on a SparseCore); give it placement='default_device', or train with Keras' own model.fit"
        )


def _embeddings(model: keras.Model) -> list[FeatureEmbedding]:
    return layers_of(model, FeatureEmbedding)


def _tables(embeddings: list[FeatureEmbedding]) -> list[EmbeddingTable]:
    return [lookup.fused_table for embedding in embeddings for lookup in embedding.lookups]

"""The base of training steps that a plan writes."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfctr.data.batches import BatchPlan
from tfctr.models import CTRModel


class Step:
    """One step of training: what is done with a training batch and, where there is a second plan, a search batch.

    A subclass overrides `__call__`, `extra_loss`, or both. It runs inside the graph of the step. Whatever lasts from
    step to step is in `variables`: `fit` writes it to the checkpoint, and a run that was killed goes on with it.

    Args:
        search: Where search batches come from: validation rows that an architecture learns from. They run beside the
            training batches; each epoch begins with the search plan's batches of that epoch, again and again if they
            are fewer. None hands the step training batches alone.
        hold: Steps in a row that are handed the same search batch, for a step that looks at one now and then. It is
            read once.
    """

    def __init__(self, search: BatchPlan | None = None, hold: int = 1):
        self.search, self.hold = search, hold

    def build(self, model: CTRModel) -> None:
        """Make what lasts from step to step; asked once, before a checkpoint is read. The model is built."""

    @property
    def variables(self) -> list[Any]:
        """All that lasts from step to step and does not belong to the model."""
        return []

    def settings(self) -> dict[str, Any]:
        """Return what decides the result, plain enough for JSON: a checkpoint of other settings is refused."""
        return {}

    def extra_loss(self, features: Any, labels: Any, weights: Any, logits: Any) -> Any:
        """See `CTRModel.extra_loss`; None for none."""
        return None

    def __call__(self, model: Any, batch: Any, search_batch: Any = None) -> dict[str, Any]:
        """Train on a batch and return the figures of the step, as Keras' `train_step` does.

        Args:
            model: The model; ``model.plain_step(batch)`` is Keras' own step.
            batch: ``(features, labels[, weights])``.
            search_batch: The same of the second plan, None without one.
        """
        logs: dict[str, Any] = model.plain_step(batch)
        return logs

    def batches(self, train: tf.data.Dataset, search: BatchPlan | None, epoch: int, first_step: int) -> tf.data.Dataset:
        """Return the elements of an epoch, each a tuple of batches.

        Args:
            train: The training batches, from `first_step` on.
            search: `search` of the step, without the negatives that training leaves out.
            epoch: From 0.
            first_step: From 0.

        Raises:
            ValueError: When the second plan has no batch.
        """
        if search is None:
            return train.map(lambda *batch: (batch,))
        if not search.steps_per_epoch:
            raise ValueError("the search plan has no batch: its rows are fewer than a batch, or there are none")
        first, within = divmod(first_step, self.hold)
        started = search.epoch(epoch, first % search.steps_per_epoch).concatenate(search.epoch(epoch).repeat())
        held = started.flat_map(lambda *batch: tf.data.Dataset.from_tensors(batch).repeat(self.hold))
        return tf.data.Dataset.zip(train, (held if self.hold > 1 else started).skip(within))

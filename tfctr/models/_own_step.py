"""A training step other than Keras' own, and a loss that sees the labels."""

from __future__ import annotations

from typing import Any, Protocol

import keras


class TrainingStep(Protocol):
    """What `fit` puts in place of Keras' training step; see `tfctr.training.steps`."""

    def __call__(self, model: Any, *batches: Any) -> dict[str, Any]: ...

    def extra_loss(self, features: Any, labels: Any, weights: Any, logits: Any) -> Any: ...


class _Forward:
    """What one pass hands to the loss. No attribute of the model: Keras would track it, and save what is in it."""

    step: TrainingStep | None = None
    logits: Any = None


class OwnStep(keras.Model):
    """A Keras model whose loss may look at labels and logits, and whose step a plan may take over."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self._forward = _Forward()

    def extra_loss(self, features: Any, labels: Any, weights: Any, logits: Any) -> Any:
        """Return a loss beside those of the tasks, a scalar in training and never served; None for none.

        A loss that needs the features alone is a layer's `add_loss`. This one is asked with what the step has:

        Args:
            features: The batch, as `call` takes it.
            labels: float32 ``(batch, 1)``, a dict of them for several tasks.
            weights: As `labels`, or None.
            logits: What `logits` returned.
        """
        step = self._forward.step
        return None if step is None else step.extra_loss(features, labels, weights, logits)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the loss as Keras does, in training with `extra_loss`."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training=training)
        logits, self._forward.logits = self._forward.logits, None
        if not training or logits is None:
            return loss
        extra = self.extra_loss(x, y, sample_weight, logits)
        return loss if extra is None else loss + keras.ops.cast(extra, loss.dtype)

    def take_step(self, step: TrainingStep | None) -> None:
        """Train by another step from now on, None for Keras' own; what was traced before is forgotten."""
        if step is self._forward.step:
            return
        self._forward.step = step
        self.train_function = None

    def train_step(self, *args: Any) -> Any:
        """One step on a batch, by the step that `take_step` was given, else as Keras does."""
        if self._forward.step is None:
            return super().train_step(*args)
        (batches,) = args
        return self._forward.step(self, *batches)

    def plain_step(self, batch: Any) -> dict[str, Any]:
        """One step as Keras makes it, with TensorFlow: gradients of the loss to the optimizer."""
        logs: dict[str, Any] = super().train_step(batch)
        return logs

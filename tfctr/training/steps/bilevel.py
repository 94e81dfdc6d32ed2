"""Weights learn from training rows, an architecture from search rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from tfctr.data.batches import BatchPlan
from tfctr.training.steps._derivatives import displaced, gradients_of, norm_of
from tfctr.training.steps.step import Step

PROBE = 0.01
"""How far the weights are moved for a finite difference, as a length: that of the released code of DARTS."""


class BilevelStep(Step):
    """Each step moves the architecture by the loss of a search batch, then the weights by that of a training batch.

    With ``order=1`` the architecture's gradient is that of the search loss at the weights as they are. With ``order=2``
    it takes into account that the weights follow: it is the gradient of ``L_search(w - ξ ∇L_train(w, a), a)``, whose
    second part ``-ξ ∂²L_train/∂a∂w · v`` is a finite difference of two gradients along ``v``, the gradient of the
    search loss at the moved weights. No graph is differentiated twice; a step costs about three more.

    The architecture's weights are not trainable for Keras, so that the model's own optimizer leaves them alone.

    Args:
        search: Batches that the architecture learns from: other rows than the training batches.
        architecture: Model -> its architecture weights.
        optimizer: Optimizer of these; bounds are constraints of the weights themselves.
        order: 1 or 2, see above.
        inner_rate: ξ; None takes the learning rate of the model's optimizer.
        transform: What is done to the first-order gradients before the second part is added: ``(gradients,
            architecture weights) -> gradients``, such as a normalisation or a penalty.
        settings: What decides `architecture` and `transform`, for the checkpoint's fingerprint.

    Reference: Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, arXiv 1806.09055, equations
    7 and 8.

    Raises:
        ValueError: When `order` is neither 1 nor 2.
    """

    def __init__(
        self,
        search: BatchPlan,
        architecture: Callable[[Any], Sequence[Any]],
        optimizer: keras.optimizers.Optimizer,
        *,
        order: Literal[1, 2] = 1,
        inner_rate: float | None = None,
        transform: Callable[[list[Any], Sequence[Any]], list[Any]] | None = None,
        settings: dict[str, Any] | None = None,
    ):
        super().__init__(search)
        if order not in (1, 2):
            raise ValueError(f"order is 1 or 2. Received: {order}")
        self.architecture, self.optimizer = architecture, optimizer
        self.order, self.inner_rate, self.transform = order, inner_rate, transform
        self._settings = dict(settings or {})
        self._weights: Sequence[Any] = ()

    def build(self, model: Any) -> None:
        self._weights = list(self.architecture(model))
        self.optimizer.build(self._weights)

    @property
    def variables(self) -> list[Any]:
        return list(self.optimizer.variables)

    def settings(self) -> dict[str, Any]:
        optimizer = {**keras.optimizers.serialize(self.optimizer)["config"], "name": type(self.optimizer).__name__}
        return {"order": self.order, "inner_rate": self.inner_rate, "optimizer": optimizer, **self._settings}

    def __call__(self, model: Any, batch: Any, search_batch: Any = None) -> dict[str, Any]:
        """Move the architecture, then the weights; the figures have the search loss as ``search_loss``."""
        loss, gradients = self.hypergradients(model, batch, search_batch)
        self.optimizer.apply(gradients, self._weights)
        return {**model.plain_step(batch), "search_loss": loss}

    def hypergradients(self, model: Any, batch: Any, search_batch: Any) -> tuple[Any, list[Any]]:
        """Return the search loss and the gradients that the architecture is moved by."""
        transform = self.transform or (lambda gradients, _: gradients)
        if self.order == 1:
            loss, gradients = gradients_of(model, search_batch, self._weights)
            return loss, transform(self._dense(gradients), self._weights)
        weights, number = model.trainable_variables, len(self._weights)
        rate = model.optimizer.learning_rate if self.inner_rate is None else self.inner_rate
        _, down = gradients_of(model, batch, weights)
        with displaced(weights, down, -rate):
            loss, both = gradients_of(model, search_batch, [*self._weights, *weights])
        direct, along = self._dense(both[:number]), both[number:]
        reach = PROBE / tf.maximum(norm_of(along), 1e-12)
        with displaced(weights, along, reach):
            _, above = gradients_of(model, batch, self._weights)
        with displaced(weights, along, -reach):
            _, below = gradients_of(model, batch, self._weights)
        pairs = zip(self._dense(above), self._dense(below), strict=True)
        second = [-rate * (high - low) / (2 * reach) for high, low in pairs]
        return loss, [first + bent for first, bent in zip(transform(direct, self._weights), second, strict=True)]

    def _dense(self, gradients: Sequence[Any]) -> list[Any]:
        """Gradients as tensors of the architecture weights' shapes, zeros where a weight has no part in the loss."""
        return [
            tf.zeros(weight.shape) if gradient is None else tf.convert_to_tensor(gradient)
            for gradient, weight in zip(gradients, self._weights, strict=True)
        ]

"""The user's interest with respect to one candidate: DIN's target attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.sequence.local_activation_unit import LocalActivationUnit


@keras.saving.register_keras_serializable(package="tfctr")
class DINAttention(KernelLayer):
    """Sum the events of a sequence, each weighted by its relevance for the candidate.

    ``v(q) = sum_j m_j a_j k_j`` with scores ``a_j`` of a `LocalActivationUnit` and mask ``m_j``. The scores are
    deliberately not normalised: a history full of matches gives a longer vector than one match among many.
    Events count as a set; a row without events gives zeros, also with `softmax`.

    Input shape: target ``(batch, dim)``, sequence ``(batch, length, dim)``, mask bool ``(batch, length)``, True = keep.
    Output shape: ``(batch, dim)``.

    Args:
        hidden_units: Widths of the scorer's hidden layers; empty makes it linear.
        activation: Of the scorer: `dice`, `prelu`, or the name of a Keras activation.
        softmax: Whether scores become weights that add up to 1 over the kept events, as both published code
            bases of the authors do and the paper does not.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Reference: G. Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018,
    arXiv 1706.06978, Eq. 3.
    """

    def __init__(
        self,
        hidden_units: Sequence[int] = (80, 40),
        *,
        activation: str = "dice",
        softmax: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = tuple(hidden_units)
        self.activation = activation
        self.softmax = softmax

    def build(self, target_shape: Shape, sequence_shape: Shape) -> None:
        self._unit = LocalActivationUnit(self.hidden_units, activation=self.activation, **self.part("unit"))
        self._unit.build(target_shape, sequence_shape)

    def call(
        self,
        target: Tensor,
        sequence: Tensor,
        mask: Tensor | None = None,
        times: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        """Return the interest ``(batch, dim)`` of target ``(batch, dim)`` in sequence ``(batch, length, dim)``.

        The mask is bool ``(batch, length)``, None for all positions; times are ignored.
        """
        weights = self.weights_of_events(target, sequence, mask, training=training)  # (batch, length)
        events = ops.cast(sequence, "float32")
        if mask is not None:
            events = ops.where(ops.expand_dims(mask, -1), events, 0.0)
        interest = ops.sum(ops.expand_dims(weights, -1) * events, axis=1)  # (batch, dim)
        return ops.cast(interest, self.compute_dtype)

    def weights_of_events(
        self, target: Tensor, sequence: Tensor, mask: Tensor | None = None, training: bool | None = None
    ) -> Tensor:
        """Return the weight of every event, float32 ``(batch, length)``, 0 where the mask is False."""
        scores = self._unit(target, sequence, mask=mask, training=training)  # (batch, length)
        if not self.softmax:
            return scores
        if mask is None:
            return ops.softmax(scores, axis=-1)
        # Masked before the softmax; and after it, because a row without events would share the weight out evenly.
        weights = ops.softmax(ops.where(mask, scores, -1e9), axis=-1)
        return ops.where(mask, weights, 0.0)

    def compute_output_spec(
        self,
        target: Tensor,
        sequence: Tensor,
        mask: Tensor | None = None,
        times: Tensor | None = None,
        training: bool | None = None,
    ) -> keras.KerasTensor:
        return keras.KerasTensor((sequence.shape[0], sequence.shape[-1]), dtype=self.compute_dtype)

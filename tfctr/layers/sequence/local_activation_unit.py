"""The scorer of DIN: how much one past behaviour matters for this candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.towers._activation import make_activation
from tfctr.layers.towers.dice import Dice
from tfctr.layers.towers.mlp import MLP


@keras.saving.register_keras_serializable(package="tfctr")
class LocalActivationUnit(KernelLayer):
    """Score every event of a sequence against the candidate by a small MLP; scores have any sign and sum.

    ``a_j = MLP([q ; k_j ; q − k_j ; q ∘ k_j])`` with candidate ``q`` and event ``k_j``. The four blocks are never
    put side by side: ``W x_j = (W_q + W_−) q + (W_k − W_−) k_j + W_∘ (q ∘ k_j)`` is the same and takes half the work,
    because the candidate's part is computed once a row and the difference costs nothing.

    The paper speaks of an "out product" of the two embeddings; all public code has these four blocks.

    Input shape: target ``(batch, dim)``, sequence ``(batch, length, dim)``, mask bool ``(batch, length)``, True = keep.
    Output shape: float32 ``(batch, length)``, 0 where the mask is False.

    Args:
        hidden_units: Widths of the hidden layers; empty makes the scorer linear.
        activation: `dice` (over kept positions only), `prelu`, or the name of a Keras activation.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When target and sequence differ in width (at build).

    Reference: G. Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018,
    arXiv 1706.06978, section 4.3 and figure 2.
    """

    def __init__(
        self,
        hidden_units: Sequence[int] = (80, 40),
        *,
        activation: str = "dice",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = tuple(hidden_units)
        self.activation = activation

    def build(self, target_shape: Shape, sequence_shape: Shape) -> None:
        dim = target_shape[-1]
        if sequence_shape[-1] != dim:
            raise ValueError(
                "target and sequence must have one width. "
                f"Received: target {tuple(target_shape)}, sequence {tuple(sequence_shape)}"
            )
        units = self.hidden_units[0] if self.hidden_units else 1
        self._kernel = self.add_kernel("kernel", (4 * dim, units))
        self._bias = self.add_bias("bias", (units,))
        self._activation: keras.layers.Layer | None = None
        self._mlp: MLP | None = None
        if self.hidden_units:
            self._activation = make_activation(self.activation, rank=3, dtype=self.dtype_policy)
            self._activation.build((None, None, units))
            self._mlp = MLP(
                self.hidden_units[1:],
                output_units=1,
                activation=self.activation,
                **self.part("mlp"),
            )
            self._mlp.build((None, None, units))

    def call(
        self, target: Tensor, sequence: Tensor, mask: Tensor | None = None, training: bool | None = None
    ) -> Tensor:
        """Return scores ``(batch, length)`` of sequence ``(batch, length, dim)`` for target ``(batch, dim)``.

        The mask is bool ``(batch, length)``, None for all positions.
        """
        if mask is not None:
            # What stands at padded positions is nobody's business: it could even be NaN.
            sequence = ops.where(ops.expand_dims(mask, -1), sequence, ops.zeros_like(sequence))
        scores = self._first_layer(target, sequence)  # (batch, length, units)
        if self._activation is not None and self._mlp is not None:
            masked = {"mask": mask, "training": training} if isinstance(self._activation, Dice) else {}
            scores = self._mlp(self._activation(scores, **masked), mask=mask, training=training)  # (batch, length, 1)
        scores = ops.cast(ops.squeeze(scores, axis=-1), "float32")  # (batch, length)
        return scores if mask is None else ops.where(mask, scores, 0.0)

    def _first_layer(self, target: Tensor, sequence: Tensor) -> Tensor:
        """``W [q ; k ; q − k ; q ∘ k] + b`` by the algebraic split, ``(batch, length, units)``."""
        query, key, difference, product = ops.split(self._kernel, 4, axis=0)  # (dim, units) each
        of_target = ops.expand_dims(ops.matmul(target, query + difference) + self._bias, 1)  # (batch, 1, units)
        of_event = ops.matmul(sequence, key - difference)  # (batch, length, units)
        return of_target + of_event + ops.matmul(ops.expand_dims(target, 1) * sequence, product)

    def compute_output_spec(
        self, target: Tensor, sequence: Tensor, mask: Tensor | None = None, training: bool | None = None
    ) -> keras.KerasTensor:
        return keras.KerasTensor(sequence.shape[:2], dtype="float32")

"""The stream-specific feature selection of FinalMLP."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.towers.mlp import MLP


@keras.saving.register_keras_serializable(package="tfctr")
class FeatureGate(KernelLayer):
    """Weight every coordinate of the input by a soft gate that a context decides.

    ``h = 2 · sigmoid(Gate(c)) ∘ x``: the gate lies in (0, 2) and is neutral at 1. ``Gate`` is an MLP with ReLU and
    a linear last layer as wide as the flattened input; ``c`` is a learned constant vector or an input.

    A learned context that starts at zero is dead for ever: with zero biases every hidden unit is exactly 0, where
    ReLU has gradient 0, so only the last bias could train. It therefore starts as small noise here;
    ``context_initializer="zeros"`` reproduces the public code.

    Input shape: inputs ``(batch, fields, dim)`` or ``(batch, width)``; context ``(batch, any)`` when it is an input.
    Output shape: that of the inputs.

    Args:
        hidden_units: Widths of the hidden layers, at least one.
        context: `learned` (one constant for all rows, computed once a batch) or `input` (second argument of the call).
        context_dim: Width of the learned context; None takes the last axis of the inputs.
        context_initializer: Keras initializer, or `noise` for a normal of deviation 0.05.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `context` is unknown, or a context is given to or missing from the call against it.

    Example:
        >>> import numpy as np
        >>> print(FeatureGate((8,))(np.ones((2, 3, 4))).shape)
        (2, 3, 4)

    Reference: K. Mao et al., "FinalMLP: An Enhanced Two-Stream MLP Model for CTR Prediction", AAAI 2023,
    arXiv 2304.00902, Eq. 5-6.
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        *,
        context: Literal["learned", "input"] = "learned",
        context_dim: int | None = None,
        context_initializer: Any = "noise",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if context not in ("learned", "input"):
            raise ValueError(f"FeatureGate: context is 'learned' or 'input'. Received: context={context!r}")
        self.hidden_units = tuple(hidden_units)
        self.context = context
        self.context_dim = context_dim
        noise = context_initializer == "noise"
        self.context_initializer = "noise" if noise else keras.initializers.get(context_initializer)

    def build(self, inputs_shape: Shape, context_shape: Shape | None = None) -> None:
        if self.context == "learned":
            shape = (1, self.context_dim or inputs_shape[-1])
            self._constant = self.add_weight(name="context", shape=shape, initializer=self._initializer())
            context_shape = shape
        elif context_shape is None:
            raise ValueError("FeatureGate(context='input') is called with a context: gate(inputs, context)")
        width = math.prod(inputs_shape[1:])
        self._gate = MLP(self.hidden_units, output_units=width, **self.part("gate"))
        self._gate.build(context_shape)

    def _initializer(self) -> Any:
        if self.context_initializer == "noise":
            return keras.initializers.RandomNormal(stddev=0.05)
        return self.context_initializer

    def call(self, inputs: Tensor, context: Tensor | None = None) -> Tensor:
        """Gate inputs ``(batch, fields, dim)`` or ``(batch, width)`` by a context ``(batch, any)``; the shape stays."""
        return inputs * self.gate(inputs, context)

    def gate(self, inputs: Tensor, context: Tensor | None = None) -> Tensor:
        """Return the gate itself, in (0, 2): the inputs' shape, with a batch axis of 1 when the context is learned."""
        if (self.context == "learned") != (context is None):
            wanted = "no context" if self.context == "learned" else "a context"
            raise ValueError(f"FeatureGate(context={self.context!r}) takes {wanted} in its call")
        logits = self._gate(ops.convert_to_tensor(self._constant) if context is None else context)
        # logits are (batch, fields · dim), or (1, fields · dim) of a learned context
        return ops.reshape(2.0 * ops.sigmoid(logits), (-1, *inputs.shape[1:]))

    def compute_output_shape(self, inputs_shape: Shape, context_shape: Shape | None = None) -> Shape:
        return inputs_shape

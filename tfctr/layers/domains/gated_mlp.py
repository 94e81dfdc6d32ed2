"""A tower whose every layer is gated by what is known of the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.interaction import FeatureGate
from tfctr.layers.towers import MLP


@keras.saving.register_keras_serializable(package="tfctr")
class GatedMLP(KernelLayer):
    """``H ← f((gate_l(context) ∘ H) · W_l + b_l)`` with ``gate = 2 · sigmoid(relu(c · W + b) · W' + b')``.

    A gate of 1 leaves a unit alone, of 0 takes it out, of 2 doubles it: one tower for all is another one for each
    user. The paper gates what goes into a layer, the last linear map included. Third-party code gates what comes out
    of a hidden layer; ``gated="output"`` does that.

    Input shape: inputs ``(batch, width)``, context ``(batch, any)``.
    Output shape: ``(batch, output_units)``, or the last hidden width when `output_units` is None.

    Args:
        hidden_units: Widths of the hidden layers; may be empty when `output_units` is given.
        output_units: Width of a last linear map without activation; None ends with the last hidden layer.
        gate_units: Hidden width of the gates; None takes the width of what is gated.
        gated: `input` or `output` of the layers.
        batch_norm: Whether each hidden layer normalises before its activation; gates never do.
        dropout_rate: Share of hidden units dropped in training, in [0, 1).
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When `gated` is unknown, there is no layer, or a width is below 1 (at build).

    Example:
        >>> import numpy as np
        >>> print(GatedMLP((8,), output_units=1)(np.ones((3, 6)), np.ones((3, 4))).shape)
        (3, 1)

    Reference: J. Chang et al., "PEPNet: Parameter and Embedding Personalized Network for Infusing with Personalized
    Prior Information", KDD 2023, arXiv 2302.01115: Gate NU and PPNet.
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        *,
        output_units: int | None = None,
        gate_units: int | None = None,
        gated: Literal["input", "output"] = "input",
        batch_norm: bool = False,
        dropout_rate: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = tuple(hidden_units)
        if gated not in ("input", "output"):
            raise ValueError(f"GatedMLP: gated is 'input' or 'output'. Received: gated={gated!r}")
        if not self.hidden_units and output_units is None:
            raise ValueError("GatedMLP needs at least one layer. Received: hidden_units=(), output_units=None")
        self.output_units = output_units
        self.gate_units = gate_units
        self.gated = gated
        self.batch_norm = batch_norm
        self.dropout_rate = dropout_rate

    def build(self, inputs_shape: Shape, context_shape: Shape) -> None:
        batch, width = inputs_shape
        self._layers_of_tower: list[MLP] = []
        self._gates: list[FeatureGate | None] = []
        for index, units in enumerate([*self.hidden_units, *([self.output_units] if self.output_units else [])]):
            hidden = index < len(self.hidden_units)
            layer = MLP(
                (units,) if hidden else (),
                output_units=None if hidden else units,
                batch_norm=self.batch_norm,
                dropout_rate=self.dropout_rate,
                **self.part(f"layer_{index}"),
            )
            layer.build((batch, width))
            of_gate = width if self.gated == "input" else units
            is_gated = hidden or self.gated == "input"
            self._layers_of_tower.append(layer)
            self._gates.append(self._gate(index, (batch, of_gate), context_shape) if is_gated else None)
            width = units

    def _gate(self, index: int, shape: Shape, context_shape: Shape) -> FeatureGate:
        gate = FeatureGate((self.gate_units or shape[1],), context="input", **self.part(f"gate_{index}"))
        gate.build(shape, context_shape)
        return gate

    def call(self, inputs: Tensor, context: Tensor, training: bool | None = None) -> Tensor:
        """Map inputs ``(batch, width)`` with context ``(batch, any)`` to ``(batch, units)``."""
        outputs = inputs
        for layer, gate in zip(self._layers_of_tower, self._gates, strict=True):
            if gate is not None and self.gated == "input":
                outputs = gate(outputs, context)
            outputs = layer(outputs, training=training)
            if gate is not None and self.gated == "output":
                outputs = gate(outputs, context)
        return outputs

    def compute_output_shape(self, inputs_shape: Shape, context_shape: Shape) -> Shape:
        return (inputs_shape[0], self.output_units or self.hidden_units[-1])

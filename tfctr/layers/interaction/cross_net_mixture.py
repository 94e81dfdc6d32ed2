"""The low-rank cross network of DCN-V2: a mixture of experts in subspaces."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer, clone_initializer
from tfctr.layers.interaction.flatten import flatten_fields


@keras.saving.register_keras_serializable(package="tfctr")
class CrossNetMixture(KernelLayer):
    """Crosses through K low-rank experts a layer, each weighted by a gate that sees the layer's input.

    ``x_{l+1} = sum_k G_k(x_l) · x_0 ∘ (U_k g(C_k g(V_kᵀ x_l)) + b_l) + x_l`` with ``V_k, U_k`` of D × r, ``C_k`` of
    r × r, ``g`` = tanh and ``G`` the softmax over K linear gates without bias.
    Weights a layer: ``K · (2·D·r + r²) + D``; gates: ``K · D`` a layer, or once when shared.

    Deviation from the public code: gates are a layer's own (`share_gates` brings back the common ones), and
    a batch of one row keeps its axis.

    Input shape: ``(batch, fields, dim)``, flattened inside, or ``(batch, width)``.
    Output shape: ``(batch, width)``, width being ``fields · dim``.

    Args:
        num_layers: Cross layers, at least 1.
        rank: Width r of the subspaces, at least 1.
        num_experts: Experts K of a layer, at least 1.
        share_gates: Whether all layers use the gates of the first.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When a count is below 1.

    Example:
        >>> import numpy as np
        >>> print(CrossNetMixture(2, rank=4, num_experts=3)(np.ones((1, 2, 5))).shape)
        (1, 10)

    Reference: R. Wang et al., "DCN V2: Improved Deep & Cross Network", WWW 2021, arXiv 2008.13535, Eq. 4-6.
    """

    def __init__(
        self,
        num_layers: int,
        *,
        rank: int = 32,
        num_experts: int = 4,
        share_gates: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("num_layers", num_layers), ("rank", rank), ("num_experts", num_experts)):
            if value < 1:
                raise ValueError(f"CrossNetMixture needs {name} of at least 1. Received: {name}={value}")
        self.num_layers = num_layers
        self.rank = rank
        self.num_experts = num_experts
        self.share_gates = share_gates

    def build(self, inputs_shape: Shape) -> None:
        width = math.prod(inputs_shape[1:])
        layers = range(self.num_layers)
        experts, rank = self.num_experts, self.rank
        self._down = [self._kernels(f"down_{i}", (experts, width, rank)) for i in layers]
        self._core = [self._kernels(f"core_{i}", (experts, rank, rank)) for i in layers]
        self._up = [self._kernels(f"up_{i}", (experts, rank, width)) for i in layers]
        self._bias = [self.add_bias(f"bias_{i}", (width,)) for i in layers]
        gates = 1 if self.share_gates else self.num_layers
        self._gate = [self.add_kernel(f"gate_{i}", (width, experts)) for i in range(gates)]

    def _kernels(self, name: str, shape: tuple[int, int, int]) -> keras.Variable:
        """One kernel an expert, each drawn as the matrix it is: as one tensor, experts would count into the fan."""

        def initializer(shape: Shape, dtype: Any = None) -> Tensor:
            draws = (clone_initializer(self.kernel_initializer, f"{name}_{expert}") for expert in range(shape[0]))
            return ops.stack([draw(shape[1:], dtype=dtype) for draw in draws])

        return self.add_kernel(name, shape, initializer)

    def call(self, inputs: Tensor) -> Tensor:
        """Cross inputs ``(batch, fields, dim)`` or ``(batch, width)`` with themselves: ``(batch, width)``."""
        first = flatten_fields(inputs)  # (batch, width)
        crossed = first
        for index in range(self.num_layers):
            crossed = self._cross(first, crossed, index) + crossed  # (batch, width)
        return crossed

    def _cross(self, first: Tensor, crossed: Tensor, index: int) -> Tensor:
        """One mixed cross, ``(batch, width)``, without the residual."""
        hidden = ops.tanh(ops.einsum("bw,kwr->bkr", crossed, self._down[index]))  # (batch, experts, rank)
        hidden = ops.tanh(ops.einsum("bkr,krs->bks", hidden, self._core[index]))  # (batch, experts, rank)
        gate = self._gate[0 if self.share_gates else index]
        weights = ops.softmax(ops.cast(ops.matmul(crossed, gate), "float32"), axis=-1)  # (batch, experts)
        mixed = hidden * ops.expand_dims(ops.cast(weights, hidden.dtype), axis=-1)  # (batch, experts, rank)
        # The gates add up to 1, so the common bias passes the mixture unchanged.
        return first * (ops.einsum("bkr,krw->bw", mixed, self._up[index]) + self._bias[index])

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return (inputs_shape[0], math.prod(inputs_shape[1:]))

"""A tower a group, at the cost of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import clone_initializer
from tfctr.layers.domains._by_group import UNKNOWN, AroundOne, ByGroup, EqualGroups
from tfctr.layers.domains._row_blocks import (
    from_blocks,
    row_blocks,
    sizes_are_free,
    sorted_parts,
    take_groups,
    to_blocks,
)

MOST_PARTS = 16
"""Groups that a graph may have a branch for each of; more go in blocks."""


@keras.saving.register_keras_serializable(package="tfctr")
class GroupTowers(ByGroup):
    """Send each row through the tower of its group: ``h ← f(h · (W_S ∘ W_k) + b_S + b_k)`` in every layer.

    ``W_S``, ``b_S`` are shared by all groups, ``W_k``, ``b_k`` belong to group k; ∘ multiplies element by element.
    ``W_k`` starts at 1 and ``b_k`` at 0, so that all towers begin as the shared one; third-party code draws both
    factors as it draws plain weights, which makes their product very small. A kernel regularizer holds ``W_k`` near 1.
    Without `product` there are ``W_k`` and ``b_k`` alone, alike for all groups at first.

    Rows of a group are put together and meet the weights of their group alone, so that an answer costs about what that
    of one tower does. A graph of TensorFlow has a branch for each of few groups, and for many it has blocks of rows, as
    large as the batch asks for. JAX and XLA want sizes that do not depend on the rows: there blocks have more padding.
    What grows with the number of groups in a batch is the reading of their weights. With one group it is an MLP.

    Input shape: inputs ``(batch, width)``, groups int ``(batch,)`` in ``[0, groups)``.
    Output shape: ``(batch, output_units)``, or the last hidden width when `output_units` is None.

    Args:
        groups: Groups, at least 1.
        hidden_units: Widths of the hidden layers; may be empty when `output_units` is given.
        output_units: Width of a last linear map without activation; None ends with the last hidden layer.
        activation: Name of a Keras activation.
        dropout_rate: Share of hidden units dropped in training, in [0, 1).
        product: Whether weights are the product of shared and own ones.
        unknown: Whether group 0 has no weights of its own and goes through the shared ones alone.
        vocabulary: See `ByGroup`.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When there is no group or no layer, a width is below 1, or `unknown` stands without `product`.

    Example:
        >>> import numpy as np
        >>> towers = GroupTowers(3, (8,), output_units=1)
        >>> towers(np.ones((4, 5)), np.array([0, 2, 2, 1])).shape[1], towers.count_params()  # 4 · (5 · 8 + 8 + 8 + 1)
        (1, 228)

    Reference: X. Sheng et al., "One Model to Serve All: Star Topology Adaptive Recommender for Multi-Domain CTR
    Prediction", CIKM 2021, arXiv 2101.11427; J. Li et al., "AdaptDHM", arXiv 2211.12105.
    """

    def __init__(
        self,
        groups: int,
        hidden_units: Sequence[int],
        *,
        output_units: int | None = None,
        activation: str = "relu",
        dropout_rate: float = 0.0,
        product: bool = True,
        unknown: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(groups, **kwargs)
        self.hidden_units = tuple(hidden_units)
        widths = self.hidden_units if output_units is None else (*self.hidden_units, output_units)
        if not widths or min(widths) < 1:
            raise ValueError(
                "GroupTowers needs at least one layer and widths of at least 1. "
                f"Received: hidden_units={self.hidden_units}, output_units={output_units}"
            )
        if unknown and not product:
            raise ValueError("GroupTowers: without shared weights (product=False) there are none for unknown rows")
        self.output_units = output_units
        self.activation = activation
        self.dropout_rate = dropout_rate
        self.product = product
        self.unknown = unknown
        self._widths = widths
        self._activate = keras.activations.get(activation)

    def build(self, inputs_shape: Shape, groups_shape: Shape = None) -> None:
        width = inputs_shape[-1]
        self._shared: list[tuple[keras.Variable, keras.Variable]] = []
        self._own: list[tuple[keras.Variable, keras.Variable]] = []
        for index, units in enumerate(self._widths):
            if self.product:
                kernel = self.add_kernel(f"shared_kernel_{index}", (width, units))
                self._shared.append((kernel, self.add_bias(f"shared_bias_{index}", (units,))))
            self._own.append((self._own_kernel(index, width, units), self._own_bias(index, units)))
            width = units
        self._dropouts = [
            keras.layers.Dropout(self.dropout_rate, dtype=self.dtype_policy, name=f"dropout_{index}")
            for index in range(len(self.hidden_units) if self.dropout_rate else 0)
        ]
        for index, dropout in enumerate(self._dropouts):
            dropout.build((None, None, self.hidden_units[index]))

    def _own_kernel(self, index: int, width: int, units: int) -> keras.Variable:
        name, regularizer = f"own_kernel_{index}", self.kernel_regularizer
        initializer: Any = "ones"
        if not self.product:
            initializer = EqualGroups(clone_initializer(self.kernel_initializer, name))
        elif regularizer is not None:
            regularizer = AroundOne(regularizer)
        return self.add_by_group(
            name, (width, units), initializer=initializer, regularizer=regularizer, constraint=self.kernel_constraint
        )

    def _own_bias(self, index: int, units: int) -> keras.Variable:
        name = f"own_bias_{index}"
        initializer = "zeros" if self.product else EqualGroups(clone_initializer(self.bias_initializer, name))
        return self.add_by_group(
            name, (units,), initializer=initializer, regularizer=self.bias_regularizer, constraint=self.bias_constraint
        )

    def call(self, inputs: Tensor, groups: Tensor, training: bool | None = None) -> Tensor:
        """Map inputs ``(batch, width)`` of groups ``(batch,)`` to ``(batch, units)``."""
        if self.groups == 1:
            return ops.squeeze(self._through(ops.expand_dims(inputs, 0), None, training, self._unknown([0])), axis=0)
        groups = ops.cast(groups, "int32")
        free = sizes_are_free(inputs)
        if free and self.groups <= MOST_PARTS:
            return self._in_parts(inputs, groups, training)
        blocks = row_blocks(groups, self.groups, free=free)
        unknown = self._unknown(blocks.owner)
        return from_blocks(self._through(to_blocks(inputs, blocks), blocks.owner, training, unknown), blocks)

    def _in_parts(self, inputs: Tensor, groups: Tensor, training: bool | None) -> Tensor:
        """Outputs ``(batch, units)`` of the rows of each group by themselves: no padding, and no copy of a kernel."""
        parts, place = sorted_parts(inputs, groups, self.groups)
        outputs = [
            self._through(
                ops.expand_dims(part, 0),
                ops.convert_to_tensor([group], "int32"),
                training,
                self._unknown([group]) if group == UNKNOWN else None,
            )
            for group, part in enumerate(parts)
        ]
        return ops.take(ops.concatenate(outputs, axis=1)[0], place, axis=0)

    def every(self, inputs: Tensor) -> Tensor:
        """Return what every group makes of inputs ``(batch, width)``: ``(batch, groups, units)``, without dropout.

        It costs as much as all towers together.
        """
        rows, unknown = ops.expand_dims(inputs, 0), self._unknown(ops.arange(self.groups))
        return ops.transpose(self._through(rows, None, False, unknown), (1, 0, 2))

    def _unknown(self, owner: Any) -> Tensor | None:
        """Which of the owners ``(blocks,)`` of blocks go through the shared weights alone; None when none can."""
        return ops.equal(owner, UNKNOWN) if self.unknown else None

    def _through(self, rows: Tensor, owner: Tensor | None, training: bool | None, unknown: Tensor | None) -> Tensor:
        """Send rows ``(blocks, rows, width)`` through the towers of their owners, of all groups in order when None."""
        for index in range(len(self._widths)):
            rows = self._layer(index, rows, owner, unknown)
            if index < len(self.hidden_units):
                rows = self._activate(rows)
                rows = self._dropouts[index](rows, training=training) if self._dropouts else rows
        return rows

    def _layer(self, index: int, rows: Tensor, owner: Tensor | None, unknown: Tensor | None) -> Tensor:
        """Multiply rows ``(blocks, rows, in)``, or those of one block for all owners, by the kernels of a layer."""
        kernel, bias = (  # (blocks, in, out) and (blocks, out)
            ops.convert_to_tensor(own) if owner is None else take_groups(own, owner) for own in self._own[index]
        )
        if not self.product:
            return ops.matmul(rows, kernel) + ops.expand_dims(bias, 1)
        shared_kernel, shared_bias = self._shared[index]
        outputs = ops.matmul(rows, kernel * shared_kernel) + ops.expand_dims(bias + shared_bias, 1)
        if unknown is None:
            return outputs

        def with_unknown() -> Tensor:
            # Chosen among outputs and not among kernels, which are far larger than the rows of most blocks.
            return ops.where(unknown[:, None, None], ops.matmul(rows, shared_kernel) + shared_bias, outputs)

        return ops.cond(ops.any(unknown), with_unknown, lambda: outputs)

    def compute_output_shape(self, inputs_shape: Shape, groups_shape: Shape = None) -> Shape:
        return (inputs_shape[0], self._widths[-1])

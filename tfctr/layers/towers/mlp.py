"""The tower of dense layers that nearly every model ends in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.towers._activation import make_activation
from tfctr.layers.towers.dice import Dice
from tfctr.layers.towers.factored_dense import FactoredDense


@keras.saving.register_keras_serializable(package="tfctr")
class MLP(KernelLayer):
    """Blocks of linear map → BatchNorm or LayerNorm → activation → dropout, then a plain linear map when asked for.

    Weights: ``in · out + out`` a linear map, and ``2 · out`` trained ones a norm. Works on the last axis of
    inputs with any number of axes; a mask keeps padded positions out of the statistics of BatchNorm and Dice.

    Input shape: ``(batch, ..., width)``; mask bool, the input's shape without its last axis, True = keep.
    Output shape: ``(batch, ..., output_units)``, or the last hidden width when `output_units` is None.

    Args:
        hidden_units: Widths of the hidden layers; may be empty when `output_units` is given.
        output_units: Width of a last linear map without activation; None ends with the last hidden layer.
        activation: `dice`, `prelu`, or the name of a Keras activation.
        batch_norm: Whether each hidden layer normalises over the batch before its activation.
        layer_norm: Whether each hidden layer normalises each row by itself before its activation.
        dropout_rate: Share of hidden units dropped in training, in [0, 1).
        ranks: Linear map, ``dense_0``, ``dense_1``, … or ``output``, -> rank of the two thin maps in its place, see
            `FactoredDense`. None factors none.
        inner_activation: Whether the activation stands between two such maps too.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When there is no layer at all, a width is below 1, both norms are asked for, `ranks` names a map
            that is not there, and at build when the activation is unknown or a rank saves nothing.

    Example:
        >>> import numpy as np
        >>> mlp = MLP((400, 400), output_units=1, batch_norm=True, dropout_rate=0.2)
        >>> mlp(np.ones((3, 100))).shape[1], mlp.count_params() - 2 * (400 + 400)  # less the moving averages
        (1, 202801)
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        *,
        output_units: int | None = None,
        activation: str = "relu",
        batch_norm: bool = False,
        layer_norm: bool = False,
        dropout_rate: float = 0.0,
        ranks: Mapping[str, int] | None = None,
        inner_activation: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = tuple(hidden_units)
        widths = self.hidden_units if output_units is None else (*self.hidden_units, output_units)
        if not widths or min(widths) < 1:
            raise ValueError(
                "MLP needs at least one layer and widths of at least 1. "
                f"Received: hidden_units={self.hidden_units}, output_units={output_units}"
            )
        if batch_norm and layer_norm:
            raise ValueError("MLP normalises over the batch or row by row, not both: batch_norm or layer_norm")
        self.output_units = output_units
        self.activation = activation
        self.batch_norm = batch_norm
        self.layer_norm = layer_norm
        self.dropout_rate = dropout_rate
        self._recorded: dict[str, Tensor] | None = None
        self.factor(ranks or {}, inner_activation=inner_activation)

    def factor(self, ranks: Mapping[str, int], *, inner_activation: bool = False) -> None:
        """Set which maps are factored; see the arguments of the same names. Before the MLP is built.

        Raises:
            ValueError: When a map is not there, or the MLP is built.
        """
        known = [f"dense_{index}" for index in range(len(self.hidden_units))] + ["output"] * bool(self.output_units)
        if unknown := sorted(set(ranks) - set(known)):
            raise ValueError(f"ranks names {unknown}, no linear maps of {self.name!r}. It has: {', '.join(known)}")
        if self.built:
            raise ValueError(f"{self.name!r} is built already: its maps cannot be factored any more")
        self.ranks = dict(ranks)
        self.inner_activation = inner_activation

    @property
    def linear_maps(self) -> dict[str, keras.layers.Dense | FactoredDense]:
        """The linear maps of a built MLP by name, in order."""
        return {layer.name: layer for layer in self._blocks if isinstance(layer, keras.layers.Dense | FactoredDense)}

    @contextmanager
    def recording_outputs(self) -> Iterator[dict[str, Tensor]]:
        """Collect the output of each linear map of a call in this block, by name."""
        self._recorded = {}
        try:
            yield self._recorded
        finally:
            self._recorded = None

    def build(self, inputs_shape: Shape) -> None:
        shape = tuple(inputs_shape)
        self._blocks: list[keras.layers.Layer] = []
        for index, units in enumerate(self.hidden_units):
            shape = self._append(self._dense(units, f"dense_{index}", shape), shape)
            if self.batch_norm or self.layer_norm:
                self._append(self._norm(f"norm_{index}"), shape)
            self._append(make_activation(self.activation, rank=len(shape), dtype=self.dtype_policy), shape)
            if self.dropout_rate:
                self._append(keras.layers.Dropout(self.dropout_rate, dtype=self.dtype_policy), shape)
        if self.output_units is not None:
            self._append(self._dense(self.output_units, "output", shape), shape)

    def _dense(self, units: int, name: str, shape: Shape) -> keras.layers.Dense | FactoredDense:
        if name not in self.ranks:
            return self.make_dense(units, name, shape)
        between = self.activation if self.inner_activation else None
        return FactoredDense(units, self.ranks[name], activation=between, **self.part(name))

    def _norm(self, name: str) -> keras.layers.Layer:
        """Normalisation for narrow signals.

        Embeddings of a regularised CTR model vary by far less than Keras' epsilon of 1e-3, which would leave them
        as they are; 1e-5 and a momentum of 0.9 are what public benchmarks trained with.
        """
        if self.layer_norm:
            return keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name=name)
        return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=self.dtype_policy, name=name)

    def _append(self, layer: keras.layers.Layer, shape: Shape) -> Shape:
        """Build `layer`, put it at the end and return its output shape."""
        if not layer.built:
            layer.build(shape)
        self._blocks.append(layer)
        return tuple(layer.compute_output_shape(shape))

    def call(self, inputs: Tensor, mask: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Map inputs ``(batch, ..., width)`` with mask ``(batch, ...)`` to ``(batch, ..., units)``."""
        outputs = inputs
        for layer in self._blocks:
            if isinstance(layer, Dice | FactoredDense | keras.layers.BatchNormalization):
                outputs = layer(outputs, mask=mask, training=training)
            elif isinstance(layer, keras.layers.Dropout):
                outputs = layer(outputs, training=training)
            else:
                outputs = layer(outputs)
            if self._recorded is not None and layer.name in self.linear_maps:
                self._recorded[layer.name] = outputs
        return outputs

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        width = self.hidden_units[-1] if self.output_units is None else self.output_units
        return (*inputs_shape[:-1], width)

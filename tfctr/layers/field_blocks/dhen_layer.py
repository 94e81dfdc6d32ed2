"""One layer of DHEN: different modules side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
from keras import ops

from tfctr.layers._base import Layer, Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.field_blocks.attention_block import AttentionBlock
from tfctr.layers.field_blocks.convolution_block import ConvolutionBlock
from tfctr.layers.field_blocks.cross_block import CrossBlock
from tfctr.layers.field_blocks.dot_product_block import DotProductBlock
from tfctr.layers.field_blocks.linear_block import LinearBlock
from tfctr.layers.field_blocks.mlp_block import MLPBlock

FIELD_BLOCKS: dict[str, type[Layer]] = {
    "linear": LinearBlock,
    "attention": AttentionBlock,
    "cross": CrossBlock,
    "convolution": ConvolutionBlock,
    "dot_product": DotProductBlock,
    "mlp": MLPBlock,
}
"""Modules by name: ``block(out_embeddings, ...)`` maps ``(batch, fields, dim)`` to ``(batch, out_embeddings, dim)``."""

Module = str | Mapping[str, Any]
Ensemble = Literal["concat", "sum", "weighted"]


@keras.saving.register_keras_serializable(package="tfctr")
class DHENLayer(KernelLayer):
    """``X' = Norm(Ensemble_i(u_i(X)) + ShortCut(X))`` over modules ``u_i`` of different kinds.

    The modules see the same X. The shortcut is X itself where the number of embeddings stays, else ``W_s X``, a map of
    embeddings and not of coordinates. The norm is taken over the coordinates of every embedding by itself: over all of
    them it would couple the fields. `concat` makes k·l embeddings out of k modules whatever goes in, so l is chosen
    with that in mind.

    Input shape: ``(batch, fields, dim)``.
    Output shape: ``(batch, k · out_embeddings, dim)`` for `concat`, else ``(batch, out_embeddings, dim)``.

    Args:
        modules: Names in `FIELD_BLOCKS`, or dicts of ``block`` (such a name) and arguments of that block.
        out_embeddings: Embeddings l of each module, at least 1.
        ensemble: `concat`, `sum`, or `weighted`: a sum with a learned number for each module, 1 to begin with.
        kernel_initializer: None keeps the defaults of the parts.
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When there is no module, one is unknown, or `ensemble` is.

    Example:
        >>> import numpy as np
        >>> layer = DHENLayer(("linear", {"block": "attention", "hidden_units": 16}), 2)
        >>> print(layer(np.ones((3, 4, 8))).shape, layer.count_params())
        (3, 4, 8) 632

    Reference: B. Zhang et al., "DHEN: A Deep and Hierarchical Ensemble Network for Large-Scale Click-Through Rate
    Prediction", 2022, arXiv 2203.11014, section 3. The authors published no code; what the paper leaves open is said
    in the modules.
    """

    def __init__(
        self,
        modules: Sequence[Module],
        out_embeddings: int,
        *,
        ensemble: Ensemble = "concat",
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        if ensemble not in ("concat", "sum", "weighted"):
            raise ValueError(f"ensemble is 'concat', 'sum' or 'weighted'. Received: {ensemble=}")
        self.modules = tuple(module if isinstance(module, str) else dict(module) for module in modules)
        self.out_embeddings = out_embeddings
        self.ensemble = ensemble
        names = [module if isinstance(module, str) else module.get("block") for module in self.modules]
        if not names or not set(names) <= set(FIELD_BLOCKS):
            raise ValueError(f"modules are some of {', '.join(FIELD_BLOCKS)}. Received: {names}")

    def build(self, fields_shape: Shape) -> None:
        batch, fields, dim = fields_shape
        self._blocks = [self._block(index, module) for index, module in enumerate(self.modules)]
        for block in self._blocks:
            block.build(fields_shape)
        if self.ensemble == "weighted":
            self._ensemble_weights = self.add_weight(name="ensemble", shape=(len(self._blocks),), initializer="ones")
        self._shortcut = None
        if fields != self._embeddings:
            self._shortcut = LinearBlock(self._embeddings, **self.part("shortcut"))
            self._shortcut.build(fields_shape)
        self._norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="norm")
        self._norm.build((batch, self._embeddings, dim))

    @property
    def _embeddings(self) -> int:
        return self.out_embeddings * (len(self.modules) if self.ensemble == "concat" else 1)

    def _block(self, index: int, module: Module) -> Layer:
        arguments = {} if isinstance(module, str) else dict(module)
        kind = module if isinstance(module, str) else arguments.pop("block")
        return FIELD_BLOCKS[kind](self.out_embeddings, **{**self.part(f"module_{index}_{kind}"), **arguments})

    def call(self, fields: Tensor, training: bool | None = None) -> Tensor:
        """Map fields ``(batch, fields, dim)`` to ``(batch, embeddings, dim)``; how many depends on `ensemble`."""
        outputs = [block(fields) for block in self._blocks]  # Keras hands `training` on to those that ask for it
        shortcut = fields if self._shortcut is None else self._shortcut(fields)  # (batch, embeddings, dim)
        return self._norm(self._joined(outputs) + shortcut)

    def _joined(self, outputs: list[Tensor]) -> Tensor:
        """The outputs of the modules, ``(batch, out_embeddings, dim)`` each, as ``(batch, embeddings, dim)``."""
        if self.ensemble == "concat":
            return ops.concatenate(outputs, axis=1)
        if self.ensemble == "weighted":
            weights = ops.cast(self._ensemble_weights, self.compute_dtype)
            outputs = [weights[index] * output for index, output in enumerate(outputs)]
        return sum(outputs[1:], outputs[0])

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (fields_shape[0], self._embeddings, fields_shape[2])

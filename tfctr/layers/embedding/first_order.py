"""One learned weight a feature: the linear part of LR, FM, Wide&Deep and DeepFM."""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, ops

from tfctr.layers._base import Layer, deserialize_if_config
from tfctr.layers.embedding.feature_embedding import FeatureEmbedding
from tfctr.layers.embedding.feature_gates import FeatureGates
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.spec import BoundSpec


@keras.saving.register_keras_serializable(package="tfctr")
class FirstOrder(Layer):
    """``b + Σ w_i`` over ids, ``+ Σ w_j x_j`` over numbers: ``(batch, 1)``.

    A `FeatureEmbedding` of width 1 summed over its fields, so that bags are pooled, sequences averaged and
    padding is zero in the same way as in the embeddings.

    Args:
        spec: Bound spec.
        use_bias: Whether to add ``b``.
        table, tables: Templates of the tables of weights, see `FeatureEmbedding`.
        learning_rates, value_gates: See `FeatureEmbedding`.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        use_bias: bool = True,
        table: EmbeddingTable | None = None,
        tables: dict[str, EmbeddingTable] | None = None,
        learning_rates: dict[str, float] | None = None,
        value_gates: FeatureGates | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.spec = BoundSpec.coerce(spec)
        self.use_bias = use_bias
        self.table = deserialize_if_config(table)
        self.tables = {name: deserialize_if_config(template) for name, template in (tables or {}).items()}
        self.learning_rates = dict(learning_rates or {})
        self.value_gates = deserialize_if_config(value_gates)
        self.weights_of_features = FeatureEmbedding(
            self.spec,
            1,
            table=self.table,
            tables=self.tables,
            learning_rates=self.learning_rates,
            value_gates=self.value_gates,
            dtype=self.dtype_policy,
            name="weights",
        )

    def build(self, input_shape: Any = None) -> None:
        self.weights_of_features.build()
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(1,), initializer="zeros")

    def call(self, features: dict[str, Any]) -> Any:
        """Sum the weights of the features of a batch, shaped as for `FeatureEmbedding`: ``(batch, 1)``."""
        total = ops.sum(self.weights_of_features(features).fields, axis=1)  # (batch, fields, 1) to (batch, 1)
        return total + ops.cast(self.bias, total.dtype) if self.use_bias else total

    def compute_output_spec(self, features: dict[str, Any]) -> KerasTensor:
        return KerasTensor((next(iter(features.values())).shape[0], 1), dtype=self.compute_dtype)

"""DNN: a multi-layer perceptron on all fields, the baseline every paper is measured against."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfctr.layers.towers.mlp import MLP
from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Covington et al., RecSys 2016",
    small={"embedding_dim": 4, "hidden_units": (6, 5), "batch_norm": True},
)
class DNN(CTRModel):
    """``logit = MLP(flatten(fields))``.

    Args:
        spec: Bound spec.
        hidden_units: Widths of the hidden layers.
        dropout_rate: Share of hidden units dropped in training.
        batch_norm: Whether each hidden layer normalises before its activation.
        **options: See `CTRModel`.

    Reference: Covington et al., "Deep Neural Networks for YouTube Recommendations", RecSys 2016 (ranking
    network, without its weighted loss).
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        hidden_units: tuple[int, ...] = (400, 400, 400),
        dropout_rate: float = 0.0,
        batch_norm: bool = False,
        **options: Any,
    ):
        super().__init__(spec, **options)
        self.hidden_units = tuple(hidden_units)
        self.dropout_rate = dropout_rate
        self.batch_norm = batch_norm
        self.embedding = self.make_embedding()
        self.mlp = MLP(
            self.hidden_units, output_units=1, dropout_rate=dropout_rate, batch_norm=batch_norm, **self.part("mlp")
        )

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        fields = self.embedding(features).fields  # (batch, fields, dim)
        return self.mlp(ops.reshape(fields, (-1, fields.shape[1] * fields.shape[2])), training=training)

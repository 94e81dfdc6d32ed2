"""AutoInt: stacked self-attention over fields; AutoInt+ adds an MLP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from keras import ops

from tfctr.layers.interaction import InteractingLayer, flatten_fields
from tfctr.layers.towers import MLP
from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec

VARIANTS: dict[str, dict[str, Any]] = {
    "paper": {},
    "reference": {"use_bias": True, "projection_activation": "relu", "scale": True, "layer_norm": "after_relu"},
}
"""What the published code of the authors does beyond the paper's equations."""


@register_model(
    paper="Song et al., CIKM 2019",
    label="AutoInt, AutoInt+",
    small={
        "embedding_dim": 4,
        "hidden_units": (6, 5),
        "batch_norm": True,
        "num_layers": 2,
        "head_dim": 3,
        "variant": "reference",
        "wide": True,
    },
)
class AutoInt(CTRModel):
    """``logit = wᵀ flatten(attention layers(fields)) + b``, plus an MLP's logit (AutoInt+), plus a linear one.

    Args:
        spec: Bound spec.
        num_layers: Interacting layers.
        num_heads: Heads of a layer.
        head_dim: Width of one head; a layer is ``num_heads · head_dim`` wide.
        variant: `paper` (linear projections without bias, unscaled scores) or `reference` (the authors' code: biases,
            ReLU on projections, scaled scores, LayerNorm after the ReLU).
        attention: Arguments of `InteractingLayer` that replace the variant's, such as ``{"residual": "auto"}``.
        wide: Whether to add one weight a feature, without bias.
        hidden_units: Widths of AutoInt+'s MLP on the embeddings; empty for AutoInt.
        dropout_rate: Share of the MLP's hidden units dropped in training.
        batch_norm: Whether each hidden layer of the MLP normalises before its activation.
        **options: See `CTRModel`.

    Raises:
        ValueError: When `variant` is unknown.

    Reference: W. Song et al., "AutoInt: Automatic Feature Interaction Learning via Self-Attentive Neural Networks",
    CIKM 2019, arXiv 1810.11921.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        num_layers: int = 3,
        num_heads: int = 2,
        head_dim: int = 32,
        variant: Literal["paper", "reference"] = "paper",
        attention: dict[str, Any] | None = None,
        wide: bool = False,
        hidden_units: tuple[int, ...] = (),
        dropout_rate: float = 0.0,
        batch_norm: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        if variant not in VARIANTS:
            raise ValueError(f"variant is one of {sorted(VARIANTS)}. Received: variant={variant!r}")
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.variant = variant
        self.attention = dict(attention or {})
        self.wide = wide
        self.hidden_units = tuple(hidden_units)
        self.dropout_rate = dropout_rate
        self.batch_norm = batch_norm
        self.embedding = self.make_embedding(name="embedding")
        settings = {**VARIANTS[variant], **self.attention}
        self.interacting = [
            InteractingLayer(num_heads, head_dim=head_dim, **{**self.part(f"interacting_{index}"), **settings})
            for index in range(num_layers)
        ]
        self.head = self.make_head()
        self.linear = self.make_first_order(use_bias=False, name="linear") if wide else None
        self.deep = None
        if self.hidden_units:
            options = {"dropout_rate": dropout_rate, "batch_norm": batch_norm, **self.part("deep")}
            self.deep = MLP(self.hidden_units, output_units=1, **options)

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        fields = self.embedding(features).fields  # (batch, fields, dim)
        crossed = fields
        for layer in self.interacting:
            crossed = layer(crossed, training=training)  # (batch, fields, heads · head_dim)
        logit = self.head(flatten_fields(crossed))  # (batch, 1)
        if self.linear is not None:
            logit = logit + self.linear(features)
        if self.deep is not None:
            logit = logit + self.deep(flatten_fields(fields), training=training)
        return logit

    def attention_maps(self, features: dict[str, Any]) -> list[Any]:
        """Return the attention of each layer, float32 ``(batch, heads, fields, fields)``, as predictions use it.

        Rows and columns are in the order of ``model.embedding.field_names``.
        """
        crossed, maps = self.embedding(features).fields, []
        for layer in self.interacting:
            maps.append(layer.attention(crossed))
            crossed = layer(crossed, training=False)
        return maps

    def mean_attention(self, batches: Iterable[dict[str, Any]]) -> Any:
        """Return the mean over rows and heads, numpy ``(layers, fields, fields)``: which field looks at which."""
        total, rows = 0.0, 0
        for features in batches:
            maps = ops.stack(self.attention_maps(features))  # (layers, batch, heads, fields, fields)
            total = total + ops.convert_to_numpy(ops.sum(ops.mean(maps, axis=2), axis=1)).astype("float64")
            rows += maps.shape[1]
        return total / max(rows, 1)

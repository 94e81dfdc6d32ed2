"""FinalMLP: two gated MLPs fused by a bilinear product."""

from __future__ import annotations

from typing import Any

from tfctr.layers.embedding import FeatureEmbedding
from tfctr.layers.interaction import FeatureGate, MultiHeadBilinearFusion, flatten_fields
from tfctr.layers.towers import MLP
from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Mao et al., AAAI 2023",
    small={
        "embedding_dim": 4,
        "hidden_units1": (6,),
        "hidden_units2": (4,),
        "gate_units": (5,),
        "context1": ("user",),
        "batch_norm": True,
    },
)
class FinalMLP(CTRModel):
    """``logit = fusion(MLP₁(gate₁ ∘ x), MLP₂(gate₂ ∘ x))`` on the fields x, a gate and a view to each stream.

    Args:
        spec: Bound spec.
        hidden_units1, hidden_units2: Widths of the two streams; their last layers are fused as they are.
        dropout_rate1, dropout_rate2: Share of hidden units dropped in training, by stream.
        batch_norm: Whether each hidden layer of the streams normalises before its activation.
        gate_units: Widths of the gates' hidden layers; empty leaves both gates out.
        context1, context2: Names of the features whose embeddings, in tables of their own, steer each gate;
            empty takes a learned constant.
        num_heads: Heads of the fusion; divides the last width of both streams.
        **options: See `CTRModel`.

    Raises:
        ValueError: When a context names an unknown feature, or `num_heads` does not divide the widths.

    Reference: K. Mao et al., "FinalMLP: An Enhanced Two-Stream MLP Model for CTR Prediction", AAAI 2023,
    arXiv 2304.00902.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        hidden_units1: tuple[int, ...] = (400, 400, 400),
        hidden_units2: tuple[int, ...] = (400,),
        dropout_rate1: float = 0.0,
        dropout_rate2: float = 0.0,
        batch_norm: bool = False,
        gate_units: tuple[int, ...] = (400,),
        context1: tuple[str, ...] = (),
        context2: tuple[str, ...] = (),
        num_heads: int = 2,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.hidden_units1, self.hidden_units2 = tuple(hidden_units1), tuple(hidden_units2)
        self.dropout_rate1, self.dropout_rate2 = dropout_rate1, dropout_rate2
        self.batch_norm = batch_norm
        self.gate_units = tuple(gate_units)
        self.context1, self.context2 = tuple(context1), tuple(context2)
        self.num_heads = num_heads
        self.embedding = self.make_embedding(name="embedding")
        self.context_embeddings = [self._context(names, i) for i, names in self._contexts()]
        self.gates = [self._gate(names, i) for i, names in self._contexts()] if self.gate_units else []
        self.streams = [
            MLP(units, dropout_rate=rate, batch_norm=batch_norm, **self.part(f"stream{i}"))
            for i, units, rate in ((1, self.hidden_units1, dropout_rate1), (2, self.hidden_units2, dropout_rate2))
        ]
        self.fusion = MultiHeadBilinearFusion(num_heads, **self.part("fusion"))

    def _contexts(self) -> tuple[tuple[int, tuple[str, ...]], ...]:
        return ((1, self.context1), (2, self.context2))

    def _context(self, names: tuple[str, ...], stream: int) -> FeatureEmbedding | None:
        wanted = names and self.gate_units
        return self.make_embedding(only=names, name=f"context{stream}") if wanted else None

    def _gate(self, names: tuple[str, ...], stream: int) -> FeatureGate:
        return FeatureGate(self.gate_units, context="input" if names else "learned", **self.part(f"gate{stream}"))

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        fields = self.embedding(features).fields  # (batch, fields, dim)
        outputs = []
        for index, stream in enumerate(self.streams):
            gated = self._gated(index, fields, features) if self.gates else fields
            outputs.append(stream(flatten_fields(gated), training=training))  # (batch, units)
        return self.fusion(*outputs)

    def _gated(self, index: int, fields: Any, features: dict[str, Any]) -> Any:
        """The fields as one stream sees them, ``(batch, fields, dim)``."""
        context = self.context_embeddings[index]
        if context is None:
            return self.gates[index](fields)
        return self.gates[index](fields, flatten_fields(context(features).fields))

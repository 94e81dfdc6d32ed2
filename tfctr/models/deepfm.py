"""DeepFM: a factorization machine and an MLP on the same embeddings."""

from __future__ import annotations

from typing import Any

from tfctr.layers.interaction import FactorizationMachine, flatten_fields
from tfctr.models._registry import register_model
from tfctr.models.wide_deep import WideDeep
from tfctr.spec import BoundSpec


@register_model(
    paper="Guo et al., IJCAI 2017",
    small={"embedding_dim": 4, "hidden_units": (6, 5), "batch_norm": True},
)
class DeepFM(WideDeep):
    """``logit = linear(features) + Σ_{i<j} <e_i, e_j> + MLP(flatten(fields))``: Wide&Deep plus the pairs.

    Args:
        spec: Bound spec.
        **options: See `WideDeep`.

    Reference: Guo et al., "DeepFM: A Factorization-Machine based Neural Network for CTR Prediction", IJCAI 2017,
    arXiv 1703.04247, Eq. 1-4.
    """

    def __init__(self, spec: BoundSpec | dict[str, Any], **options: Any) -> None:
        super().__init__(spec, **options)
        self.pairs = FactorizationMachine(dtype=self.dtype_policy, name="pairs")

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        fields = self.embedding(features).fields  # (batch, fields, dim)
        deep = self.deep(flatten_fields(fields), training=training)  # (batch, 1)
        return self.wide(features) + self.pairs(fields) + deep

"""FM: a factorization machine, the linear model plus all pairwise crosses."""

from __future__ import annotations

from typing import Any

from tfctr.layers.interaction import FactorizationMachine
from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Rendle, ICDM 2010",
    small={"embedding_dim": 4},
)
class FM(CTRModel):
    """``logit = b + Σ w_i + Σ_{i<j} <e_i, e_j>``.

    Args:
        spec: Bound spec.
        **options: See `CTRModel`.

    Reference: S. Rendle, "Factorization Machines", ICDM 2010, Eq. 1.
    """

    def __init__(self, spec: BoundSpec | dict[str, Any], **options: Any) -> None:
        super().__init__(spec, **options)
        self.linear = self.make_first_order(name="linear")
        self.embedding = self.make_embedding(name="embedding")
        self.pairs = FactorizationMachine(dtype=self.dtype_policy, name="pairs")

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        return self.linear(features) + self.pairs(self.embedding(features).fields)

"""LR: logistic regression, the linear baseline."""

from __future__ import annotations

from typing import Any

from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Richardson et al., WWW 2007",
)
class LR(CTRModel):
    """``logit = b + Σ w_i``: one weight an id, one a number. `embedding_dim` has no effect.

    Args:
        spec: Bound spec.
        **options: See `CTRModel`.

    Reference: Richardson et al., "Predicting Clicks: Estimating the Click-Through Rate for New Ads", WWW 2007.
    """

    def __init__(self, spec: BoundSpec | dict[str, Any], **options: Any) -> None:
        super().__init__(spec, **options)
        self.linear = self.make_first_order(name="linear")

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        return self.linear(features)

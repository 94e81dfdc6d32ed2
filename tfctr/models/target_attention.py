"""Target attention over whole histories: the standard that long-sequence models are held to."""

from __future__ import annotations

from typing import Any

from tfctr.layers.sequence import SoftmaxAttention
from tfctr.models._histories import Compared
from tfctr.models._registry import register_model
from tfctr.models.history_model import HistoryModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Zhou et al., KDD 2018; Cao et al., CIKM 2022",
    label="Target attention over whole histories",
    small={"embedding_dim": 4, "hidden_units": (6, 5), "batch_norm": True, "head_dim": 3},
)
class TargetAttention(HistoryModel):
    """``logit = MLP([fields ; v(q)])``, ``v(q)`` the softmax attention of candidate q over every event.

    Called DIN(long) or full target attention in papers on long sequences: nothing of the history is left out, at a
    cost that grows with its length for each candidate.

    Args:
        spec: Bound spec with at least one sequence that names its target.
        num_heads: Of `SoftmaxAttention`; 0 compares embeddings as they are.
        head_dim: Width of a head.
        product: Whether ``v(q) ∘ q`` also enters the tower; needs ``num_heads=0``, where both are of one width.
        **options: The tower's, see `HistoryModel`, and those of `CTRModel`.

    Raises:
        ValueError: When `product` is asked for with heads.
        SpecError: When the spec has no sequence, or one without a candidate's feature to be compared with.

    Reference: G. Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, arXiv 1706.06978,
    with the softmax of the authors' code; Y. Cao et al., CIKM 2022, arXiv 2205.10249, section 3.1.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        num_heads: int = 2,
        head_dim: int = 16,
        product: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        if product and num_heads:
            raise ValueError(f"product needs num_heads=0, or the widths differ. Received: {num_heads=}")
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.product = product
        self.attentions = [
            SoftmaxAttention(num_heads, head_dim, **self.part(f"attention_{history.events[0]}"))
            for history in self.histories
        ]
        self.tower = self.make_tower()

    def interests(
        self, index: int, compared: Compared, features: dict[str, Any], training: bool | None = None
    ) -> list[Any]:
        target, events, mask = compared
        interest = self.attentions[index](target, events, mask=mask)
        return [interest, target * interest] if self.product else [interest]

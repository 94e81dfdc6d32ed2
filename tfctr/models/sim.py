"""SIM: search the history for what is of the candidate's kind, then attend to what was found."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfctr.layers.sequence import SoftmaxAttention, latest_events
from tfctr.models._histories import Compared, History
from tfctr.models._registry import register_model
from tfctr.models.history_model import HistoryModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Pi et al., CIKM 2020",
    label="SIM, hard search",
    small={"embedding_dim": 4, "hidden_units": (6, 5), "batch_norm": True, "top_k": 2, "head_dim": 3},
)
class SIM(HistoryModel):
    """``logit = MLP([fields ; v(q)])``, ``v(q)`` the attention over the latest events of q's category (hard search).

    The category of an event is a side column of its sequence (`aligned_with`) whose target is a feature of the
    candidate. A history without such a column has nothing to search by: its latest events are attended to. The search
    compares ids, has no weights and no loss of its own; the paper's inverted index does the same at serving. Time
    intervals, which the paper also feeds to its attention, are left out. The soft search, by learned products, is not
    offered.

    Args:
        spec: Bound spec with at least one sequence that names its target.
        category: The candidate's feature to search by; None takes the target of each history's last side column.
        top_k: Events found at most.
        num_heads: Of `SoftmaxAttention`; 0 compares embeddings as they are.
        head_dim: Width of a head.
        **options: The tower's, see `HistoryModel`, and those of `CTRModel`.

    Raises:
        ValueError: When no history has a side column of `category`, or `top_k` is below 1.
        SpecError: When the spec has no sequence, or one without a candidate's feature to be compared with.

    Reference: Q. Pi et al., "Search-based User Interest Modeling with Lifelong Sequential Behavior Data for
    Click-Through Rate Prediction", CIKM 2020, arXiv 2006.05639, section 3.1 (hard search) and 3.2.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        category: str | None = None,
        top_k: int = 50,
        num_heads: int = 2,
        head_dim: int = 16,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        if top_k < 1:
            raise ValueError(f"top_k is at least 1. Received: top_k={top_k}")
        self.category = category
        self.top_k = top_k
        self.num_heads = num_heads
        self.head_dim = head_dim
        self._searched = tuple(_side_column(history, category) for history in self.histories)
        if category is not None and not any(self._searched):
            sides = sorted({target for history in self.histories for target in history.targets[1:]})
            raise ValueError(
                f"no sequence has a side column of category={category!r}; there are side columns of {sides}"
            )
        self.attentions = [
            SoftmaxAttention(num_heads, head_dim, **self.part(f"attention_{history.events[0]}"))
            for history in self.histories
        ]
        self.tower = self.make_tower()

    def interests(
        self, index: int, compared: Compared, features: dict[str, Any], training: bool | None = None
    ) -> list[Any]:
        target, events, mask = compared
        if side := self._searched[index]:
            of_event, of_candidate = side
            same = ops.equal(features[of_event], ops.expand_dims(features[of_candidate], 1))  # (batch, length)
            mask = ops.logical_and(mask, same)
        found, found_mask = latest_events(events, mask, self.top_k)  # (batch, top_k, columns · dim), (batch, top_k)
        return [self.attentions[index](target, found, mask=found_mask)]


def _side_column(history: History, category: str | None) -> tuple[str, str] | None:
    """Which side column of a history holds the category, and the candidate's feature; None when there is none."""
    sides = list(zip(history.events[1:], history.targets[1:], strict=True))
    return next((side for side in reversed(sides) if category in (None, side[1])), None)

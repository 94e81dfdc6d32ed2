"""DIN: the user's interest depends on the candidate."""

from __future__ import annotations

from typing import Any, Literal

from tfctr.layers.embedding import MiniBatchAware
from tfctr.layers.sequence import DINAttention, SumPooling
from tfctr.models._histories import Compared
from tfctr.models._registry import register_model
from tfctr.models.history_model import HistoryModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Zhou et al., KDD 2018",
    label="DIN, Dice, mini-batch-aware regularisation",
    small={
        "embedding_dim": 4,
        "hidden_units": (6, 5),
        "batch_norm": True,
        "attention_units": (5, 3),
        "extra_pooling": "sum_prod",
        "mini_batch_aware": 0.01,
    },
)
class DIN(HistoryModel):
    """``logit = MLP([fields ; v(q)])``, ``v(q)`` the events of a history weighted by their relevance for candidate q.

    Every history of the spec has an attention unit of its own; side columns that are aligned with a sequence
    are put beside its events, and their targets beside the candidate.

    Args:
        spec: Bound spec with at least one sequence that names its target.
        attention_units: Widths of the scorer; 80 and 40 in both code bases of the authors.
        attention_activation: Of the scorer.
        attention_softmax: Whether scores are normalised; the paper's are not.
        extra_pooling: What stands beside ``v(q)``: `none`, `sum` (the summed history) or `sum_prod` (also its product
            with the candidate, as in the authors' second code base).
        mini_batch_aware: Strength of `MiniBatchAware` in place of `embedding_l2`; needs `set_counts`; 0 for none.
        **options: The tower's, see `HistoryModel`, and those of `CTRModel`.

    Raises:
        ValueError: When `extra_pooling` is unknown.
        SpecError: When the spec has no sequence, or one without a candidate's feature to be compared with.

    Reference: G. Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018,
    arXiv 1706.06978, section 4.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        attention_units: tuple[int, ...] = (80, 40),
        attention_activation: str = "dice",
        attention_softmax: bool = False,
        extra_pooling: Literal["none", "sum", "sum_prod"] = "none",
        mini_batch_aware: float = 0.0,
        **options: Any,
    ) -> None:
        if mini_batch_aware:
            options["embedding_l2"] = MiniBatchAware(mini_batch_aware)
        super().__init__(spec, **options)
        if extra_pooling not in ("none", "sum", "sum_prod"):
            raise ValueError(f"extra_pooling is none, sum or sum_prod. Received: extra_pooling={extra_pooling!r}")
        self.attention_units = tuple(attention_units)
        self.attention_activation = attention_activation
        self.attention_softmax = attention_softmax
        self.extra_pooling = extra_pooling
        self.mini_batch_aware = mini_batch_aware
        self.attentions = [
            DINAttention(
                self.attention_units,
                activation=attention_activation,
                softmax=attention_softmax,
                **self.part(f"attention_{history.events[0]}"),
            )
            for history in self.histories
        ]
        self.pooling = SumPooling(dtype=self.dtype_policy, name="pooling")
        self.tower = self.make_tower()

    def interests(
        self, index: int, compared: Compared, features: dict[str, Any], training: bool | None = None
    ) -> list[Any]:
        target, events, mask = compared
        interest = [self.attentions[index](target, events, mask=mask, training=training)]
        if self.extra_pooling != "none":
            interest.append(self.pooling(target, events, mask=mask))
        if self.extra_pooling == "sum_prod":
            interest.append(target * interest[-1])
        return interest

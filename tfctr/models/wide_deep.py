"""Wide&Deep: a linear model that memorises beside an MLP that generalises."""

from __future__ import annotations

from typing import Any

from tfctr.layers.interaction import flatten_fields
from tfctr.layers.towers import MLP
from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Cheng et al., DLRS 2016",
    label="Wide&Deep",
    small={"embedding_dim": 4, "hidden_units": (6, 5), "batch_norm": True},
)
class WideDeep(CTRModel):
    """``logit = linear(features) + MLP(flatten(fields))``.

    The wide part takes the raw features, as public benchmarks do; the paper adds crosses made by hand (give
    them as features) and trains that part with FTRL.

    Args:
        spec: Bound spec.
        hidden_units: Widths of the hidden layers.
        dropout_rate: Share of hidden units dropped in training.
        batch_norm: Whether each hidden layer normalises before its activation.
        **options: See `CTRModel`.

    Reference: Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016, arXiv 1606.07792, Eq. 3.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        hidden_units: tuple[int, ...] = (400, 400, 400),
        dropout_rate: float = 0.0,
        batch_norm: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.hidden_units = tuple(hidden_units)
        self.dropout_rate = dropout_rate
        self.batch_norm = batch_norm
        self.wide = self.make_first_order(name="wide")
        self.embedding = self.make_embedding(name="embedding")
        self.deep = MLP(
            self.hidden_units, output_units=1, dropout_rate=dropout_rate, batch_norm=batch_norm, **self.part("deep")
        )

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        fields = self.embedding(features).fields  # (batch, fields, dim)
        return self.wide(features) + self.deep(flatten_fields(fields), training=training)

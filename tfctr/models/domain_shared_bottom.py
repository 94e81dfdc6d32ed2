"""Shared bottom by domain: one MLP for all domains and a tower for each."""

from __future__ import annotations

from typing import Any

from tfctr.layers.interaction import flatten_fields
from tfctr.layers.towers import MLP
from tfctr.models._registry import register_model
from tfctr.models.domain_model import DomainModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Caruana, Machine Learning 1997",
    label="DomainSharedBottom (many domains)",
    small={
        "domain": "shop",
        "embedding_dim": 4,
        "hidden_units": (6, 5),
        "batch_norm": True,
        "tower_units": (4,),
        "unknown_rate": 0.0,
    },
)
class DomainSharedBottom(DomainModel):
    """``logit = tower_d(MLP(flatten(fields)))``, d the domain of the row.

    `SharedBottom` with a domain in place of a task: domains share nothing but the bottom. A domain that training did
    not see goes through a tower too, which learns from the `unknown_rate` of the rows, whose domain is hidden from
    the model in training.

    Args:
        spec: Bound spec.
        domain: See `DomainModel`.
        hidden_units: Widths of the shared MLP.
        tower_units: Widths of the hidden layers of each domain's tower.
        batch_norm: Whether each hidden layer of the shared MLP normalises before its activation.
        unknown_rate: Share of training rows whose domain is hidden; 0, as others have it, leaves the tower of unknown
            domains as it was drawn.
        **options: See `DomainModel`.

    Raises:
        SpecError: When no categorical feature tells the domain.

    Reference: R. Caruana, "Multitask Learning", Machine Learning 28, 1997, a task taken as a domain.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        domain: str | None = None,
        hidden_units: tuple[int, ...] = (256, 128),
        tower_units: tuple[int, ...] = (64,),
        batch_norm: bool = False,
        unknown_rate: float = 0.05,
        **options: Any,
    ) -> None:
        super().__init__(spec, domain=domain, unknown_rate=unknown_rate, **options)
        self.hidden_units = tuple(hidden_units)
        self.tower_units = tuple(tower_units)
        self.batch_norm = batch_norm
        self.embedding = self.make_embedding(name="embedding")
        self.bottom = MLP(
            self.hidden_units, dropout_rate=self.dropout_rate, batch_norm=batch_norm, **self.part("bottom")
        )
        self.towers = self.make_group_towers(self.tower_units, "towers", output_units=1, product=False)

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        fields = self.embedding(features).fields  # (batch, fields, dim)
        shared = self.bottom(flatten_fields(fields), training=training)  # (batch, units)
        return self.towers(shared, self.groups(features, training=training), training=training)

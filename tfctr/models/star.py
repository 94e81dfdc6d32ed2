"""STAR: one shared tower, bent for each domain by factors of its own."""

from __future__ import annotations

from typing import Any

from tfctr.layers.domains import PartitionedNorm
from tfctr.layers.interaction import flatten_fields
from tfctr.layers.towers import MLP
from tfctr.models._registry import register_model
from tfctr.models.domain_model import DomainModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Sheng et al., CIKM 2021",
    label="STAR (many domains)",
    small={"domain": "shop", "embedding_dim": 4, "hidden_units": (6, 5), "auxiliary_units": (4,)},
)
class STAR(DomainModel):
    """``logit = tower_d(norm_d(x)) + auxiliary(x)`` on ``x = flatten(fields)``, d the domain of the row.

    A layer of tower_d has the weights ``W_S ∘ W_d`` and the biases ``b_S + b_d``, see `GroupTowers`; norm_d
    normalises by the statistics of the domain, see `PartitionedNorm`. The auxiliary network is an MLP that all
    domains share. The embedding of the domain, which it is there for, is among the fields.

    An unknown domain goes through the shared weights alone, normalised by the statistics of all rows.

    Args:
        spec: Bound spec.
        domain: See `DomainModel`.
        hidden_units: Widths of the tower.
        auxiliary_units: Widths of the hidden layers of the auxiliary network; empty leaves it out.
        partitioned_norm: Whether inputs are normalised by domain. Domains with few rows in a batch give it little to go
            by.
        **options: See `DomainModel`.

    Raises:
        SpecError: When no categorical feature tells the domain.

    Reference: X. Sheng et al., "One Model to Serve All: Star Topology Adaptive Recommender for Multi-Domain CTR
    Prediction", CIKM 2021, arXiv 2101.11427. The paper draws each batch from one domain; here batches are mixed.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        domain: str | None = None,
        hidden_units: tuple[int, ...] = (256, 128, 64),
        auxiliary_units: tuple[int, ...] = (64,),
        partitioned_norm: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(spec, domain=domain, **options)
        self.hidden_units = tuple(hidden_units)
        self.auxiliary_units = tuple(auxiliary_units)
        self.partitioned_norm = partitioned_norm
        self.embedding = self.make_embedding(name="embedding")
        self.norm = (
            PartitionedNorm(self.domains.rows, vocabulary=self.domains.vocabulary, dtype=self.dtype_policy, name="norm")
            if partitioned_norm
            else None
        )
        self.towers = self.make_group_towers(self.hidden_units, "towers", output_units=1, unknown=True)
        self.auxiliary = (
            MLP(self.auxiliary_units, output_units=1, dropout_rate=self.dropout_rate, **self.part("auxiliary"))
            if self.auxiliary_units
            else None
        )

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        inputs = flatten_fields(self.embedding(features).fields)  # (batch, fields · dim)
        groups = self.groups(features, training=training)  # (batch,)
        normal = inputs if self.norm is None else self.norm(inputs, groups, training=training)
        logit = self.towers(normal, groups, training=training)  # (batch, 1)
        return logit if self.auxiliary is None else logit + self.auxiliary(inputs, training=training)

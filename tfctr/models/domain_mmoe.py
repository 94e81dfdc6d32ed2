"""MMoE by domain: shared experts, and a gate and a tower for each domain."""

from __future__ import annotations

from typing import Any

from tfctr.layers.interaction import flatten_fields
from tfctr.layers.multi_task import Experts, expert_weights, mix_experts
from tfctr.models._registry import register_model
from tfctr.models.domain_model import DomainModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Ma et al., KDD 2018",
    label="DomainMMoE (many domains)",
    small={
        "domain": "shop",
        "embedding_dim": 4,
        "expert_units": (6, 5),
        "tower_units": (4,),
        "batch_norm": True,
        "num_experts": 2,
        "gate_units": (5,),
        "unknown_rate": 0.0,
    },
)
class DomainMMoE(DomainModel):
    """``logit = tower_d(sum_i g_d,i(x) f_i(x))`` with ``g_d = softmax(W_d x + b_d)`` on ``x = flatten(fields)``.

    `MMoE` with a domain in place of a task. d is the domain of the row. One expert is `DomainSharedBottom`. A domain
    that training did not see has a gate and a tower too, which learn from the `unknown_rate` of the rows, whose
    domain is hidden from the model in training.

    Args:
        spec: Bound spec.
        domain: See `DomainModel`.
        num_experts: Experts; 8 in the paper's experiments.
        expert_units: Widths of an expert's layers.
        tower_units: Widths of the hidden layers of each domain's tower.
        gate_units: Widths of hidden layers of the gates; none in the paper.
        batch_norm: Whether each layer of an expert normalises before its activation.
        unknown_rate: Share of training rows whose domain is hidden; 0, as others have it, leaves what unknown domains
            go through as it was drawn.
        **options: See `DomainModel`.

    Raises:
        SpecError: When no categorical feature tells the domain.

    Reference: J. Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts",
    KDD 2018, section 4.2, a task taken as a domain.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        domain: str | None = None,
        num_experts: int = 8,
        expert_units: tuple[int, ...] = (256, 128),
        tower_units: tuple[int, ...] = (64,),
        gate_units: tuple[int, ...] = (),
        batch_norm: bool = False,
        unknown_rate: float = 0.05,
        **options: Any,
    ) -> None:
        super().__init__(spec, domain=domain, unknown_rate=unknown_rate, **options)
        self.num_experts = num_experts
        self.expert_units = tuple(expert_units)
        self.tower_units = tuple(tower_units)
        self.gate_units = tuple(gate_units)
        self.batch_norm = batch_norm
        self.embedding = self.make_embedding(name="embedding")
        self.experts = Experts(
            num_experts,
            self.expert_units,
            dropout_rate=self.dropout_rate,
            batch_norm=batch_norm,
            **self.part("experts"),
        )
        self.gates = self.make_group_towers(self.gate_units, "gates", output_units=num_experts, product=False)
        self.towers = self.make_group_towers(self.tower_units, "towers", output_units=1, product=False)

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        inputs = flatten_fields(self.embedding(features).fields)  # (batch, fields · dim)
        groups = self.groups(features, training=training)  # (batch,)
        weights = expert_weights(self.gates(inputs, groups, training=training))  # (batch, experts)
        mixed = mix_experts(weights, self.experts(inputs, training=training))  # (batch, units)
        return self.towers(mixed, groups, training=training)

    def expert_weights(self, features: dict[str, Any]) -> Any:
        """Return how much each row's domain listens to each expert, float32 ``(batch, num_experts)``.

        The model must be built.
        """
        inputs = flatten_fields(self.embedding(features).fields)
        return expert_weights(self.gates(inputs, self.groups(features)))

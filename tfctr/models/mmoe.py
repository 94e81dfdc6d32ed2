"""MMoE: shared experts, and a gate a task."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfctr.layers.interaction import flatten_fields
from tfctr.layers.multi_task import ExpertGate, Experts
from tfctr.models._registry import register_model
from tfctr.models.multi_task_model import MultiTaskModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Ma et al., KDD 2018",
    label="MMoE (several tasks)",
    small={
        "embedding_dim": 4,
        "expert_units": (6, 5),
        "tower_units": (4,),
        "batch_norm": True,
        "task_weights": {"buy": 2.0},
        "num_experts": 2,
        "gate_units": (5,),
    },
)
class MMoE(MultiTaskModel):
    """``logit_t = tower_t(sum_i g_t,i(x) f_i(x))`` with ``g_t = softmax(W_t x + b_t)`` on ``x = flatten(fields)``.

    One expert is `SharedBottom`.

    Args:
        spec: Bound spec.
        num_experts: Experts; 8 in the paper's experiments.
        expert_units: Widths of an expert's layers.
        tower_units: Widths of the hidden layers of each task's tower.
        gate_units: Widths of hidden layers of the gates; none in the paper.
        **options: See `MultiTaskModel`.

    Reference: J. Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", KDD 2018, section 4.2.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        num_experts: int = 8,
        expert_units: tuple[int, ...] = (256, 128),
        tower_units: tuple[int, ...] = (64,),
        gate_units: tuple[int, ...] = (),
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.num_experts = num_experts
        self.expert_units = tuple(expert_units)
        self.tower_units = tuple(tower_units)
        self.gate_units = tuple(gate_units)
        self.embedding = self.make_embedding(name="embedding")
        self.experts = Experts(
            num_experts,
            self.expert_units,
            dropout_rate=self.dropout_rate,
            batch_norm=self.batch_norm,
            **self.part("experts"),
        )
        self.gates = [
            ExpertGate(self.gate_units, dropout_rate=self.dropout_rate, **self.part(f"gate_{task}"))
            for task in self.tasks
        ]
        self.towers = self.make_towers(self.tower_units)

    def task_logits(self, features: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        inputs = flatten_fields(self.embedding(features).fields)  # (batch, fields · dim)
        experts = self.experts(inputs, training=training)  # (batch, experts, units)
        mixed = [gate(inputs, experts, training=training) for gate in self.gates]  # (batch, units) a task
        return dict(self.towers(ops.stack(mixed, axis=1), training=training))

    def expert_weights(self, features: dict[str, Any]) -> dict[str, Any]:
        """Return how much each task listens to each expert: task -> float32 ``(batch, num_experts)``.

        The model must be built. A row near one-hot, the same expert for all rows, says that the gate has polarised.
        """
        inputs = flatten_fields(self.embedding(features).fields)
        return {task: gate.gate(inputs) for task, gate in zip(self.tasks, self.gates, strict=True)}

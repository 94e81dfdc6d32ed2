"""PLE: own and shared experts, extracted level by level."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfctr.layers.interaction import flatten_fields
from tfctr.layers.multi_task import CustomizedGateControl
from tfctr.models._registry import register_model
from tfctr.models.multi_task_model import MultiTaskModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Tang et al., RecSys 2020",
    label="PLE (several tasks)",
    small={
        "embedding_dim": 4,
        "expert_units": (6,),
        "tower_units": (4,),
        "batch_norm": True,
        "task_weights": {"buy": 2.0},
        "own_experts": 1,
    },
)
class PLE(MultiTaskModel):
    """Levels of `CustomizedGateControl` on ``flatten(fields)``, then ``logit_t = tower_t(branch_t)``.

    With one level (the paper's CGC) the experts of one task never touch another's output; with more they do,
    through the shared branch. One level without own experts is `MMoE`.

    Args:
        spec: Bound spec.
        num_levels: Levels; the paper's PLE has more than one.
        own_experts: Experts of each task, on every level.
        shared_experts: Experts of all tasks, on every level.
        expert_units: Widths of an expert's layers, on every level.
        tower_units: Widths of the hidden layers of each task's tower.
        gate_units: Widths of hidden layers of the gates; none in the paper.
        **options: See `MultiTaskModel`.

    Raises:
        ValueError: When there is no level or no expert.

    Reference: H. Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
    Personalized Recommendations", RecSys 2020, section 4.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        num_levels: int = 2,
        own_experts: int = 2,
        shared_experts: int = 2,
        expert_units: tuple[int, ...] = (256, 128),
        tower_units: tuple[int, ...] = (64,),
        gate_units: tuple[int, ...] = (),
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        if num_levels < 1:
            raise ValueError(f"PLE needs num_levels of at least 1. Received: num_levels={num_levels}")
        self.num_levels = num_levels
        self.own_experts = own_experts
        self.shared_experts = shared_experts
        self.expert_units = tuple(expert_units)
        self.tower_units = tuple(tower_units)
        self.gate_units = tuple(gate_units)
        self.embedding = self.make_embedding(name="embedding")
        self.levels = [
            CustomizedGateControl(
                len(self.tasks),
                self.expert_units,
                own_experts=own_experts,
                shared_experts=shared_experts,
                last=level == num_levels - 1,
                gate_units=self.gate_units,
                batch_norm=self.batch_norm,
                dropout_rate=self.dropout_rate,
                **self.part(f"level_{level}"),
            )
            for level in range(num_levels)
        ]
        self.towers = self.make_towers(self.tower_units)

    def task_logits(self, features: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        branches = ops.expand_dims(flatten_fields(self.embedding(features).fields), 1)  # (batch, 1, fields · dim)
        for level in self.levels:
            branches = level(branches, training=training)  # (batch, tasks + 1, units); the last has no shared one
        return dict(self.towers(branches, training=training))

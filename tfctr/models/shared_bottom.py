"""Shared-Bottom: one MLP for all tasks and a tower for each."""

from __future__ import annotations

from typing import Any

from tfctr.layers.interaction import flatten_fields
from tfctr.layers.towers import MLP
from tfctr.models._registry import register_model
from tfctr.models.multi_task_model import MultiTaskModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Caruana, Machine Learning 1997",
    label="SharedBottom (several tasks)",
    small={"embedding_dim": 4, "hidden_units": (6, 5), "batch_norm": True, "tower_units": (8,)},
)
class SharedBottom(MultiTaskModel):
    """``logit_t = tower_t(MLP(flatten(fields)))``: the baseline of all multi-task models.

    Tasks that want opposite things of one feature share its units here, and each is worse for it.

    Args:
        spec: Bound spec.
        hidden_units: Widths of the shared MLP.
        tower_units: Widths of the hidden layers of each task's tower.
        **options: See `MultiTaskModel`.

    Reference: R. Caruana, "Multitask Learning", Machine Learning 28, 1997.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        hidden_units: tuple[int, ...] = (256, 128),
        tower_units: tuple[int, ...] = (64,),
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.hidden_units = tuple(hidden_units)
        self.tower_units = tuple(tower_units)
        self.embedding = self.make_embedding(name="embedding")
        self.bottom = MLP(
            self.hidden_units, dropout_rate=self.dropout_rate, batch_norm=self.batch_norm, **self.part("bottom")
        )
        self.towers = self.make_towers(self.tower_units)

    def task_logits(self, features: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        fields = self.embedding(features).fields  # (batch, fields, dim)
        shared = self.bottom(flatten_fields(fields), training=training)  # (batch, units)
        return dict(self.towers(shared, training=training))

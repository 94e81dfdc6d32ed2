"""PPNet: every layer of a tower gated by who the user is and what the item is."""

from __future__ import annotations

from typing import Any, Literal

from keras import ops

from tfctr.layers.domains import GatedMLP
from tfctr.layers.interaction import flatten_fields
from tfctr.models._registry import register_model
from tfctr.models.multi_task_model import MultiTaskModel
from tfctr.spec import BoundSpec, CategoricalFeature, FeatureSpec, Problem


@register_model(
    paper="Chang et al., KDD 2023",
    label="PPNet, the second half of PEPNet (several tasks)",
    small={
        "embedding_dim": 4,
        "hidden_units": (6, 5),
        "gate_units": 3,
        "batch_norm": True,
        "task_weights": {"buy": 2.0},
    },
)
class PPNet(MultiTaskModel):
    """``logit_t = tower_t(x)`` on ``x = flatten(fields)``, the input of each layer times a gate of its own.

    A gate is ``gate(prior, stop_gradient(x))``, see `GatedMLP`: users and items are told apart by gates, not by towers.
    `prior` are the features that say who and what a row is about. They have tables of their own for this, beside those
    of the fields, so that no gradient of a gate goes into x.

    A value that training did not see has an out-of-vocabulary vector: gates are then what the other fields make of
    them.

    Args:
        spec: Bound spec, of one task or several.
        prior: Names of the features that gates know; empty takes the first categorical feature of the user's side and
            of the item's, which by habit are their ids.
        hidden_units: Widths of each task's tower.
        gate_units: Hidden width of the gates; None takes the width of what is gated.
        gated: `input` of the layers, as in the paper, or `output` of the hidden ones, as in third-party code.
        **options: See `MultiTaskModel`.

    Raises:
        SpecError: When neither users nor items have a categorical feature.
        ValueError: When `prior` names an unknown feature.

    Reference: J. Chang et al., "PEPNet: Parameter and Embedding Personalized Network for Infusing with Personalized
    Prior Information", KDD 2023, arXiv 2302.01115, section 3: PPNet.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        prior: tuple[str, ...] = (),
        hidden_units: tuple[int, ...] = (256, 128, 64),
        gate_units: int | None = None,
        gated: Literal["input", "output"] = "input",
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.prior = tuple(prior) or _ids_of(self.spec.spec)
        self.hidden_units = tuple(hidden_units)
        self.gate_units = gate_units
        self.gated = gated
        self.embedding = self.make_embedding(name="embedding")
        self.prior_embedding = self.make_embedding(only=self.prior, name="prior")
        self.towers = [
            GatedMLP(
                self.hidden_units,
                output_units=1,
                gate_units=gate_units,
                gated=gated,
                batch_norm=self.batch_norm,
                dropout_rate=self.dropout_rate,
                **self.part(f"tower_{task}"),
            )
            for task in self.tasks
        ]

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        found = super().problems(spec)
        if not _ids_of(spec):
            text = f"{cls.__name__} gates by who the user or what the item is: add a categorical feature of theirs"
            found.append(Problem(text, "features"))
        return found

    def inputs(self, features: dict[str, Any]) -> Any:
        """Return what the towers read, ``(batch, fields · dim)``."""
        return flatten_fields(self.embedding(features).fields)

    def task_logits(self, features: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        inputs = self.inputs(features)
        prior = flatten_fields(self.prior_embedding(features).fields)
        context = ops.concatenate([prior, ops.stop_gradient(inputs)], axis=-1)
        return {
            task: tower(inputs, context, training=training) for task, tower in zip(self.tasks, self.towers, strict=True)
        }


def _ids_of(spec: FeatureSpec) -> tuple[str, ...]:
    """The first categorical feature of each side."""
    sides: dict[str, str] = {}
    for feature in spec.of_kind(CategoricalFeature):
        if feature.role in ("user", "item"):
            sides.setdefault(feature.role, feature.name)
    return tuple(sides.values())

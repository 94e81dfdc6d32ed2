"""CreativeSurvival: how long an ad creative lasts, as hazards over short and long horizons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from tfctr.layers.embedding import MissingVector
from tfctr.layers.survival import HazardHead
from tfctr.layers.towers.mlp import MLP
from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec, FeatureSpec, NumericFeature, Problem, SurvivalTask, VectorFeature, is_bucketed


@register_model(
    paper="Kitada et al., Applied Sciences 2022",
    label="CreativeSurvival: how long an ad lasts (survival tasks)",
    small={
        "embedding_dim": 4,
        "hidden_units": (6, 5),
        "batch_norm": True,
        "task_weights": {"long": 0.7},
        "base_hazards": {"short": (0.1, 0.2, 0.3)},
    },
)
class CreativeSurvival(CTRModel):
    """One tower for all that is known of a creative, and a head of hazards for each horizon.

    ``hidden = MLP(fields, normalised numbers)``, ``a_t = W_t hidden + b_t`` for each survival task t; the loss is the
    two-term ``λ NLL_short + (1 - λ) NLL_long``, each term a mean weighted by the rows' weights (the click rate). The
    two horizons of the paper are two tasks of the spec on the same columns, one with cut points of days, one of weeks:
    both see every creative; one that lasts beyond the short horizon survived all of its intervals. With one task it is
    a plain discrete-time survival network.

    Text enters as a `multi` feature (a bag of tokens, hashed or learned) or, as images do, as a `vector` computed
    before: the paper's encoders are frozen or interchangeable parts in front of the network. A creative without a
    vector gets a learned one. Numbers go into the tower as numbers, normalised over the batch. Give numbers that are
    known when the question is asked: totals over a creative's life tell how long it was.

    Args:
        spec: Bound spec; every task is a survival task.
        hidden_units: Widths of the shared tower.
        dropout_rate: Share of hidden units dropped in training.
        batch_norm: Whether each hidden layer normalises before its activation.
        task_weights: Task -> its share λ of the loss. None gives all the same, λ = 1/2 for two: the paper's value is
            not known to us.
        base_hazards: Task -> hazards that its head begins with, see `HazardHead`.
        **options: See `CTRModel`.

    Output:
        Integrated hazards, float32 ``(batch, intervals)``; of several tasks a dict.

    Raises:
        ValueError: When `task_weights` or `base_hazards` names an unknown task, a share is negative, or a task's
            quantiles are not replaced by cut points yet.

    Reference: Kitada, Iyatomi and Seki, "Ad Creative Discontinuation Prediction with Multi-Modal Multi-Task Neural
    Survival Networks", Applied Sciences 12(7), 3594, 2022.
    """

    task_kinds: ClassVar[tuple[str, ...]] = ("survival",)

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        hidden_units: tuple[int, ...] = (128, 64),
        dropout_rate: float = 0.0,
        batch_norm: bool = False,
        task_weights: Mapping[str, float] | None = None,
        base_hazards: Mapping[str, Sequence[float]] | None = None,
        **options: Any,
    ):
        super().__init__(spec, **options)
        self.hidden_units = tuple(hidden_units)
        self.dropout_rate = dropout_rate
        self.batch_norm = batch_norm
        self.task_weights = dict(task_weights or {})
        self.base_hazards = {task: tuple(values) for task, values in (base_hazards or {}).items()}
        tasks = tuple(task for task in self.spec.spec.tasks if isinstance(task, SurvivalTask))
        self._check({task.name for task in tasks})
        features = self.spec.spec.features
        self._numbers = tuple(f.name for f in features if isinstance(f, NumericFeature) and not is_bucketed(f))
        self.missing = {
            f.name: MissingVector(dtype=self.dtype_policy, name=f"missing_{f.name}")
            for f in features
            if isinstance(f, VectorFeature)
        }
        others = tuple(f.name for f in features if f.name not in self._numbers)
        self.embedding = self.make_embedding(only=others) if others else None
        self.normalise = (
            keras.layers.BatchNormalization(momentum=0.9, dtype=self.dtype_policy, name="normalise")
            if self._numbers
            else None
        )
        self.tower = MLP(self.hidden_units, dropout_rate=dropout_rate, batch_norm=batch_norm, **self.part("tower"))
        self.heads = {
            task.name: HazardHead(len(task.grid), self.base_hazards.get(task.name), **self.part(f"hazards_{task.name}"))
            for task in tasks
        }

    def _check(self, tasks: set[str]) -> None:
        unknown = {*self.task_weights, *self.base_hazards} - tasks
        if unknown or any(share < 0 for share in self.task_weights.values()):
            raise ValueError(
                f"task_weights and base_hazards name tasks of the spec, {', '.join(sorted(tasks))}, and weights are at "
                f"least 0. Received: {self.task_weights} and {sorted(self.base_hazards)}"
            )

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        """Return the tasks that are no survival tasks."""
        return cls.kind_problems(spec)

    def compile(self, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> None:
        """Compile as Keras does; without a loss of the caller's the tasks' losses are weighted by `task_weights`."""
        if loss is None and len(self.heads) > 1:
            equal = 1 / len(self.heads)
            kwargs.setdefault("loss_weights", {task: float(self.task_weights.get(task, equal)) for task in self.heads})
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        parts = ops.concatenate(self._parts(features, training), axis=1)  # (batch, fields · dim + numbers)
        hidden = self.tower(parts, training=training)  # (batch, units)
        found = {task: head(hidden) for task, head in self.heads.items()}  # (batch, intervals) each
        return found if len(found) > 1 else next(iter(found.values()))

    def _parts(self, features: dict[str, Any], training: bool | None) -> list[Any]:
        """Embedded fields ``(batch, fields · dim)`` and numbers ``(batch, numbers)``, where there are any."""
        parts = []
        if self.embedding is not None:
            filled = {**features, **{name: layer(features[name]) for name, layer in self.missing.items()}}
            fields = self.embedding(filled).fields
            parts.append(ops.reshape(fields, (-1, fields.shape[1] * fields.shape[2])))
        if self.normalise is not None:
            numbers = ops.stack([features[name] for name in self._numbers], axis=1)  # (batch, numbers)
            parts.append(ops.cast(self.normalise(numbers, training=training), self.compute_dtype))
        return parts

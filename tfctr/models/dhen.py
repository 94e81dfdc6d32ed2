"""DHEN: different interaction modules side by side, layer upon layer, under several tasks and several histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from tfctr.layers.field_blocks import DHENLayer
from tfctr.layers.field_blocks.dhen_layer import Ensemble, Module
from tfctr.layers.interaction import flatten_fields
from tfctr.layers.sequence import BehaviourEncoder
from tfctr.models._histories import History, histories_of, target_problems
from tfctr.models._registry import register_model
from tfctr.models.multi_task_model import MultiTaskModel
from tfctr.spec import BoundSpec, FeatureSpec, Problem, SequenceFeature


@register_model(
    paper="Zhang et al., 2022; arXiv 2504.08169",
    label="DHEN (several tasks, several histories with a loss of their own)",
    small={
        "embedding_dim": 4,
        "num_layers": 1,
        "tower_units": (4,),
        "encoder_layers": 1,
        "auxiliary_weight": {"clicks": 0.1},
    },
    untrained={
        "key/bias": "adds the same to all scores of a query, which the softmax takes out",
        "next_item/kernel": "learns from the auxiliary loss alone",
        "next_action_0/kernel": "learns from the auxiliary loss alone",
        "next_action_0/bias": "learns from the auxiliary loss alone",
    },
)
class DHEN(MultiTaskModel):
    """``logit_t = tower_t(flatten(X_N))``, ``X_{n+1} = Norm(Ensemble_i(u_i(X_n)) + ShortCut(X_n))``, for all tasks.

    ``X_0`` is the fields and one embedding for each history: what the candidate finds in the states of a causal
    transformer over its events (`BehaviourEncoder`). Several histories, such as what a user did here and elsewhere,
    have an encoder each. While labels are rare, every encoder also learns to predict the next event of its own
    history: the next item, and the next value of each aligned sequence that no feature of the candidate corresponds to
    (a kind of event). That loss is there in training alone.

    A spec without sequences gives the network of the first paper, with a tower for each task.

    What the papers leave open, or their readers disagree about: the DCN module has no skip of its own, since the layer
    has one (`CrossBlock` offers the paper's formula as `gram`); the norm runs over each embedding; the candidate is
    attended *after* the causal encoder, lest it leak into the auxiliary task, where TransAct puts it beside every
    event; the modules, depth and widths of the deployed model are not public.

    Args:
        spec: Bound spec. Each of its histories, if any, has a sequence with a target.
        num_layers: Layers N; the paper studies 1 to 8.
        modules: See `DHENLayer`; the kinds that the second paper names.
        out_embeddings: Embeddings of each module; None takes the fields over the modules, rounded up, so that a layer
            keeps the number of embeddings about the same.
        ensemble: `concat`, `sum` or `weighted`.
        tower_units: Widths of the hidden layers of each task's tower.
        encoder_layers: Layers of each history's transformer.
        num_heads: Heads of each history's transformer; divides `embedding_dim`.
        auxiliary_weight: λ of the histories' own losses: a number for all, or first events' sequence -> number.
        temperature: Of the softmax over items.
        **options: See `MultiTaskModel`. Here `dropout_rate` is that of encoders and towers, and `batch_norm` that of
            towers: modules have a layer's norm, and their dropout among their own arguments.

    Raises:
        SpecError: When a history has nothing that the candidate could be compared with.
        ValueError: When `num_layers` is below 1, or `auxiliary_weight` names an unknown history.

    Reference: B. Zhang et al., "DHEN", 2022, arXiv 2203.11014; its practice for conversions, 2025, arXiv 2504.08169.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        num_layers: int = 2,
        modules: Sequence[Module] = ("cross", "attention", "mlp"),
        out_embeddings: int | None = None,
        ensemble: Ensemble = "concat",
        tower_units: tuple[int, ...] = (64,),
        encoder_layers: int = 2,
        num_heads: int = 2,
        auxiliary_weight: float | Mapping[str, float] = 0.1,
        temperature: float = 0.07,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        if num_layers < 1:
            raise ValueError(f"DHEN needs num_layers of at least 1. Received: {num_layers=}")
        self.num_layers = num_layers
        self.modules = tuple(module if isinstance(module, str) else dict(module) for module in modules)
        self.out_embeddings = out_embeddings
        self.ensemble = ensemble
        self.tower_units = tuple(tower_units)
        self.encoder_layers = encoder_layers
        self.num_heads = num_heads
        self.auxiliary_weight = (
            auxiliary_weight if isinstance(auxiliary_weight, float | int) else dict(auxiliary_weight)
        )
        self.temperature = temperature
        self.embedding = self.make_embedding(pool_sequences=False, name="embedding")
        self.histories = histories_of(self.spec.spec)
        self.encoders = [self._encoder(history, weight) for history, weight in self._weighted_histories()]
        fields = len(self.embedding.field_names) + len(self.histories)
        self.layers_of_modules = [
            DHENLayer(
                self.modules,
                out_embeddings or -(-fields // len(self.modules)),
                ensemble=ensemble,
                **self.part(f"layer_{index}"),
            )
            for index in range(num_layers)
        ]
        self.towers = self.make_towers(self.tower_units)

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        found = [*super().problems(spec), *target_problems(spec)]
        positions = {feature.name: index for index, feature in enumerate(spec.features)}
        for history in histories_of(spec):
            if not any(history.targets):
                found.append(
                    Problem(
                        f"{cls.__name__} asks what a candidate finds in {history.events[0]!r}; give it, or a sequence "
                        "aligned with it, a `target` (or `shares`) that is a feature of the candidate",
                        f"features.{positions[history.events[0]]}.target",
                    )
                )
        return found

    def _weighted_histories(self) -> list[tuple[History, float]]:
        """Each history and the λ of its auxiliary loss."""
        names = [history.events[0] for history in self.histories]
        weights = self.auxiliary_weight
        if not isinstance(weights, dict):
            return [(history, float(weights)) for history in self.histories]
        if unknown := set(weights) - set(names):
            raise ValueError(f"auxiliary_weight names {sorted(unknown)}; the histories are {names}")
        return [(history, float(weights.get(name, 0.0))) for history, name in zip(self.histories, names, strict=True)]

    def _encoder(self, history: History, weight: float) -> BehaviourEncoder:
        actions = [name for name, target in zip(history.events, history.targets, strict=True) if not target]
        timed = {f.name for f in self.spec.spec.features if isinstance(f, SequenceFeature) and f.times}
        return BehaviourEncoder(
            self.embedding_dim,
            num_layers=self.encoder_layers,
            num_heads=self.num_heads,
            with_times=history.events[0] in timed,
            item_dim=self.embedding_dim,
            num_actions=[self.spec.rows_of(name) for name in actions],
            auxiliary_weight=weight,
            temperature=self.temperature,
            dropout_rate=self.dropout_rate,
            **self.part(f"encoder_{history.events[0]}"),
        )

    def task_logits(self, features: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        embedded = self.embedding(features)
        parts = [embedded.fields]  # (batch, fields, dim); each history adds one field
        for history, encoder in zip(self.histories, self.encoders, strict=True):
            parts.append(ops.expand_dims(self._interest(history, encoder, embedded, features, training), 1))
        fields = ops.concatenate(parts, axis=1) if len(parts) > 1 else embedded.fields
        for layer in self.layers_of_modules:
            fields = layer(fields, training=training)  # (batch, embeddings, dim)
        return dict(self.towers(flatten_fields(fields), training=training))

    def _interest(
        self, history: History, encoder: BehaviourEncoder, embedded: Any, features: Any, training: Any
    ) -> Any:
        """What the candidate finds in one history, ``(batch, embedding_dim)``."""
        pairs = list(zip(history.events, history.targets, strict=True))
        compared, actions = [p for p in pairs if p[1]], [name for name, target in pairs if not target]
        candidate = [embedded.fields[:, self.embedding.field_index(target)] for _, target in compared]
        events = [embedded.sequences[name] for name in (*(name for name, _ in compared), *actions)]
        return encoder(
            ops.concatenate(candidate, axis=-1),
            ops.concatenate(events, axis=-1),
            mask=embedded.masks[history.events[0]],
            times=embedded.times.get(history.events[0]),
            items=features[compared[0][0]],
            actions=ops.stack([features[name] for name in actions], axis=-1) if actions else None,
            training=training,
        )

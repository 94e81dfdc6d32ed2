"""DIN: the user's interest depends on the candidate."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

from tfctr.layers.embedding import MiniBatchAware
from tfctr.layers.interaction import flatten_fields
from tfctr.layers.sequence import DINAttention, SumPooling
from tfctr.layers.towers import MLP
from tfctr.models.ctr_model import CTRModel
from tfctr.models.histories import History, histories_of, history_problems
from tfctr.spec import BoundSpec, FeatureSpec, Problem


@keras.saving.register_keras_serializable(package="tfctr")
class DIN(CTRModel):
    """``logit = MLP([fields ; v(q)])``, ``v(q)`` the events of a history weighted by their relevance for candidate q.

    Every history of the spec has an attention unit of its own; side columns that are aligned with a sequence
    are put beside its events, and their targets beside the candidate.

    Args:
        spec: Bound spec with at least one sequence that names its target.
        hidden_units: Widths of the tower; 200 and 80 are the paper's.
        activation: Of the tower: `dice`, `prelu`, or the name of a Keras activation.
        attention_units: Widths of the scorer; 80 and 40 in both code bases of the authors.
        attention_activation: Of the scorer.
        attention_softmax: Whether scores are normalised; the paper's are not.
        extra_pooling: What stands beside ``v(q)``: `none`, `sum` (the summed history) or `sum_prod` (also its product
            with the candidate, as in the authors' second code base).
        mini_batch_aware: Strength of `MiniBatchAware` in place of `embedding_l2`; needs `set_counts`; 0 for none.
        dropout_rate: Share of the tower's hidden units dropped in training.
        batch_norm: Whether each hidden layer of the tower normalises before its activation.
        **options: See `CTRModel`.

    Raises:
        ValueError: When `extra_pooling` is unknown.
        SpecError: When the spec has no sequence, or one without a candidate's feature to be compared with.

    Reference: G. Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018,
    arXiv 1706.06978, section 4.
    """

    def __init__(
        self,
        spec: BoundSpec | dict,
        *,
        hidden_units: tuple[int, ...] = (200, 80),
        activation: str = "dice",
        attention_units: tuple[int, ...] = (80, 40),
        attention_activation: str = "dice",
        attention_softmax: bool = False,
        extra_pooling: Literal["none", "sum", "sum_prod"] = "none",
        mini_batch_aware: float = 0.0,
        dropout_rate: float = 0.0,
        batch_norm: bool = False,
        **options: Any,
    ) -> None:
        if mini_batch_aware:
            options["embedding_l2"] = MiniBatchAware(mini_batch_aware)
        super().__init__(spec, **options)
        if extra_pooling not in ("none", "sum", "sum_prod"):
            raise ValueError(f"extra_pooling is none, sum or sum_prod. Received: extra_pooling={extra_pooling!r}")
        self.hidden_units = tuple(hidden_units)
        self.activation = activation
        self.attention_units = tuple(attention_units)
        self.attention_activation = attention_activation
        self.attention_softmax = attention_softmax
        self.extra_pooling = extra_pooling
        self.mini_batch_aware = mini_batch_aware
        self.dropout_rate = dropout_rate
        self.batch_norm = batch_norm
        self.embedding = self.make_embedding(pool_sequences=False, name="embedding")
        self.histories = histories_of(self.spec.spec)
        self.attentions = [
            DINAttention(
                self.attention_units,
                activation=attention_activation,
                softmax=attention_softmax,
                name=f"attention_{history.events[0]}",
            )
            for history in self.histories
        ]
        self.pooling = SumPooling(name="pooling")
        self.tower = MLP(
            self.hidden_units,
            output_units=1,
            activation=activation,
            dropout_rate=dropout_rate,
            batch_norm=batch_norm,
            name="tower",
        )

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        return [*super().problems(spec), *history_problems(spec, cls.__name__)]

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        embedded = self.embedding(features)
        parts = [flatten_fields(embedded.fields)]
        for history, attention in zip(self.histories, self.attentions, strict=True):
            parts += self._interest(embedded, history, attention, training)
        return self.tower(ops.concatenate(parts, axis=-1), training=training)

    def _interest(self, embedded: Any, history: History, attention: DINAttention, training: bool | None) -> list[Any]:
        """The vectors ``(batch, dim)`` that one history gives."""
        candidate = [embedded.fields[:, self.embedding.field_index(name)] for name in history.targets]
        target = ops.concatenate(candidate, axis=-1)
        events = ops.concatenate([embedded.sequences[name] for name in history.events], axis=-1)
        mask = embedded.masks[history.events[0]]
        interest = [attention(target, events, mask=mask, training=training)]
        if self.extra_pooling != "none":
            interest.append(self.pooling(target, events, mask=mask))
        if self.extra_pooling == "sum_prod":
            interest.append(target * interest[-1])
        return interest

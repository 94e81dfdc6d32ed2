"""What models that compare a history with a candidate share."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfctr.layers.interaction import flatten_fields
from tfctr.layers.towers import MLP
from tfctr.models._histories import Compared, compared, histories_of, history_problems
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec, FeatureSpec, Problem


class HistoryModel(CTRModel):
    """``logit = MLP([fields ; interests])``; a subclass says in `interests` what a history tells of a candidate.

    Args:
        spec: Bound spec with at least one sequence that names its target.
        hidden_units: Widths of the tower; 200 and 80 are those of DIN's paper.
        activation: Of the tower: `dice`, `prelu`, or the name of a Keras activation.
        dropout_rate: Share of the tower's hidden units dropped in training.
        batch_norm: Whether each hidden layer of the tower normalises before its activation.
        **options: See `CTRModel`.

    Raises:
        SpecError: When the spec has no sequence, or one without a candidate's feature to be compared with.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        hidden_units: tuple[int, ...] = (200, 80),
        activation: str = "dice",
        dropout_rate: float = 0.0,
        batch_norm: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.hidden_units = tuple(hidden_units)
        self.activation = activation
        self.dropout_rate = dropout_rate
        self.batch_norm = batch_norm
        self.embedding = self.make_embedding(pool_sequences=False, name="embedding")
        self.histories = histories_of(self.spec.spec)

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        return [*super().problems(spec), *history_problems(spec, cls.__name__)]

    def make_tower(self) -> MLP:
        """Return the tower that ends in the logit."""
        return MLP(
            self.hidden_units,
            output_units=1,
            activation=self.activation,
            dropout_rate=self.dropout_rate,
            batch_norm=self.batch_norm,
            **self.part("tower"),
        )

    def interests(
        self, index: int, compared: Compared, features: dict[str, Any], training: bool | None = None
    ) -> list[Any]:
        """Return the vectors ``(batch, k)`` that history number `index` gives to the tower.

        Args:
            index: Position in `histories`.
            compared: The history and its candidate, embedded.
            features: The example as it came.
            training: Whether the model trains.
        """
        raise NotImplementedError

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        embedded = self.embedding(features)
        parts = [flatten_fields(embedded.fields)]  # (batch, fields · dim), then (batch, k) of each interest
        for index, history in enumerate(self.histories):
            parts += self.interests(index, compared(history, self.embedding, embedded), features, training)
        return self.tower(ops.concatenate(parts, axis=-1), training=training)

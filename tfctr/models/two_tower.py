"""Two towers: users and items as vectors whose product is the logit, so that items can be found, not only scored."""

from __future__ import annotations

from typing import Any

from keras import KerasTensor, ops

from tfctr.layers.embedding import FeatureEmbedding
from tfctr.layers.interaction import flatten_fields
from tfctr.layers.towers import MLP
from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.models.extra_signature import ENCODE_USER, RANK_WITH_STATE, ExtraSignature
from tfctr.spec import BoundSpec, FeatureSpec, Problem, SequenceFeature

USER_VECTOR = "user__vector"
"""What the state of a user is called."""


@register_model(
    paper="Yi et al., RecSys 2019",
    label="TwoTower (retrieval)",
    small={"embedding_dim": 4, "hidden_units": (6,), "vector_dim": 3},
)
class TwoTower(CTRModel):
    """``logit = <user_vector(user, context), item_vector(item)> + b``.

    The item's features alone make the item's vector: all of them can be made beforehand and searched for the largest
    products (`tfctr.serving.export_index`). Served, `encode_user` gives the user's vector, ``user__vector`` float32
    ``(batch, width)``, for an index of one's own, and `rank_with_state` scores candidates with it. The two towers share
    no table, also where a history shares the item's vocabulary. A click model as any other when trained on a log;
    trained on positives and drawn negatives (`tfctr.data.batches.DrawnNegatives`) it ranks all items.

    Args:
        spec: Bound spec with features of the item, and of the user or the context.
        hidden_units: Widths of each tower's hidden layers; with none a vector is the sum of the features' embeddings
            (matrix factorisation when there are ids alone).
        vector_dim: Width of the two vectors of towers with hidden layers; without, it is `embedding_dim`.
        dropout_rate: Share of hidden units dropped in training.
        **options: See `CTRModel`.

    Raises:
        SpecError: When one side has no feature, and for a cross of both sides.

    Reference: Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019,
    section 3 (towers and product; their loss over the batch is not taken, negatives are drawn evenly).
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        hidden_units: tuple[int, ...] = (),
        vector_dim: int = 32,
        dropout_rate: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.hidden_units = tuple(hidden_units)
        self.vector_dim = vector_dim
        self.dropout_rate = dropout_rate
        features = self.spec.spec.features
        self.item_embedding = self._side(tuple(f.name for f in features if f.role == "item"), "item_embedding")
        self.user_embedding = self._side(tuple(f.name for f in features if f.role != "item"), "user_embedding")
        self.item_tower, self.user_tower = self._tower("item_tower"), self._tower("user_tower")

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        found = super().problems(spec)
        roles = {feature.role for feature in spec.features}
        if "item" not in roles:
            found.append(Problem("TwoTower needs a feature with the role item", "features"))
        if not roles - {"item"}:
            found.append(Problem("TwoTower needs a feature with the role user or context", "features"))
        for mixed in spec.mixed_features:
            what, key = ("cross", ".of") if mixed.kind == "cross" else ("feature", ".from_time")
            text = f"TwoTower keeps its sides apart, and the {what} {mixed.name!r} needs both; leave it out"
            found.append(Problem(text, f"features.{spec.features.index(mixed)}{key}"))
        return found

    def _side(self, names: tuple[str, ...], name: str) -> FeatureEmbedding:
        return self.make_embedding(only=names, name=name)

    def _tower(self, name: str) -> MLP | None:
        if not self.hidden_units:
            return None
        return MLP(self.hidden_units, output_units=self.vector_dim, dropout_rate=self.dropout_rate, **self.part(name))

    def build(self, input_shape: Any = None) -> None:
        self.bias = self.add_weight(name="bias", shape=(1,), initializer="zeros")
        super().build(input_shape)

    def user_vectors(self, features: dict[str, Any], training: bool | None = None) -> Any:
        """Return the vectors of users in their context, ``(batch, width)``; item features are not needed."""
        return _vectors(self.user_embedding, self.user_tower, features, training)

    def item_vectors(self, features: dict[str, Any], training: bool | None = None) -> Any:
        """Return the vectors of items, ``(batch, width)``; other features are not needed."""
        return _vectors(self.item_embedding, self.item_tower, features, training)

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        return self._product(self.user_vectors(features, training), self.item_vectors(features, training))

    def _product(self, users: Any, items: Any) -> Any:
        products = ops.sum(users * items, axis=-1, keepdims=True)  # (batch, 1)
        return products + ops.cast(self.bias, users.dtype)

    def extra_signatures(self) -> tuple[ExtraSignature, ...]:
        reads: dict[bool, list[str]] = {True: [], False: []}
        for feature in self.spec.spec.features:
            times = [feature.times_name] if isinstance(feature, SequenceFeature) and feature.times else []
            reads[feature.role == "item"] += [feature.name, *times]
        width = self.vector_dim if self.hidden_units else self.embedding_dim

        def encode(features: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
            return {USER_VECTOR: ops.cast(self.user_vectors(features, training=False), "float32")}

        def rank(features: dict[str, Any], state: dict[str, Any]) -> Any:
            items = self.item_vectors(features, training=False)
            return self.outputs_from_logits(
                self._product(ops.cast(state[USER_VECTOR], items.dtype), items), training=False
            )

        state = {USER_VECTOR: KerasTensor((None, width), "float32")}
        return (
            ExtraSignature(ENCODE_USER, tuple(reads[False]), encode, "state"),
            ExtraSignature(RANK_WITH_STATE, tuple(reads[True]), rank, "probabilities", state, one_user=True),
        )


def _vectors(embedding: FeatureEmbedding, tower: MLP | None, features: dict[str, Any], training: bool | None) -> Any:
    fields = embedding(features).fields  # (batch, fields, dim)
    return ops.sum(fields, axis=1) if tower is None else tower(flatten_fields(fields), training=training)

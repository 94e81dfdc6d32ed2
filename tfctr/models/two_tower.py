"""Two towers: users and items as vectors whose product is the logit, so that items can be found, not only scored."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers.embedding import FeatureEmbedding
from tfctr.layers.interaction import flatten_fields
from tfctr.layers.towers import MLP
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec, FeatureSpec, Problem


@keras.saving.register_keras_serializable(package="tfctr")
class TwoTower(CTRModel):
    """``logit = <user_vector(user, context), item_vector(item)> + b``.

    The item's features alone make the item's vector: all of them can be made beforehand and searched for the largest
    products (`tfctr.serving.export_index`). The two towers share no table, also where a history shares the item's
    vocabulary. A click model as any other when trained on a log; trained on positives and drawn negatives
    (`tfctr.data.batches.DrawnNegatives`) it ranks all items.

    Args:
        spec: Bound spec with features of the item, and of the user or the context.
        hidden_units: Widths of each tower's hidden layers; with none a vector is the sum of the features' embeddings
            (matrix factorisation when there are ids alone).
        vector_dim: Width of the two vectors of towers with hidden layers; without, it is `embedding_dim`.
        dropout_rate: Share of hidden units dropped in training.
        **options: See `CTRModel`.

    Raises:
        SpecError: When one side has no feature.

    Reference: Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019,
    section 3 (towers and product; their loss over the batch is not taken, negatives are drawn evenly).
    """

    def __init__(
        self,
        spec: BoundSpec | dict,
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
        return found

    def _side(self, names: tuple[str, ...], name: str) -> FeatureEmbedding:
        return self.make_embedding(only=names, name=name)

    def _tower(self, name: str) -> MLP | None:
        if not self.hidden_units:
            return None
        return MLP(self.hidden_units, output_units=self.vector_dim, dropout_rate=self.dropout_rate, name=name)

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
        users, items = self.user_vectors(features, training), self.item_vectors(features, training)
        return ops.sum(users * items, axis=-1, keepdims=True) + ops.cast(self.bias, users.dtype)


def _vectors(embedding: FeatureEmbedding, tower: MLP | None, features: dict[str, Any], training: bool | None) -> Any:
    fields = embedding(features).fields
    return ops.sum(fields, axis=1) if tower is None else tower(flatten_fields(fields), training=training)

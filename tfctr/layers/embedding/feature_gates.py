"""One gate for each value of a feature: what OptFS searches a feature set with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

from tfctr.layers._base import Layer
from tfctr.layers.embedding._gather import gather_rows
from tfctr.layers.embedding.fused_lookup import OOV
from tfctr.spec import BoundSpec, NumericFeature, VectorFeature, is_bucketed, table_of


class _OpenGates(keras.regularizers.Regularizer):
    """``λ Σ σ(τ c)`` over all gates: once a step, however often they are looked up."""

    def __init__(self, layer: FeatureGates):
        self._layer = layer

    def __call__(self, gates: Any) -> Any:
        temperature = ops.convert_to_tensor(self._layer.temperature)
        return self._layer.strength * ops.sum(ops.sigmoid(temperature * gates))


@keras.saving.register_keras_serializable(package="tfctr")
class FeatureGates(Layer):
    """Multiply what is looked up for a value of a feature by that value's gate.

    Soft gates are ``σ(τ c) / σ(c₀)`` of a learned logit c that starts at c₀, so that all are 1 at the temperature
    τ = 1; as `temperature` rises they go to 0 where c is below 0. Hard gates are 1 where c is above 0, else 0, and do
    not learn. Each id of a vocabulary has a gate, which all its features share, out-of-vocabulary ids too; a number and
    a vector have one gate each. A model hands one and the same `FeatureGates` to its embeddings and its linear part, so
    that a value is kept or dropped in both. An interaction of two gated vectors that is linear in each is gated by the
    product: a pair is kept where both its values are.

    ``strength · Σ σ(τ c)`` over all gates is a loss of the layer: gates of values that the batch lacks fall, too. Their
    gradient is then far below 1e-7, the `epsilon` of Keras' Adam, at which they would not move; see
    `tfctr.plans.OptFS`.

    Args:
        spec: Bound spec.
        initial: c₀, above 0.
        strength: λ, weight of the loss.
        hard: Whether gates are 0 or 1.
        ids: Whether ids have gates, or numbers and vectors alone.

    Raises:
        ValueError: When `initial` or `strength` is out of range, or there is nothing to gate.

    Reference: Lyu et al., "Optimizing Feature Set for Click-Through Rate Prediction", WWW 2023, arXiv 2301.10909. In
    its released code hard gates are ``1 / σ(c₀)``: a factor on all rows alike, which is left out here.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        initial: float = 0.5,
        strength: float = 0.0,
        hard: bool = False,
        ids: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not initial > 0:
            raise ValueError(f"initial is above 0, or a hard gate would be closed at once. Received: {initial}")
        if not strength >= 0:
            raise ValueError(f"strength is at least 0. Received: {strength}")
        self.spec = BoundSpec.coerce(spec)
        self.initial, self.strength, self.hard, self.ids = initial, strength, hard, ids
        self.vocabularies = dict(self.spec.rows) if ids else {}
        self.fields = tuple(
            f.name
            for f in self.spec.spec.features
            if isinstance(f, VectorFeature) or (isinstance(f, NumericFeature) and not is_bucketed(f))
        )
        self._vocabulary_of = {f.name: table_of(f) for f in self.spec.spec.features if f.name not in self.fields}
        starts = np.cumsum([0, *self.vocabularies.values()]).tolist()
        self._starts = dict(zip(self.vocabularies, starts, strict=False))
        self.size = starts[-1] + len(self.fields)
        if not self.size:
            raise ValueError(f"spec {self.spec.spec.name!r} has no numbers and no vectors to gate")

    def build(self, input_shape: Any = None) -> None:
        """Make the weights: ``gates`` (values,), vocabulary after vocabulary and then fields, and ``temperature``."""
        self.temperature = self.add_weight(
            name="temperature", shape=(), initializer="ones", dtype="float32", autocast=False, trainable=False
        )
        self.gates = self.add_weight(
            name="gates",
            shape=(self.size,),
            initializer=keras.initializers.Constant(self.initial),
            dtype="float32",
            autocast=False,
            trainable=not self.hard,
            regularizer=_OpenGates(self) if self.strength and not self.hard else None,
        )

    def opened(self, logits: Any) -> Any:
        """Return the gates of logits of any shape."""
        if self.hard:
            return ops.cast(logits > 0, "float32")
        full = 1 / (1 + math.exp(-self.initial))
        return ops.sigmoid(ops.convert_to_tensor(self.temperature) * logits) / full

    def of_ids(self, features: dict[str, Any], names: Sequence[str]) -> Any:
        """Return the gates of id features side by side, float32 ``(batch, positions, 1)``.

        Args:
            features: At least the ids of `names`, ``(batch[, length])`` each.
            names: Features; a single id has one position, a list as many as it is long.
        """
        return self.opened(ops.expand_dims(gather_rows(self.gates, self._places(features, names)), -1))

    def _places(self, features: dict[str, Any], names: Sequence[str]) -> Any:
        """Places of ids among all gates; an id outside its vocabulary is the out-of-vocabulary one."""
        places = []
        for name in names:
            ids, vocabulary = features[name], self._vocabulary_of[name]
            ids = ops.expand_dims(ids, 1) if len(ids.shape) == 1 else ids
            known = ops.logical_and(ids >= 0, ids < self.vocabularies[vocabulary])
            places.append(ops.where(known, ids, ops.cast(OOV, ids.dtype)) + self._starts[vocabulary])
        return ops.concatenate(places, axis=1)  # (batch, positions)

    def of_fields(self, names: Sequence[str]) -> Any:
        """Return the gates of numbers and vectors, float32 ``(names, 1)``."""
        first = self.size - len(self.fields)
        places = np.array([first + self.fields.index(name) for name in names])
        return self.opened(ops.expand_dims(gather_rows(self.gates, places), -1))

    def call(self, features: dict[str, Any]) -> dict[str, Any]:
        """Return the gates of a batch by feature, ``(batch, positions, 1)`` each; a number has one position."""
        names = tuple(self._vocabulary_of) if self.ids else ()
        gates = {name: self.of_ids(features, [name]) for name in names}
        for name in self.fields:
            batch = ops.shape(features[name])[0]
            gates[name] = ops.broadcast_to(self.of_fields([name])[None], (batch, 1, 1))
        return gates

    def compute_output_spec(self, features: dict[str, Any]) -> dict[str, KerasTensor]:
        names = (*(self._vocabulary_of if self.ids else ()), *self.fields)
        shapes = {name: tuple(features[name].shape) for name in names}
        lengths = {name: 1 if len(shape) == 1 or name in self.fields else shape[1] for name, shape in shapes.items()}
        return {name: KerasTensor((shapes[name][0], lengths[name], 1), dtype="float32") for name in names}

    def kept(self) -> tuple[dict[str, np.ndarray], dict[str, bool]]:
        """Return what is above 0: by vocabulary bool ``(rows,)``, the padding never, and by number or vector."""
        logits = keras.ops.convert_to_numpy(self.gates)
        ids = {}
        for name, rows in self.vocabularies.items():
            start = self._starts[name]
            ids[name] = (logits[start : start + rows] > 0) & (np.arange(rows) > 0)
        fields = logits[self.size - len(self.fields) :] > 0
        return ids, dict(zip(self.fields, fields.tolist(), strict=True))

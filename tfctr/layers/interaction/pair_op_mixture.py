"""Three ways to treat a pair of fields, mixed by learned weights: what OptInter searches with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import KerasTensor, ops

from tfctr.layers._base import Layer, Shape, Tensor

PAIR_OPS = ("memorize", "factorize", "naive")
"""A row of a table for each pair of values; the product of the values' vectors; nothing."""

_SMALLEST = 1e-7
"""Keeps the draws behind the noise away from 0, where a logarithm has no value."""


@keras.saving.register_keras_serializable(package="tfctr")
class PairOpMixture(Layer):
    """``b = p₁ e_memorized + p₂ (u_i ∘ u_j) + p₃ 0`` for each pair (i, j), with ``p = softmax((α + g) / t)``.

    α has a row of three logits for each pair, in the order of `PAIR_OPS`; the softmax runs over the three. In training
    g is Gumbel noise, drawn anew for each pair, way and step and alike for all rows of a batch: the ways are then
    sampled, softly, as often as softmax(α) says. Outside training there is no noise. As the temperature t falls the
    mixture becomes a choice, the largest logit's. The last way has no numbers of its own: its logit learns because the
    three weights add up to 1.

    Weights: ``pair_alpha`` (pairs, 3), for an optimizer of its own, and ``pair_temperature``, which does not train:
    whoever trains sets it (`tfctr.plans.OptInter`).

    Input shape: memorized ``(batch, pairs, dim)``, factors ``(batch, fields, dim)``.
    Output shape: ``(batch, pairs, dim)``.

    Args:
        pairs: Places of the two fields of each pair among the factors.
        noise: ``gumbel``, as the paper has it, or ``none``, as its released code: a plain softmax.
        cost: Weight of the loss ``cost · Σ (1 - p₃)`` over pairs, in training. 0 as in the paper; a little of it leaves
            pairs out for which nothing speaks.
        initializer: Keras initializer of α; Glorot's normal one, as in the released code.
        seed: Of the noise; None draws one.

    Raises:
        ValueError: When there is no pair, a pair has not two different fields, or `noise` or `cost` is out of range.

    Example:
        >>> layer = PairOpMixture([(0, 1)])
        >>> print(layer(np.ones((2, 1, 4)), np.ones((2, 2, 4))).shape)
        (2, 1, 4)

    Reference: Lyu et al., "Memorize, Factorize, or be Naive: Learning Optimal Feature Interaction Methods for CTR
    Prediction", ICDE 2022, arXiv 2108.01265.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[int, int]],
        *,
        noise: Literal["gumbel", "none"] = "gumbel",
        cost: float = 0.0,
        initializer: Any = "glorot_normal",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.pairs = tuple((int(first), int(second)) for first, second in pairs)
        if not self.pairs or any(first == second for first, second in self.pairs):
            raise ValueError(f"pairs are two different fields each, at least one pair. Received: {list(self.pairs)}")
        if noise not in ("gumbel", "none"):
            raise ValueError(f"noise is 'gumbel' or 'none'. Received: {noise!r}")
        if not cost >= 0:
            raise ValueError(f"cost is at least 0. Received: {cost}")
        self.noise, self.cost = noise, cost
        self.initializer = keras.initializers.get(initializer)
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed) if noise == "gumbel" else None

    def build(self, memorized_shape: Shape, factors_shape: Shape) -> None:
        self.alpha = self.add_weight(
            name="pair_alpha",
            shape=(len(self.pairs), len(PAIR_OPS)),
            initializer=self.initializer,
            dtype="float32",
            autocast=False,
        )
        self.temperature = self.add_weight(
            name="pair_temperature", shape=(), initializer="ones", dtype="float32", autocast=False, trainable=False
        )

    def probabilities(self, training: bool | None = None) -> Tensor:
        """Return the weights of the three ways, float32 ``(pairs, 3)``; in training a draw of them."""
        logits = ops.convert_to_tensor(self.alpha)
        if training and self._draws is not None:
            uniform = keras.random.uniform(logits.shape, _SMALLEST, 1.0 - _SMALLEST, "float32", seed=self._draws)
            logits = logits - ops.log(-ops.log(uniform))
        return ops.softmax(logits / ops.convert_to_tensor(self.temperature), axis=-1)

    def call(self, memorized: Tensor, factors: Tensor, training: bool | None = None) -> Tensor:
        """Mix memorized ``(batch, pairs, dim)`` and products of factors ``(batch, fields, dim)``."""
        weights = self.probabilities(training)
        if training and self.cost:
            self.add_loss(self.cost * ops.sum(1.0 - weights[:, 2]))
        weights = ops.cast(weights, self.compute_dtype)  # (pairs, 3)
        return memorized * weights[:, :1] + pair_products(factors, self.pairs) * weights[:, 1:2]

    def compute_output_spec(self, memorized: Tensor, factors: Tensor, training: bool | None = None) -> KerasTensor:
        return KerasTensor(memorized.shape, dtype=self.compute_dtype)

    def chosen(self) -> tuple[str, ...]:
        """Return the way of each pair whose logit is the largest, the first one of equals."""
        places = np.argmax(ops.convert_to_numpy(self.alpha), axis=1)
        return tuple(PAIR_OPS[place] for place in places)


def pair_products(factors: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """Return the elementwise products of pairs of fields ``(batch, fields, dim)``: ``(batch, pairs, dim)``."""
    first, second = np.array(pairs, "int32").T
    return ops.take(factors, first, axis=1) * ops.take(factors, second, axis=1)

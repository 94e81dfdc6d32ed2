"""OptInter's three ways for a pair of fields: the numbers by hand, the law of the noise, what learns."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.interaction import PAIR_OPS, PairOpMixture, pair_products

MEMORIZED = np.array([[[1.0, 2.0]]], "float32")
FACTORS = np.array([[[3.0, -1.0], [0.5, 4.0]]], "float32")
LOGITS = (1.0, 0.0, -1.0)


def layer(pairs: Any = ((0, 1),), logits: Any = LOGITS, temperature: float = 1.0, **options: Any) -> PairOpMixture:
    made = PairOpMixture(pairs, **options)
    made.build((None, len(pairs), 2), (None, 2, 2))
    made.alpha.assign(np.tile(logits, (len(pairs), 1)))
    made.temperature.assign(temperature)
    return made


def test_the_product_of_two_vectors() -> None:
    np.testing.assert_allclose(pair_products(FACTORS, [(0, 1)]), [[[1.5, -4.0]]])


@pytest.mark.parametrize(("temperature", "expected"), [(1.0, (1.032334, 0.351568)), (0.01, (1.0, 2.0))])
def test_the_mixture_by_hand(temperature: float, expected: tuple[float, float]) -> None:
    made = layer(temperature=temperature)
    np.testing.assert_allclose(made(MEMORIZED, FACTORS)[0, 0], expected, atol=1e-6)
    if temperature == 1.0:
        np.testing.assert_allclose(made.probabilities()[0], (0.665241, 0.244728, 0.090031), atol=1e-6)


def test_each_pair_has_three_weights_of_its_own() -> None:
    """Not a softmax over pairs, nor one for all."""
    made = layer([(0, 1)] * 3)
    made.alpha.assign([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]])
    np.testing.assert_allclose(made.probabilities(), np.eye(3), atol=1e-3)
    assert made.chosen() == PAIR_OPS


@pytest.mark.parametrize("temperature", [1.0, 0.01])
def test_with_noise_a_way_wins_as_often_as_its_softmax_says(temperature: float) -> None:
    """The law of Gumbel's maximum, at any temperature: 40,000 pairs are as many draws."""
    made = layer([(0, 1)] * 40_000, temperature=temperature, seed=1)
    won = np.argmax(made.probabilities(training=True), axis=1)
    np.testing.assert_allclose(np.bincount(won) / len(won), (0.665241, 0.244728, 0.090031), atol=0.01)


def test_noise_is_drawn_in_training_alone_anew_each_step_and_alike_for_all_rows() -> None:
    made = layer()
    rows = [np.repeat(inputs, 3, axis=0) for inputs in (MEMORIZED, FACTORS)]
    np.testing.assert_array_equal(made(*rows), made(*rows, training=False))
    first, second = (np.asarray(made(*rows, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(first, np.repeat(first[:1], 3, axis=0))
    plain = layer(noise="none")
    np.testing.assert_array_equal(plain(*rows, training=True), plain(*rows))


def test_every_logit_learns_that_of_the_way_without_numbers_too() -> None:
    made = layer()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(made(MEMORIZED, FACTORS))
    gradient = np.asarray(tape.gradient(loss, made.alpha.value))
    assert np.all(np.abs(gradient) > 1e-3)
    np.testing.assert_allclose(gradient.sum(), 0.0, atol=1e-6)


def test_the_cost_is_for_all_that_is_not_left_out() -> None:
    made = layer([(0, 1), (1, 0)], noise="none", cost=0.5)
    rows = (np.repeat(MEMORIZED, 2, axis=1), FACTORS)
    made(*rows)
    assert not made.losses
    made(*rows, training=True)
    np.testing.assert_allclose(made.losses, [0.5 * 2 * (1 - 0.090031)], atol=1e-6)


def test_the_weights_are_named_for_their_optimizer_and_stay_exact_in_half_precision() -> None:
    made = layer(dtype="mixed_bfloat16")
    assert [weight.name for weight in made.trainable_weights] == ["pair_alpha"]
    assert {keras.backend.standardize_dtype(made.alpha.dtype), made.temperature.dtype} == {"float32"}
    assert made(MEMORIZED, FACTORS).dtype == "bfloat16"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": []}, "at least one pair"),
        ({"pairs": [(1, 1)]}, "two different fields"),
        ({"pairs": [(0, 1)], "noise": "gumble"}, "noise is 'gumbel' or 'none'"),
        ({"pairs": [(0, 1)], "cost": -1.0}, "cost is at least 0"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairOpMixture(**options)

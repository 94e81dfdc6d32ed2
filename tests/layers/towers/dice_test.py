from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.towers import Dice

S = np.array([[1.0], [2.0], [3.0], [-2.0]], "float32")  # mean 1, variance 3.5


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [(0.0, [0.5, 1.261075, 2.233246, -0.334967]), (0.25, [0.625, 1.445806, 2.424934, -0.751225])],
)
def test_values_by_hand(alpha: float, expected: list[float]) -> None:
    dice = Dice()
    dice.build(S.shape)
    dice.weights[0].assign([alpha])
    np.testing.assert_allclose(dice(S, training=True)[:, 0], expected, rtol=1e-5)


def test_alpha_one_is_the_identity() -> None:
    dice = Dice()
    dice.build(S.shape)
    dice.weights[0].assign([1.0])
    np.testing.assert_allclose(dice(S, training=True), S, rtol=1e-6)


def test_moving_averages_follow_the_batches_and_serve_inference() -> None:
    dice = Dice(momentum=0.5)
    dice(S, training=True)
    _, mean, variance = [w.numpy() for w in dice.weights]
    np.testing.assert_allclose([mean[0], variance[0]], [0.5 * 0 + 0.5 * 1, 0.5 * 1 + 0.5 * 3.5])
    p = 1 / (1 + np.exp(-(S - mean) / np.sqrt(variance)))
    np.testing.assert_allclose(dice(S, training=False), p * S, rtol=1e-5)


def test_a_prediction_does_not_depend_on_the_batch() -> None:
    dice = Dice()
    dice(S, training=True)
    alone = np.concatenate([dice(row[None], training=False) for row in S])
    np.testing.assert_allclose(dice(S, training=False), alone, rtol=1e-6)


@pytest.mark.parametrize("padding", [0.0, 100.0, np.nan])
def test_padded_positions_do_not_shift_the_statistics(padding: float) -> None:
    padded = np.concatenate([S, np.full((2, 1), padding, "float32")]).reshape(2, 3, 1)
    mask = np.array([[True, True, True], [True, False, False]])
    dice, plain = Dice(), Dice()
    out = dice(padded, mask=mask, training=True).numpy()
    np.testing.assert_allclose(out[mask], plain(S, training=True), rtol=1e-6)
    np.testing.assert_allclose(dice.weights[1], plain.weights[1])
    np.testing.assert_allclose(dice.weights[2], plain.weights[2])


def test_nothing_kept_leaves_the_averages_alone() -> None:
    dice = Dice()
    out = dice(np.ones((2, 3, 1)), mask=np.zeros((2, 3), bool), training=True)
    assert np.isfinite(out).all()
    assert [w.numpy()[0] for w in dice.weights] == [0.0, 0.0, 1.0]


def test_alpha_trains() -> None:
    dice = Dice()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(dice(S, training=True) ** 2)
    (gradient,) = tape.gradient(loss, [dice.weights[0].value])
    assert abs(float(gradient[0])) > 1e-3


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="momentum=1"):
        Dice(momentum=1)
    with pytest.raises(ValueError, match="epsilon=0"):
        Dice(epsilon=0)

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.sequence import DINAttention, SumPooling

RNG = np.random.default_rng(0)
TARGET = RNG.normal(size=(3, 4)).astype("float32")
EVENTS = RNG.normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[True] * 5, [True, True, False, False, False], [False] * 5])


def by_hand(softmax: bool) -> tuple[DINAttention, tuple]:
    layer = DINAttention((), softmax=softmax)
    inputs = np.array([[1.0, 0.0]]), np.array([[[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]])
    layer.build(inputs[0].shape, inputs[1].shape)
    layer.set_weights([np.arange(1, 9)[:, None] / 10, np.array([0.05])])
    return layer, inputs


@pytest.mark.parametrize(("softmax", "expected"), [(False, [1.15, 0.45]), (True, [0.668188, 0.331812])])
def test_value_by_hand(softmax: bool, expected: list[float]) -> None:
    layer, inputs = by_hand(softmax)
    mask = np.array([[True, True, False]])
    np.testing.assert_allclose(layer(*inputs, mask=mask), [expected], rtol=1e-5)
    weights = layer.weights_of_events(*inputs, mask=mask).numpy()
    np.testing.assert_allclose(weights.sum(), 1.0 if softmax else 1.6, rtol=1e-5)


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_order_and_padding_do_not_matter(softmax: bool, training: bool) -> None:
    layer = DINAttention((6, 3), softmax=softmax)
    layer.build(TARGET.shape, EVENTS.shape)
    start = [w.numpy() for w in layer.weights]

    def answer(events: np.ndarray, mask: np.ndarray) -> np.ndarray:
        layer.set_weights(start)
        return layer(TARGET, events, mask=mask, training=training).numpy()

    plain = answer(EVENTS, MASK)
    order = [4, 2, 0, 3, 1]
    np.testing.assert_allclose(answer(EVENTS[:, order], MASK[:, order]), plain, rtol=1e-4, atol=1e-5)
    longer = np.concatenate([EVENTS, np.full((3, 2, 4), 9.0, "float32")], axis=1)
    padded = answer(longer, np.concatenate([MASK, np.zeros((3, 2), bool)], axis=1))
    np.testing.assert_allclose(padded, plain, rtol=1e-5, atol=1e-6)
    left = answer(longer[:, [5, 6, 0, 1, 2, 3, 4]], np.concatenate([np.zeros((3, 2), bool), MASK], axis=1))
    np.testing.assert_allclose(left, plain, rtol=1e-5, atol=1e-6)


def test_a_doubled_history_doubles_the_interest_unless_normalised() -> None:
    twice = np.concatenate([EVENTS, EVENTS], axis=1), np.concatenate([MASK, MASK], axis=1)
    for softmax, factor in ((False, 2.0), (True, 1.0)):
        layer = DINAttention((6, 3), softmax=softmax)
        once = layer(TARGET, EVENTS, mask=MASK).numpy()
        np.testing.assert_allclose(layer(TARGET, twice[0], mask=twice[1]), factor * once, rtol=1e-4, atol=1e-5)


def test_a_constant_scorer_is_sum_pooling() -> None:
    layer = DINAttention(())
    layer.build(TARGET.shape, EVENTS.shape)
    layer.set_weights([np.zeros((16, 1)), np.ones(1)])
    assert np.array_equal(layer(TARGET, EVENTS, mask=MASK), SumPooling()(TARGET, EVENTS, mask=MASK))


def test_another_candidate_gives_another_interest() -> None:
    layer = DINAttention((6,))
    assert not np.allclose(layer(TARGET, EVENTS), layer(TARGET[::-1].copy(), EVENTS), atol=1e-3)


@pytest.mark.parametrize("softmax", [False, True])
def test_a_row_without_events_is_zero_with_finite_gradients(softmax: bool) -> None:
    layer = DINAttention((6,), softmax=softmax)
    layer.build(TARGET.shape, EVENTS.shape)
    events = tf.Variable(EVENTS)
    with tf.GradientTape() as tape:
        out = layer(TARGET, events, mask=MASK, training=True)
        loss = tf.reduce_sum(out**2)
    assert (out.numpy()[2] == 0).all()
    for gradient in tape.gradient(loss, [events, *[w.value for w in layer.trainable_weights]]):
        assert np.isfinite(gradient).all()

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.sequence import LocalActivationUnit

RNG = np.random.default_rng(0)
TARGET = RNG.normal(size=(3, 4)).astype("float32")
EVENTS = RNG.normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[True] * 5, [True, True, False, False, False], [False] * 5])


def test_linear_scores_by_hand() -> None:
    unit = LocalActivationUnit(())
    target, events = np.array([[1.0, 0.0]]), np.array([[[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]])
    unit.build(target.shape, events.shape)
    unit.set_weights([np.arange(1, 9)[:, None] / 10, np.array([0.05])])
    np.testing.assert_allclose(unit(target, events), [[1.15, 0.45, 2.15]], rtol=1e-6)


def test_the_split_equals_the_four_blocks_in_value_and_gradient() -> None:
    unit = LocalActivationUnit((6,), activation="sigmoid")
    unit.build(TARGET.shape, EVENTS.shape)
    kernel, bias = unit.weights[0].value, unit.weights[1].value
    head = {w.path.split("/")[-1]: w.value for w in unit.weights[2:]}
    with tf.GradientTape(persistent=True) as tape:
        ours = unit(TARGET, EVENTS)
        query = tf.repeat(TARGET[:, None], 5, axis=1)
        blocks = tf.concat([query, EVENTS, query - EVENTS, query * EVENTS], axis=-1)
        naive = (tf.sigmoid(blocks @ kernel + bias) @ head["kernel"] + head["bias"])[..., 0]
        losses = tf.reduce_sum(ours**2), tf.reduce_sum(naive**2)
    np.testing.assert_allclose(ours, naive, rtol=1e-5, atol=1e-5)
    split, plain = (tape.gradient(loss, [kernel, bias]) for loss in losses)
    for one, other in zip(split, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_padding_scores_zero_and_touches_nobody(training: bool) -> None:
    unit = LocalActivationUnit((6, 3))
    scores = unit(TARGET, EVENTS, mask=MASK, training=training).numpy()
    assert (scores[~MASK] == 0).all()
    other = np.where(MASK[..., None], EVENTS, np.nan).astype("float32")
    fresh = LocalActivationUnit((6, 3))
    fresh.build(TARGET.shape, EVENTS.shape)
    unit_weights = [w.numpy() for w in unit.weights]
    fresh.set_weights(unit_weights)
    assert np.array_equal(
        fresh(TARGET, other, mask=MASK, training=training), unit(TARGET, EVENTS, mask=MASK, training=training)
    )


def test_different_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="one width"):
        LocalActivationUnit()(TARGET[:, :3], EVENTS)

"""The causal encoder and its own loss."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tfctr.layers.sequence import BehaviourEncoder

RANDOM = np.random.default_rng(0)
TARGET = RANDOM.normal(size=(6, 5)).astype("float32")
EVENTS = RANDOM.normal(size=(6, 7, 4)).astype("float32")
MASK = np.arange(7) < np.array([7, 5, 2, 1, 0, 3])[:, None]
TIMES = np.cumsum(RANDOM.integers(1, 5000, (6, 7)), axis=1) * MASK
ITEMS = np.where(MASK, RANDOM.integers(1, 9, (6, 7)), 0)
ACTIONS = np.where(MASK, RANDOM.integers(1, 4, (6, 7)), 0)[..., None]

pytestmark = pytest.mark.usefixtures("seed")


def encoder(**options: Any) -> BehaviourEncoder:
    made = BehaviourEncoder(8, **{"with_times": True, "num_actions": (4,), **options})
    made.build(TARGET.shape, EVENTS.shape)
    return made


def call(layer: BehaviourEncoder, training: bool, rows: Any = slice(None)) -> Any:
    inputs = (TARGET, EVENTS, MASK, TIMES, ITEMS, ACTIONS)
    target, events, mask, times, items, actions = (array[rows] for array in inputs)
    return layer(target, events, mask=mask, times=times, items=items, actions=actions, training=training)


def test_a_state_does_not_know_later_events() -> None:
    layer = encoder()
    other, later = EVENTS.copy(), TIMES.copy()
    other[:, 3:] += 1
    later[:, 3:] += 77_777
    states, changed = (layer.states(e, MASK, t) for e, t in ((EVENTS, TIMES), (other, later)))
    np.testing.assert_array_equal(states[:, :3], changed[:, :3])
    assert np.abs(states[0, 3:] - changed[0, 3:]).max() > 1e-3


def test_uniform_logits_cost_the_logarithm_of_the_number_of_actions() -> None:
    layer = encoder()
    for head in layer._next_actions:
        head.set_weights([np.zeros(w.shape) for w in head.weights])
    assert float(layer.next_action_loss(layer.states(EVENTS, MASK, TIMES), MASK, ACTIONS)) == pytest.approx(np.log(4))


def test_rows_without_pairs_of_events_contribute_nothing() -> None:
    layer = encoder()
    call(layer, True, [3, 4])  # rows of one event and of none
    assert [float(loss) for loss in layer.losses] == [0.0]
    several = [0, 1, 2, 5]
    call(layer, True, several)
    alone = float(layer.losses[0])
    call(layer, True, [*several, 4])
    assert float(layer.losses[0]) == pytest.approx(alone, rel=1e-5)


def test_items_by_hand() -> None:
    """Without encoder and with identity maps: two rows, the second's latest item is the one negative."""
    layer = BehaviourEncoder(2, num_layers=0, num_heads=1, temperature=0.5)
    events = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, 0.0]]], "float32")
    mask, items = np.array([[True, True], [True, False]]), np.array([[1, 2], [3, 0]])
    layer.build((2, 2), events.shape)
    layer._token.set_weights([np.eye(2), np.zeros(2)])
    layer._next_item.set_weights([np.eye(2)])
    # h = (1, 0), wanted (0, 1): product 0; row 1's latest is the wanted item itself, row 2's is (1, 1): product 1 / 0.5
    expected = np.log(np.exp(0) + np.exp(2)) - 0
    assert float(layer.next_item_loss(events, events, mask, items)) == pytest.approx(expected, rel=1e-5)


def test_the_loss_is_there_in_training_alone_and_with_its_weight() -> None:
    losses = []
    for weight in (0.1, 0.3):
        keras.utils.set_random_seed(3)
        layer = encoder(auxiliary_weight=weight)
        call(layer, False)
        assert not layer.losses
        call(layer, True)
        losses.append(float(layer.losses[0]))
    assert losses[1] == pytest.approx(3 * losses[0], rel=1e-5)
    off = encoder(auxiliary_weight=0.0)
    call(off, True)
    assert not off.losses
    assert off.count_params() < layer.count_params()


def test_a_row_without_events_is_finite_and_the_same_for_all_candidates() -> None:
    layer = encoder()
    first = layer(TARGET, EVENTS, mask=np.zeros_like(MASK), times=TIMES)
    assert np.isfinite(first).all()
    np.testing.assert_allclose(first, np.repeat(first[:1], 6, axis=0), rtol=1e-6)


def test_it_learns_which_action_follows_which() -> None:
    """A Markov chain of three actions, each followed by the next one in 0.9 of cases: far above the majority's 1/3."""
    rng = np.random.default_rng(1)
    rows, length = 256, 12
    actions = np.zeros((rows, length), np.int64)
    actions[:, 0] = rng.integers(0, 3, rows)
    for step in range(1, length):
        moved = rng.random(rows) < 0.9
        actions[:, step] = np.where(moved, actions[:, step - 1] + 1, rng.integers(0, 3, rows)) % 3
    events = np.eye(3, dtype="float32")[actions]
    mask = np.ones((rows, length), bool)
    layer = BehaviourEncoder(8, num_layers=1, num_actions=(3,), auxiliary_weight=1.0)
    layer.build((rows, 3), events.shape)
    layer._attention.trainable = False  # there is no candidate whose answer it could learn from

    class Alone(keras.Model):
        def call(self, inputs: Any, training: bool | None = None) -> Any:
            return layer(
                inputs["e"][:, 0], inputs["e"], actions=inputs["a"], items=inputs["a"][..., 0], training=training
            )

    model = Alone()
    model.layer = layer
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=None, jit_compile=False)
    inputs = {"e": events, "a": actions[..., None]}
    model.fit(inputs, np.zeros(rows), epochs=12, batch_size=64, verbose=0)
    guess = np.argmax(layer._next_actions[0](layer.states(events, mask)[:, :-1]), axis=-1)
    assert np.mean(guess == actions[:, 1:]) > 0.8


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="temperature=0"):
        BehaviourEncoder(4, temperature=0)

"""Who sees whom on one level of PLE."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.multi_task import CustomizedGateControl, ExpertGate, Experts

BRANCHES = np.random.default_rng(0).normal(size=(5, 3, 6)).astype("float32")

pytestmark = pytest.mark.usefixtures("seed")


def seen(layer: CustomizedGateControl, output: int) -> list[bool]:
    """Whether an output branch depends on each input branch."""
    branches = tf.constant(BRANCHES)
    with tf.GradientTape() as tape:
        tape.watch(branches)
        value = tf.reduce_sum(layer(branches)[:, output])
    return [bool(np.abs(gradient).max() > 0) for gradient in np.moveaxis(tape.gradient(value, branches).numpy(), 1, 0)]


def test_a_task_sees_its_own_branch_and_the_shared_one() -> None:
    layer = CustomizedGateControl(2, (8,))
    assert [seen(layer, output) for output in range(3)] == [[True, False, True], [False, True, True], [True] * 3]


def test_without_shared_experts_tasks_have_nothing_in_common() -> None:
    layer = CustomizedGateControl(2, (8,), shared_experts=0, last=True)
    assert [seen(layer, output) for output in range(2)] == [[True, False, False], [False, True, False]]


def test_without_own_experts_it_is_the_mixture_of_shared_ones() -> None:
    layer = CustomizedGateControl(2, (8,), own_experts=0, shared_experts=3, last=True)
    found = layer(BRANCHES[:, :1])
    experts, gates = Experts(3, (8,)), [ExpertGate(), ExpertGate()]
    mixed = experts(BRANCHES[:, 0])
    for gate in gates:
        gate.build((None, 6), mixed.shape)
    parts = (experts, *gates)
    weights = layer.get_weights()
    for part in parts:
        part.set_weights([weights.pop(0) for _ in part.weights])
    assert not weights
    expected = keras.ops.stack([gate(BRANCHES[:, 0], experts(BRANCHES[:, 0])) for gate in gates], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_one_input_for_all_is_the_same_input_three_times() -> None:
    layer = CustomizedGateControl(2, (8,))
    np.testing.assert_array_equal(layer(BRANCHES[:, :1]), layer(np.repeat(BRANCHES[:, :1], 3, axis=1)))


def test_parameters() -> None:
    layer = CustomizedGateControl(2, (8,), own_experts=2, shared_experts=1)
    layer.build((None, 3, 6))
    expert = 6 * 8 + 8
    assert layer.count_params() == 5 * expert + 2 * (6 * 3 + 3) + (6 * 5 + 5)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="own_experts=0, shared_experts=0"):
        CustomizedGateControl(2, (8,), own_experts=0, shared_experts=0)
    with pytest.raises(ValueError, match="tasks=3"):
        CustomizedGateControl(3, (8,))(BRANCHES)

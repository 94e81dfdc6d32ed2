from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.interaction import FeatureGate

FIELDS = np.random.default_rng(0).normal(size=(4, 3, 2)).astype("float32")
CONTEXT = np.random.default_rng(1).normal(size=(4, 5)).astype("float32")


def weight(layer: FeatureGate, ending: str) -> tf.Variable:
    (found,) = [w for w in layer.weights if w.path.endswith(ending)]
    return found


def test_zero_last_layer_leaves_the_input_bit_for_bit() -> None:
    gate = FeatureGate((8,))
    gate(FIELDS)
    weight(gate, "output/kernel").assign(np.zeros((8, 6)))
    assert np.array_equal(gate(FIELDS), FIELDS)


def test_gate_lies_between_zero_and_two_for_every_coordinate() -> None:
    layer = FeatureGate((8,), context="input")
    layer(FIELDS, CONTEXT)
    weight(layer, "output/bias").assign(np.array([-100.0, 100.0, 0, 0, 0, 0]))
    gate = layer.gate(FIELDS, CONTEXT).numpy()
    assert gate.shape == FIELDS.shape
    np.testing.assert_allclose(gate[:, 0, 0], 0, atol=1e-6)
    np.testing.assert_allclose(gate[:, 0, 1], 2, atol=1e-6)
    np.testing.assert_allclose(layer(FIELDS, CONTEXT), gate * FIELDS, rtol=1e-6)


def gradients(layer: FeatureGate) -> dict[str, float]:
    layer(FIELDS)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(FIELDS) ** 2)
    found = tape.gradient(loss, [w.value for w in layer.trainable_weights])
    return {w.path: float(tf.reduce_max(tf.abs(g))) for w, g in zip(layer.trainable_weights, found, strict=True)}


def test_every_weight_of_a_learned_context_trains() -> None:
    assert all(size > 0 for size in gradients(FeatureGate((8,))).values())


def test_a_context_of_zeros_is_dead_but_for_the_last_bias() -> None:
    alive = [path for path, size in gradients(FeatureGate((8,), context_initializer="zeros")).items() if size > 0]
    assert [path.rsplit("/", 2)[-2:] for path in alive] == [["output", "bias"]]


def test_learned_gate_is_one_for_all_rows_and_as_wide_as_dim() -> None:
    layer = FeatureGate((8,))
    assert layer(FIELDS).shape == FIELDS.shape
    assert layer.gate(FIELDS).shape == (1, 3, 2)
    assert weight(layer, "context").shape == (1, 2)
    # context 2, hidden 2·8 + 8, output 8·6 + 6
    assert layer.count_params() == 2 + 24 + 54


def test_only_the_context_moves_the_gate() -> None:
    layer = FeatureGate((8,), context="input")
    layer(FIELDS, CONTEXT)
    same = layer.gate(2 * FIELDS, CONTEXT)
    other = layer.gate(FIELDS, CONTEXT + 1)
    assert np.array_equal(same, layer.gate(FIELDS, CONTEXT))
    assert not np.allclose(other, same)


def test_context_against_the_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="with a context"):
        FeatureGate((8,), context="input")(FIELDS)
    with pytest.raises(ValueError, match="takes no context"):
        FeatureGate((8,))(FIELDS, CONTEXT)
    with pytest.raises(ValueError, match="context='constant'"):
        FeatureGate((8,), context="constant")  # type: ignore[arg-type]  # the mistake under test

"""The gate is a softmax over experts, row by row."""

from __future__ import annotations

import keras
import numpy as np

from tfctr.layers.multi_task import ExpertGate

INPUTS = np.array([[1.0, 0.0], [0.0, 2.0]], "float32")
EXPERTS = np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]], "float32")


def test_by_hand() -> None:
    gate = ExpertGate()
    gate.build(INPUTS.shape, EXPERTS.shape)
    gate.set_weights([np.array([[np.log(3.0), 0.0], [0.0, 0.0]], "float32"), np.zeros(2, "float32")])
    weights = keras.ops.convert_to_numpy(gate.gate(INPUTS))
    np.testing.assert_allclose(weights, [[0.75, 0.25], [0.5, 0.5]], rtol=1e-6)
    mixed = keras.ops.convert_to_numpy(gate(INPUTS, EXPERTS))
    np.testing.assert_allclose(mixed, [[1.5, 2.5], [6.0, 7.0]], rtol=1e-6)


def test_one_expert_passes_unchanged() -> None:
    mixed = keras.ops.convert_to_numpy(ExpertGate((3,))(INPUTS, EXPERTS[:, :1]))
    np.testing.assert_array_equal(mixed, EXPERTS[:, 0])

"""Experts stand side by side and share nothing."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfctr.layers.multi_task import Experts
from tfctr.layers.towers import MLP

INPUTS = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")


def test_each_expert_is_an_mlp_of_its_own() -> None:
    experts = Experts(3, (8, 4))
    outputs = keras.ops.convert_to_numpy(experts(INPUTS))
    assert experts.count_params() == 3 * (6 * 8 + 8 + 8 * 4 + 4)
    mlp = MLP((8, 4))
    mlp.build((None, 6))
    for index in range(3):
        mlp.set_weights(experts.get_weights()[4 * index : 4 * index + 4])
        np.testing.assert_allclose(outputs[:, index], keras.ops.convert_to_numpy(mlp(INPUTS)), rtol=1e-6)


def test_no_expert_is_refused() -> None:
    with pytest.raises(ValueError, match="num_experts=0"):
        Experts(0, (4,))

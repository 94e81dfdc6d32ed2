from __future__ import annotations

import numpy as np
import pytest

from tfctr.layers.interaction import CrossNetMixture

X = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")


def filled(layer: CrossNetMixture, width: int) -> dict[str, np.ndarray]:
    layer.build((None, width))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape).astype("float32") for w in layer.weights])
    return {w.name: w.numpy() for w in layer.weights}


def by_the_formula(x: np.ndarray, w: dict[str, np.ndarray], layers: int, experts: int) -> np.ndarray:
    crossed = x
    for i in range(layers):
        gate = np.exp(crossed @ w[f"gate_{i}"])
        gate /= gate.sum(axis=1, keepdims=True)
        total = 0.0
        for k in range(experts):
            hidden = np.tanh(np.tanh(crossed @ w[f"down_{i}"][k]) @ w[f"core_{i}"][k])
            total = total + gate[:, k : k + 1] * (x * (hidden @ w[f"up_{i}"][k] + w[f"bias_{i}"]))
        crossed = total + crossed
    return crossed


def test_equals_the_formula() -> None:
    layer = CrossNetMixture(2, rank=2, num_experts=3)
    weights = filled(layer, 5)
    np.testing.assert_allclose(layer(X), by_the_formula(X, weights, 2, 3), rtol=1e-4, atol=1e-5)


def test_a_batch_of_one_keeps_its_axis() -> None:
    layer = CrossNetMixture(2, rank=2, num_experts=3)
    filled(layer, 5)
    assert layer(X[:1]).shape == (1, 5)
    np.testing.assert_allclose(layer(X[:1]), layer(X)[:1], rtol=1e-5)


def test_weights_by_layer_and_shared_gates() -> None:
    width, rank, experts, layers = 5, 2, 3, 2
    a_layer = experts * (2 * width * rank + rank**2) + width
    for shared, gates in ((False, layers), (True, 1)):
        layer = CrossNetMixture(layers, rank=rank, num_experts=experts, share_gates=shared)
        layer.build((None, width))
        assert layer.count_params() == layers * a_layer + gates * experts * width


def test_experts_start_as_matrices_of_their_own() -> None:
    layer = CrossNetMixture(1, rank=20, num_experts=8)
    layer.build((None, 60))
    (down,) = [w.numpy() for w in layer.weights if w.name == "down_0"]
    # Xavier for 60 -> 20: variance 2 / 80, whatever the number of experts.
    np.testing.assert_allclose(down.std(), np.sqrt(2 / 80), rtol=0.05)
    assert not np.allclose(down[0], down[1])


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"num_experts": 0}])
def test_counts_below_one_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}=0"):
        CrossNetMixture(1, **wrong)

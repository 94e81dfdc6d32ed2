"""Gates of 1 change nothing, and gates are what the context makes of them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from tfctr.layers.domains import GatedMLP
from tfctr.layers.towers import MLP

RNG = np.random.default_rng(0)
X, CONTEXT = RNG.normal(size=(6, 4)).astype("float32"), RNG.normal(size=(6, 3)).astype("float32")
GATED: tuple[Literal["input", "output"], ...] = ("input", "output")


def neutral(**options: Any) -> GatedMLP:
    """A tower whose gates end in zeros."""
    layer = GatedMLP((5, 3), output_units=2, **options)
    layer.build(X.shape, CONTEXT.shape)
    for weight in layer.weights:
        if "/gate_" in weight.path and "/output/" in weight.path:
            weight.assign(np.zeros(weight.shape))
    return layer


@pytest.mark.parametrize("gated", GATED)
def test_with_gates_of_one_it_is_an_mlp(gated: Literal["input", "output"]) -> None:
    layer = neutral(gated=gated)
    mlp = MLP((5, 3), output_units=2)
    mlp.build(X.shape)
    mlp.set_weights([np.array(weight) for weight in layer.weights if "/layer_" in weight.path])
    np.testing.assert_allclose(layer(X, CONTEXT), mlp(X), rtol=1e-6)


@pytest.mark.parametrize(("gated", "gates"), [("input", 3), ("output", 2)])
def test_a_gate_for_each_layer(gated: Literal["input", "output"], gates: int) -> None:
    """Into each layer, the last one included; or behind each hidden one."""
    layer = neutral(gated=gated)
    widths = [w.shape[-1] for w in layer.weights if "/gate_" in w.path and w.path.endswith("output/bias")]
    assert widths == [4, 5, 3][:gates] if gated == "input" else [5, 3]
    assert len(widths) == gates


def test_a_gate_of_two_doubles_what_goes_in() -> None:
    layer = neutral()
    bias = next(w for w in layer.weights if "gate_0" in w.path and w.path.endswith("output/bias"))
    doubled = np.array(layer(2 * X, CONTEXT))
    bias.assign(np.full(4, 50.0))
    np.testing.assert_allclose(layer(X, CONTEXT), doubled, rtol=1e-5)


def test_parameters() -> None:
    layer = GatedMLP((5,), output_units=2, gate_units=7)
    layer.build(X.shape, CONTEXT.shape)
    tower = 4 * 5 + 5 + 5 * 2 + 2
    gates = sum(3 * 7 + 7 + 7 * width + width for width in (4, 5))
    assert layer.count_params() == tower + gates


def test_hidden_width_of_a_gate_is_that_of_what_is_gated() -> None:
    layer = GatedMLP((5,), output_units=2)
    layer.build(X.shape, CONTEXT.shape)
    hidden = [w.shape[-1] for w in layer.weights if "/gate_" in w.path and w.path.endswith("dense_0/bias")]
    assert hidden == [4, 5]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="gated='both'"):
        GatedMLP((5,), gated="both")
    with pytest.raises(ValueError, match="at least one layer"):
        GatedMLP(())

"""DHEN's layer: the paper's formula by hand, its parameter totals, and what each module is alone."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.field_blocks import FIELD_BLOCKS, CrossBlock, DHENLayer, LinearBlock

FIELDS = np.random.default_rng(0).normal(size=(5, 4, 8)).astype("float32")
PAIR = ("linear", {"block": "attention", "hidden_units": 16})

pytestmark = pytest.mark.usefixtures("seed")


def array(tensor: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


def silent(layer: Any) -> None:
    """All module weights 0."""
    for block in layer._blocks:
        block.set_weights([np.zeros(weight.shape) for weight in block.weights])


def standardized(fields: np.ndarray) -> np.ndarray:
    centred = fields - fields.mean(-1, keepdims=True)
    return centred / np.sqrt(centred.var(-1, keepdims=True) + 1e-5)


def test_one_linear_module_by_hand() -> None:
    layer = DHENLayer(("linear",), 2, ensemble="sum")
    fields = np.array([[[1.0, 3.0], [2.0, 0.0]]], "float32")
    layer.build(fields.shape)
    layer._blocks[0].set_weights([np.array([[1.0, 1.0], [1.0, -1.0]])])
    np.testing.assert_allclose(array(layer._blocks[0](fields)), [[[3, 3], [-1, 3]]])
    np.testing.assert_allclose(array(layer(fields)), [[[-1, 1], [-1, 1]]], atol=1e-4)


def test_silent_modules_leave_the_norm_which_is_idempotent() -> None:
    layer = DHENLayer(PAIR, 2)
    once = array(layer(FIELDS))
    silent(layer)
    once = array(layer(FIELDS))
    np.testing.assert_allclose(once, standardized(FIELDS), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(array(layer(once)), once, atol=1e-4)


@pytest.mark.parametrize(("fields", "ensemble", "total"), [(4, "concat", 632), (4, "sum", 640), (2, "sum", 624)])
def test_parameter_totals(fields: int, ensemble: str, total: int) -> None:
    layer = DHENLayer(PAIR, 2, ensemble=ensemble)
    layer.build((None, fields, 8))
    assert layer.count_params() == total


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        ("linear", 2 * 4),
        ({"block": "cross"}, 32 * 32 + 32 + 2 * 4),
        ({"block": "cross", "rank": 3}, 2 * 3 * 32 + 32 + 2 * 4),
        ({"block": "cross", "mode": "gram"}, 8 * 2 + 2),
        ({"block": "convolution", "filters": 3}, 9 * 3 + 3 + 3 + 1 + 2 * 4),
        ({"block": "mlp", "hidden_units": (5,)}, 32 * 5 + 5 + 5 * 16 + 16),
        ({"block": "dot_product", "compressed": 3, "hidden_units": (5,)}, 3 * 4 + (3 + 24) * 5 + 5 + 5 * 16 + 16),
    ],
)
def test_a_module_costs_what_its_formula_says(module: Any, parameters: int) -> None:
    counts = []
    for modules in (("linear", "linear"), ("linear", "linear", module)):
        layer = DHENLayer(modules, 2, ensemble="sum")
        layer.build(FIELDS.shape)
        counts.append(layer.count_params())
    assert counts[1] - counts[0] == parameters


@pytest.mark.parametrize(("ensemble", "shape"), [("concat", (5, 6, 8)), ("sum", (5, 2, 8)), ("weighted", (5, 2, 8))])
def test_shapes(ensemble: str, shape: tuple[int, ...]) -> None:
    assert DHENLayer(("linear", "cross", "mlp"), 2, ensemble=ensemble)(FIELDS).shape == shape


def test_a_weighted_sum_begins_as_the_sum() -> None:
    weighted, plain = (DHENLayer(("linear", "cross"), 4, ensemble=name) for name in ("weighted", "sum"))
    weighted.build(FIELDS.shape), plain.build(FIELDS.shape)
    plain.set_weights([w.numpy() for w in weighted.weights if w.name != "ensemble"])
    np.testing.assert_allclose(array(weighted(FIELDS)), array(plain(FIELDS)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "equivariant"),
    [("attention", True), ("linear", False), ("cross", False), ("convolution", False), ("mlp", False)],
)
def test_attention_alone_treats_fields_as_a_set(kind: str, equivariant: bool) -> None:
    layer = DHENLayer((kind,), 4)
    layer.build(FIELDS.shape)
    for weight in layer.weights:
        if weight.name == "mix" and kind == "attention":
            weight.assign(np.eye(4))
    order = [2, 0, 3, 1]
    same = np.allclose(array(layer(FIELDS[:, order])), array(layer(FIELDS))[:, order], atol=1e-4)
    assert same == equivariant


@pytest.mark.parametrize(("block", "power"), [(CrossBlock(2), 2), (CrossBlock(2, mode="gram"), 2), (LinearBlock(2), 1)])
def test_degree_in_the_input(block: Any, power: int) -> None:
    np.testing.assert_allclose(array(block(3 * FIELDS)), 3**power * array(block(FIELDS)), rtol=2e-4, atol=1e-4)


def test_gram_by_hand() -> None:
    block = CrossBlock(1, mode="gram")
    fields = np.array([[[1.0, 2.0], [3.0, 4.0]]], "float32")  # Xᵀ X = [[10, 14], [14, 20]]
    block.build(fields.shape)
    block.set_weights([np.array([[1.0], [-1.0]]), np.array([[0.5]])])
    np.testing.assert_allclose(array(block(fields)), [[[-3.5, -5.5]]])


def test_modules_of_the_second_layer_see_mixtures_of_the_first() -> None:
    """With A silent in layer 2, what A made in layer 1 still reaches the end through B."""
    first, second = DHENLayer(("cross", "linear"), 2), DHENLayer(("cross", "linear"), 2)
    middle = first(FIELDS)
    second(middle)
    second._blocks[0].set_weights([np.zeros(w.shape) for w in second._blocks[0].weights])
    kernel = first._blocks[0].trainable_weights[0]
    with tf.GradientTape() as tape:
        answer = tf.reduce_sum(second(first(FIELDS)) * FIELDS)
    assert np.abs(tape.gradient(answer, kernel.value)).max() > 0


def test_what_cannot_be_is_refused() -> None:
    for wrong in ((), ("lineal",), ({"hidden_units": 3},)):
        with pytest.raises(ValueError, match="modules are some of linear, attention"):
            DHENLayer(wrong, 2)
    with pytest.raises(ValueError, match="ensemble='mean'"):
        DHENLayer(("linear",), 2, ensemble="mean")
    assert set(FIELD_BLOCKS) == {"linear", "attention", "cross", "convolution", "dot_product", "mlp"}

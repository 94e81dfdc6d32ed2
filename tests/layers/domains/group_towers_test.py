"""A row goes through the tower of its group, whatever stands beside it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.domains import GroupTowers
from tfctr.layers.towers import MLP
from tfctr.testing._recipe import fill_sequentially

pytestmark = pytest.mark.usefixtures("seed")

X = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
GROUPS = np.random.default_rng(1).integers(0, 4, 40)


def filled(**options: Any) -> GroupTowers:
    layer = GroupTowers(4, (6, 3), output_units=2, **options)
    layer.build(X.shape)
    fill_sequentially(layer)
    return layer


def weight(layer: GroupTowers, name: str) -> np.ndarray:
    (found,) = [w for w in layer.weights if w.name == name]
    return np.array(found)


def by_hand(layer: GroupTowers, row: np.ndarray, group: int | None) -> np.ndarray:
    """One row through the tower of a group, of the shared weights alone when None."""
    for index in range(3):
        kernel, bias = (1.0, 0.0) if group is None else (
            weight(layer, f"own_kernel_{index}")[group], weight(layer, f"own_bias_{index}")[group]
        )  # fmt: skip
        if layer.product:
            kernel = kernel * weight(layer, f"shared_kernel_{index}")
            bias = bias + weight(layer, f"shared_bias_{index}")
        row = row @ kernel + bias
        row = np.maximum(row, 0) if index < 2 else row
    return row


@pytest.mark.parametrize("product", [True, False])
def test_by_hand(product: bool) -> None:
    layer = filled(product=product)
    expected = [by_hand(layer, row, group) for row, group in zip(X, GROUPS, strict=True)]
    np.testing.assert_allclose(layer(X, GROUPS), expected, rtol=1e-5, atol=1e-6)


def test_an_unknown_group_has_the_shared_weights_alone() -> None:
    layer = filled(unknown=True)
    expected = [by_hand(layer, row, group or None) for row, group in zip(X, GROUPS, strict=True)]
    np.testing.assert_allclose(layer(X, GROUPS), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.every(X)[:, 0], [by_hand(layer, row, None) for row in X], rtol=1e-5, atol=1e-6)


def test_one_group_is_an_mlp_with_the_products_as_weights() -> None:
    layer = GroupTowers(1, (6, 3), output_units=2)
    layer.build(X.shape)
    fill_sequentially(layer)
    mlp = MLP((6, 3), output_units=2)
    mlp.build(X.shape)
    kernels = [weight(layer, f"shared_kernel_{i}") * weight(layer, f"own_kernel_{i}")[0] for i in range(3)]
    biases = [weight(layer, f"shared_bias_{i}") + weight(layer, f"own_bias_{i}")[0] for i in range(3)]
    mlp.set_weights([array for pair in zip(kernels, biases, strict=True) for array in pair])
    np.testing.assert_allclose(layer(X, np.zeros(40, int)), mlp(X), rtol=1e-5, atol=1e-6)


def test_all_groups_begin_as_the_shared_tower() -> None:
    layer = GroupTowers(4, (6,), output_units=2)
    answers = np.array(layer(X, GROUPS))
    np.testing.assert_array_equal(layer(X, (GROUPS + 1) % 4), answers)
    apart = GroupTowers(4, (6,), output_units=2, product=False)
    apart.build(X.shape)
    kernel = weight(apart, "own_kernel_0")
    np.testing.assert_array_equal(kernel, np.repeat(kernel[:1], 4, axis=0))
    assert 0.3 < kernel.std() / np.sqrt(2 / (5 + 6)) < 1.7  # drawn for one matrix of 5 by 6, not for four


def test_every_group_at_once() -> None:
    layer = filled()
    expected = np.stack([layer(X, np.full(40, group)) for group in range(4)], axis=1)
    np.testing.assert_allclose(layer.every(X), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 3, 37])
def test_batches_of_any_size(rows: int) -> None:
    layer = filled()
    np.testing.assert_allclose(layer(X[:rows], GROUPS[:rows]), layer(X, GROUPS)[:rows], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("groups", "jit"), [(4, False), (4, True), (20, False)])
def test_a_graph_for_any_number_of_rows_answers_the_same(groups: int, jit: bool) -> None:
    """In parts by group where these are few, else in the blocks that have rows; compiled by XLA in all blocks."""
    layer = GroupTowers(groups, (6,), output_units=2, unknown=True)
    layer.build(X.shape)
    fill_sequentially(layer)
    signature = [tf.TensorSpec((None, 5)), tf.TensorSpec((None,), tf.int32)]
    answer = tf.function(layer, input_signature=signature, jit_compile=jit, autograph=False)
    for group in (np.zeros(1, int), GROUPS) if jit else (np.zeros(0, int), np.zeros(1, int), GROUPS, GROUPS * 0 + 3):
        rows = X[: len(group)]
        np.testing.assert_allclose(answer(rows, group.astype("int32")), layer(rows, group), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("groups", "jit"), [(4, False), (4, True), (20, False)])
def test_a_step_in_a_graph_has_the_gradients_of_a_plain_one(groups: int, jit: bool) -> None:
    layer = GroupTowers(groups, (6,), output_units=2)
    layer.build(X.shape)
    fill_sequentially(layer)

    def gradients(rows: Any, group: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.sin(layer(rows, group, training=True)))
        return list(tape.gradient(total, [w.value for w in layer.trainable_weights]))

    signature = [tf.TensorSpec((None, 5)), tf.TensorSpec((None,), tf.int32)]
    compiled = tf.function(gradients, input_signature=signature, jit_compile=jit, autograph=False)
    group = GROUPS.astype("int32")
    for one, other in zip(compiled(X, group), gradients(X, group), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_gradients_reach_the_shared_tower_and_those_in_use() -> None:
    layer = filled(activation="tanh")
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(X, np.where(GROUPS == 2, 1, GROUPS)) ** 2)
    for variable, gradient in zip(
        layer.trainable_weights, tape.gradient(total, [w.value for w in layer.trainable_weights]), strict=True
    ):
        assert isinstance(gradient, tf.Tensor)  # dense: no row of it is counted twice
        if variable.name.startswith("own"):
            reached = np.abs(gradient).reshape(4, -1).max(axis=1) > 0
            assert reached.tolist() == [True, True, False, True], variable.name
        else:
            assert np.abs(gradient).max() > 0


def test_gradients_are_those_of_towers_apart() -> None:
    layer = filled()

    def gradients(towers_apart: bool) -> list[np.ndarray]:
        with tf.GradientTape() as tape:
            every = layer.every(X)
            answers = tf.gather(every, GROUPS, batch_dims=1) if towers_apart else layer(X, GROUPS)
            total = tf.reduce_sum(tf.sin(answers))
        return tape.gradient(total, [w.value for w in layer.trainable_weights])

    for one, other in zip(gradients(True), gradients(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_parameters_are_those_of_one_tower_more_than_groups() -> None:
    tower = 5 * 6 + 6 + 6 * 3 + 3 + 3 * 2 + 2
    assert filled().count_params() == (4 + 1) * tower
    assert filled(product=False).count_params() == 4 * tower


def test_dropout_is_for_training_alone() -> None:
    layer = filled(dropout_rate=0.5)
    answers = np.array(layer(X, GROUPS))
    np.testing.assert_array_equal(layer(X, GROUPS, training=False), answers)
    assert np.abs(np.array(layer(X, GROUPS, training=True)) - answers).max() > 0.01


def test_a_regularizer_holds_factors_near_one() -> None:
    layer = GroupTowers(3, (), output_units=1, kernel_regularizer=keras.regularizers.L2(1.0))
    layer(X[:, :2], GROUPS % 3)
    shared = weight(layer, "shared_kernel_0")
    assert float(sum(layer.losses)) == pytest.approx(float((shared**2).sum()), rel=1e-5)
    (own,) = [w for w in layer.weights if w.name == "own_kernel_0"]
    own.assign(np.full(own.shape, 1.5))
    assert float(sum(layer.losses)) == pytest.approx(float((shared**2).sum()) + 6 * 0.25, rel=1e-5)
    again = GroupTowers.from_config(layer.get_config())
    again.build((None, 2))
    again.set_weights(layer.get_weights())
    assert float(sum(again.losses)) == pytest.approx(float(sum(layer.losses)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 0, "hidden_units": (2,)}, "groups=0"),
        ({"groups": 2, "hidden_units": ()}, "at least one layer"),
        ({"groups": 2, "hidden_units": (0,)}, r"hidden_units=\(0,\)"),
        ({"groups": 2, "hidden_units": (2,), "product": False, "unknown": True}, "product=False"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GroupTowers(**options)

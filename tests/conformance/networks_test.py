"""What every layer, model and feature kind must stand: one suite over the whole table."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance.network_table import NETWORKS
from tests.conformance.recipe import Descriptor, Inputs, arrays, call, fill_sequentially, filled, floats, symbolic
from tfctr.layers._walk import layers_of

BATCH = 4

over_the_table = pytest.mark.parametrize("descriptor", NETWORKS, ids=lambda d: f"{d.kind}-{d.name}")


def with_other_padding(inputs: Inputs) -> Inputs:
    """Other values in padded positions of tensors, more padding behind lists of ids; `{}` where there is none."""
    if "mask" in inputs:
        name = "sequence" if "sequence" in inputs else "inputs"
        return {**inputs, name: np.where(inputs["mask"][..., None], inputs[name], np.nan).astype("float32")}
    features = inputs.get("features", {})
    lists = [name for name, column in features.items() if column.ndim == 2 and column.dtype == np.int64]
    longer = {name: np.pad(features[name], ((0, 0), (0, 2))) for name in lists}
    return {"features": {**features, **longer}} if lists else {}


PADDED = tuple(descriptor for descriptor in NETWORKS if with_other_padding(descriptor.inputs(1)))


@functools.cache
def shared(descriptor_index: int) -> Any:
    """One filled layer for all checks that only read it."""
    return filled(NETWORKS[descriptor_index])


def network(descriptor: Descriptor) -> Any:
    return shared(NETWORKS.index(descriptor))


def as_tensors(inputs: Inputs) -> Inputs:
    return keras.tree.map_structure(tf.constant, inputs)


def assert_same(one: Any, other: Any, **tolerance: float) -> None:
    one, other = arrays(one), arrays(other)
    assert len(one) == len(other) > 0
    for left, right in zip(one, other, strict=True):
        assert left.shape == right.shape
        np.testing.assert_allclose(left, right, **(tolerance or {"rtol": 1e-5, "atol": 1e-6}))


def as_model(descriptor: Descriptor, layer: Any) -> keras.Model:
    """A model as it is; anything else inside a functional model of unknown batch size."""
    if isinstance(layer, keras.Model):
        return layer
    inputs = symbolic_inputs(descriptor.inputs(2))
    return keras.Model(inputs, keras.tree.flatten(call(layer, inputs)))


def symbolic_inputs(inputs: Inputs) -> Inputs:
    """A `keras.Input` of the same name for every array."""
    return {
        name: symbolic_inputs(value)
        if isinstance(value, dict)
        else keras.Input(value.shape[1:], dtype=str(value.dtype), name=name)
        for name, value in inputs.items()
    }


def answer(descriptor: Descriptor, model: keras.Model, inputs: Inputs) -> Any:
    return model(inputs["features"] if descriptor.kind == "model" else inputs)


@over_the_table
def test_config_round_trip(descriptor: Descriptor) -> None:
    layer = network(descriptor)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    call(again, descriptor.inputs(2))
    again.set_weights(layer.get_weights())
    assert_same(call(again, descriptor.inputs(BATCH)), call(layer, descriptor.inputs(BATCH)), rtol=0, atol=0)


@over_the_table
def test_symbolic_shapes_are_the_real_ones(descriptor: Descriptor) -> None:
    layer = network(descriptor)
    expected = keras.tree.flatten(call(layer, symbolic(descriptor.inputs(2))))
    real = keras.tree.flatten(call(layer, descriptor.inputs(BATCH)))
    for shape, tensor in zip(expected, real, strict=True):
        assert tuple(BATCH if n is None else n for n in shape.shape) == tuple(tensor.shape)
        assert shape.dtype == keras.backend.standardize_dtype(tensor.dtype)


@over_the_table
def test_saved_and_loaded_it_answers_the_same(descriptor: Descriptor, tmp_path: Path) -> None:
    model = as_model(descriptor, network(descriptor))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    inputs = descriptor.inputs(BATCH)
    assert_same(answer(descriptor, loaded, inputs), answer(descriptor, model, inputs), rtol=0, atol=0)


@over_the_table
def test_exported_it_answers_the_same(descriptor: Descriptor, tmp_path: Path) -> None:
    layer = network(descriptor)
    module = tf.Module()
    module.layer = layer
    signature = keras.tree.map_structure(
        lambda a: tf.TensorSpec((None, *a.shape[1:]), a.dtype), as_tensors(descriptor.inputs(2))
    )
    module.answer = tf.function(lambda inputs: keras.tree.flatten(call(layer, inputs)), input_signature=[signature])
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    for batch in (1, BATCH):
        inputs = descriptor.inputs(batch)
        assert_same(loaded.answer(as_tensors(inputs)), call(layer, inputs), rtol=1e-6, atol=1e-6)


@over_the_table
def test_compiled_it_answers_the_same(descriptor: Descriptor) -> None:
    layer, inputs = network(descriptor), descriptor.inputs(BATCH)
    compiled = tf.function(lambda inputs: keras.tree.flatten(call(layer, inputs)), jit_compile=True)
    assert_same(compiled(as_tensors(inputs)), call(layer, inputs))


@over_the_table
@pytest.mark.parametrize(("policy", "tolerance"), [("mixed_float16", 0.02), ("mixed_bfloat16", 0.15)])
def test_half_precision_is_finite_and_close(descriptor: Descriptor, policy: str, tolerance: float) -> None:
    exact = network(descriptor)
    inputs = descriptor.inputs(BATCH)
    keras.config.set_dtype_policy(policy)
    try:
        half = filled(descriptor)
        outputs = call(half, inputs)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {keras.backend.standardize_dtype(w.dtype) for w in half.trainable_weights} <= {"float32"}
    for left, right in zip(arrays(floats(outputs)), arrays(floats(call(exact, inputs))), strict=True):
        assert np.isfinite(left).all()
        np.testing.assert_allclose(left, right, atol=tolerance * max(1.0, np.abs(right).max()))


@over_the_table
def test_the_dtype_policy_survives_where_another_rules(descriptor: Descriptor) -> None:
    """What was trained in mixed precision is loaded in mixed precision, down to its parts."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = descriptor.make()
    finally:
        keras.config.set_dtype_policy("float32")
    again = type(layer).from_config(layer.get_config())
    assert {part.dtype_policy.name for part in layers_of(again, keras.layers.Layer)} == {"mixed_bfloat16"}
    assert keras.config.dtype_policy().name == "float32"


@over_the_table
def test_an_empty_batch_gives_no_rows(descriptor: Descriptor) -> None:
    layer = network(descriptor)
    outputs = arrays(call(layer, descriptor.inputs(0)))
    expected = arrays(call(layer, descriptor.inputs(BATCH)))
    assert [o.shape for o in outputs] == [(0, *e.shape[1:]) for e in expected]


@over_the_table
def test_rows_do_not_know_each_other(descriptor: Descriptor) -> None:
    """A batch of one, and permuted rows: each row's answer is its own."""
    layer, inputs = network(descriptor), descriptor.inputs(BATCH)
    together = arrays(call(layer, inputs))
    first = keras.tree.map_structure(lambda a: a[:1], inputs)
    assert_same(call(layer, first), [output[:1] for output in together])
    order = np.array([2, 0, 3, 1])
    permuted = keras.tree.map_structure(lambda a: a[order], inputs)
    assert_same(call(layer, permuted), [output[order] for output in together])


@pytest.mark.parametrize("descriptor", PADDED, ids=lambda d: f"{d.kind}-{d.name}")
@pytest.mark.parametrize("training", [False, True])
def test_padding_changes_nothing(descriptor: Descriptor, training: bool) -> None:
    """Padded positions may hold anything, and there may be more of them."""
    inputs = descriptor.inputs(BATCH)
    plain, other = (call(filled(descriptor), rows, training=training) for rows in (inputs, with_other_padding(inputs)))
    for left, right in zip(arrays(floats(plain)), arrays(floats(other)), strict=True):
        if left.shape != right.shape:  # a sequence as it came: the added positions are at its end
            right = right[:, : left.shape[1]]
        if descriptor.name == "Dice":  # answers position by position: only the kept ones count
            left, right = left[inputs["mask"]], right[inputs["mask"]]
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


@over_the_table
def test_every_weight_learns(descriptor: Descriptor) -> None:
    layer, inputs = network(descriptor), descriptor.inputs(BATCH)
    weights = [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        outputs = floats(call(layer, inputs))
        # Every output counts differently: a plain sum is blind to layers that keep it constant.
        loss = sum(
            tf.reduce_sum(o * np.cos(np.arange(1, o.shape.num_elements() + 1)).reshape(o.shape)) for o in outputs
        )
    for weight, gradient in zip(layer.trainable_weights, tape.gradient(loss, weights), strict=True):
        reason = [why for ending, why in descriptor.untrained.items() if weight.path.endswith(ending)]
        rounding = 1e-5 if reason else 0.0  # what cancels out on paper leaves noise behind
        reached = gradient is not None and np.abs(tf.convert_to_tensor(gradient)).max() > rounding
        assert reached == (not reason), f"{weight.path}: gradient {gradient}"


def test_the_sequence_shows_a_swap() -> None:
    """The premise of the goldens: two weights of one shape never hold the same numbers."""
    dense = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(3)])
    dense.build((None, 3))
    fill_sequentially(dense)
    values = np.concatenate([np.ravel(w) for w in dense.get_weights()])
    assert len(np.unique(values.round(6))) == len(values)

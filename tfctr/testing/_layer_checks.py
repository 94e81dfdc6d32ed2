"""What every layer must stand. Each check takes a `Recipe` and raises `AssertionError` with what went wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfctr.layers._walk import layers_of
from tfctr.testing._recipe import Inputs, Recipe, arrays, call, filled, floats, symbolic

BATCH = 4
HALF_TOLERANCES = {"mixed_float16": 0.02, "mixed_bfloat16": 0.15}
"""Policy -> how far an answer may move, relative to the largest."""

Check = Callable[[Recipe], None]


def assert_same(one: Any, other: Any, what: str, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Demand that two structures of tensors hold the same numbers."""
    left, right = arrays(one), arrays(other)
    assert len(left) == len(right) > 0, f"{what}: {len(left)} outputs against {len(right)}"
    for first, second in zip(left, right, strict=True):
        assert first.shape == second.shape, f"{what}: shape {first.shape} against {second.shape}"
        np.testing.assert_allclose(first, second, rtol=rtol, atol=atol, err_msg=what)


def check_config(recipe: Recipe) -> None:
    """A layer made again from its configuration, with the same weights, answers the same."""
    layer = recipe.shared
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config(), "from_config(get_config()) has another configuration"
    call(again, recipe.inputs(2))
    again.set_weights(layer.get_weights())
    inputs = recipe.inputs(BATCH)
    assert_same(call(again, inputs), call(layer, inputs), "made again from its configuration", rtol=0, atol=0)


def check_shapes(recipe: Recipe) -> None:
    """Symbolic shapes and dtypes are those of real outputs."""
    layer = recipe.shared
    expected = keras.tree.flatten(call(layer, symbolic(recipe.inputs(2))))
    real = keras.tree.flatten(call(layer, recipe.inputs(BATCH)))
    for shape, tensor in zip(expected, real, strict=True):
        said = tuple(BATCH if n is None else n for n in shape.shape)
        assert said == tuple(tensor.shape), f"compute_output_spec says {said}, the output has {tuple(tensor.shape)}"
        assert shape.dtype == keras.backend.standardize_dtype(tensor.dtype), f"compute_output_spec says {shape.dtype}"


def check_saving(recipe: Recipe) -> None:
    """Saved as a `.keras` file and loaded, it answers the same to the bit."""
    model = as_model(recipe, recipe.shared)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    inputs = recipe.inputs(BATCH)
    first = inputs["features"] if recipe.kind == "model" else inputs
    assert_same(loaded(first), model(first), "saved and loaded", rtol=0, atol=0)


def check_export(recipe: Recipe) -> None:
    """As a SavedModel it answers the same, for one row and for several."""
    import tensorflow as tf

    layer, module = recipe.shared, tf.Module()
    module.layer = layer
    module.answer = recipe.function
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder)
        loaded = tf.saved_model.load(folder)
        for batch in (1, BATCH):
            inputs = recipe.inputs(batch)
            assert_same(loaded.answer(as_tensors(inputs)), call(layer, inputs), "SavedModel", rtol=1e-6, atol=1e-6)


def check_jit(recipe: Recipe) -> None:
    """Compiled by XLA it answers the same."""
    import tensorflow as tf

    layer, inputs = recipe.shared, recipe.inputs(BATCH)
    compiled = tf.function(recipe.function, jit_compile=True, autograph=False)
    assert_same(compiled(as_tensors(inputs)), call(layer, inputs), "jit_compile=True")


def check_half_precision(recipe: Recipe) -> None:
    """In mixed precision the weights stay float32, and answers are finite and near."""
    exact, inputs = recipe.shared, recipe.inputs(BATCH)
    before = keras.config.dtype_policy()
    for policy, tolerance in HALF_TOLERANCES.items():
        keras.config.set_dtype_policy(policy)
        try:
            half = filled(recipe)
            outputs = call(half, inputs)
        finally:
            keras.config.set_dtype_policy(before)
        dtypes = {keras.backend.standardize_dtype(weight.dtype) for weight in half.trainable_weights}
        assert dtypes <= {"float32"}, f"weights under {policy}: {sorted(dtypes)}"
        for left, right in zip(arrays(floats(outputs)), arrays(floats(call(exact, inputs))), strict=True):
            assert np.isfinite(left).all(), f"not finite under {policy}"
            np.testing.assert_allclose(left, right, atol=tolerance * max(1.0, np.abs(right).max()), err_msg=policy)


def check_dtype_policy(recipe: Recipe) -> None:
    """What was made in mixed precision is made again in mixed precision, down to its parts, wherever it is loaded."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = recipe.make()
    finally:
        keras.config.set_dtype_policy(before)
    again = type(layer).from_config(layer.get_config())
    policies = {part.dtype_policy.name for part in layers_of(again, keras.layers.Layer)}
    assert policies == {"mixed_bfloat16"}, f"parts have the policies {sorted(policies)}"
    assert keras.config.dtype_policy().name == before.name, "from_config left another policy behind"


def check_empty_batch(recipe: Recipe) -> None:
    """No rows in, no rows out."""
    outputs, expected = (arrays(call(recipe.shared, recipe.inputs(batch))) for batch in (0, BATCH))
    assert [o.shape for o in outputs] == [(0, *e.shape[1:]) for e in expected], [o.shape for o in outputs]


def check_rows_alone(recipe: Recipe) -> None:
    """Each row's answer is its own: that of a batch of one, in whatever order rows come."""
    layer, inputs = recipe.shared, recipe.inputs(BATCH)
    together = arrays(call(layer, inputs))
    first = keras.tree.map_structure(lambda a: a[:1], inputs)
    assert_same(call(layer, first), [output[:1] for output in together], "a batch of one")
    order = np.array([2, 0, 3, 1])
    permuted = keras.tree.map_structure(lambda a: a[order], inputs)
    assert_same(call(layer, permuted), [output[order] for output in together], "rows in another order")


def check_padding(recipe: Recipe) -> None:
    """Padded positions may hold anything, and there may be more of them."""
    inputs = recipe.inputs(BATCH)
    other = with_other_padding(inputs)
    if not other:
        return
    for training in (False, True):
        left, right = (arrays(floats(_call_and_restore(recipe.shared, rows, training))) for rows in (inputs, other))
        for plain, padded in zip(left, right, strict=True):
            if plain.shape != padded.shape:  # a sequence as it came: the added positions are at its end
                padded = padded[:, : plain.shape[1]]
            if recipe.by_position:  # answers position by position: only those that count matter
                plain, padded = plain[inputs["mask"]], padded[inputs["mask"]]
            np.testing.assert_allclose(plain, padded, rtol=1e-5, atol=1e-6, err_msg=f"padding, training={training}")


def check_gradients(recipe: Recipe) -> None:
    """A gradient reaches every trained weight but those of `Recipe.untrained`."""
    import tensorflow as tf

    layer, inputs = recipe.shared, recipe.inputs(BATCH)
    weights = [weight.value for weight in layer.trainable_weights]
    if not weights:
        return
    with tf.GradientTape() as tape:
        outputs = floats(call(layer, inputs))
        # Every output counts differently: a plain sum is blind to layers that keep it constant.
        loss = sum(
            tf.reduce_sum(o * np.cos(np.arange(1, o.shape.num_elements() + 1)).reshape(o.shape)) for o in outputs
        )
    for weight, gradient in zip(layer.trainable_weights, tape.gradient(loss, weights), strict=True):
        reason = [why for ending, why in recipe.untrained.items() if weight.path.endswith(ending)]
        rounding = 1e-5 if reason else 0.0  # what cancels out on paper leaves noise behind
        reached = gradient is not None and np.abs(tf.convert_to_tensor(gradient)).max() > rounding
        assert reached == (not reason), f"{weight.path}: gradient {gradient}"


LAYER_CHECKS: tuple[Check, ...] = (
    check_config,
    check_shapes,
    check_saving,
    check_export,
    check_jit,
    check_half_precision,
    check_dtype_policy,
    check_empty_batch,
    check_rows_alone,
    check_padding,
    check_gradients,
)
"""All of them, in the order in which a mistake is told best."""


def _call_and_restore(layer: Any, inputs: Inputs, training: bool) -> Any:
    """Call a layer and give it back the weights that training moved: the statistics of normalisations."""
    before = layer.get_weights()
    outputs = call(layer, inputs, training=training)
    layer.set_weights(before)
    return outputs


def with_other_padding(inputs: Inputs) -> Inputs:
    """Return other values in padded positions, and more padding behind lists of ids; `{}` where there is none."""
    if "mask" in inputs:
        name = "sequence" if "sequence" in inputs else "inputs"
        return {**inputs, name: np.where(inputs["mask"][..., None], inputs[name], np.nan).astype("float32")}
    features = inputs.get("features", {})
    lists = [name for name, column in features.items() if column.ndim == 2 and column.dtype == np.int64]
    longer = {name: np.pad(features[name], ((0, 0), (0, 2))) for name in lists}
    return {"features": {**features, **longer}} if lists else {}


def as_model(recipe: Recipe, layer: Any) -> keras.Model:
    """Return a model as it is; anything else inside a functional model of unknown batch size."""
    if isinstance(layer, keras.Model):
        return layer
    inputs = _symbolic_inputs(recipe.inputs(2))
    return keras.Model(inputs, keras.tree.flatten(call(layer, inputs)))


def as_tensors(inputs: Inputs) -> Inputs:
    """Return the same inputs as tensors of TensorFlow."""
    import tensorflow as tf

    converted: Inputs = keras.tree.map_structure(tf.constant, inputs)
    return converted


def _symbolic_inputs(inputs: Inputs) -> Inputs:
    """A `keras.Input` of the same name for every array."""
    return {
        name: _symbolic_inputs(value)
        if isinstance(value, dict)
        else keras.Input(value.shape[1:], dtype=str(value.dtype), name=name)
        for name, value in inputs.items()
    }

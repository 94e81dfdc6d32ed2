from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tfctr.layers.towers import MLP, Dice
from tfctr.layers.towers._activation import make_activation

X = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def trained(layer: keras.layers.Layer) -> int:
    return sum(int(np.prod(w.shape)) for w in layer.trainable_weights)


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"output_units": 1}, 5 * 4 + 4 + 4 * 3 + 3 + 3 * 1 + 1),
        ({}, 5 * 4 + 4 + 4 * 3 + 3),
        ({"batch_norm": True}, 5 * 4 + 4 + 4 * 3 + 3 + 2 * (4 + 3)),
        ({"activation": "dice"}, 5 * 4 + 4 + 4 * 3 + 3 + (4 + 3)),
        ({"activation": "prelu"}, 5 * 4 + 4 + 4 * 3 + 3 + (4 + 3)),
    ],
)
def test_trained_weights(settings: dict[str, Any], count: int) -> None:
    mlp = MLP((4, 3), **settings)
    mlp.build((None, 5))
    assert trained(mlp) == count


def test_linear_then_norm_then_activation() -> None:
    mlp = MLP((3,), batch_norm=True)
    mlp(X)
    kernel, bias = (w.numpy() for w in mlp.trainable_weights[:2])
    linear = X @ kernel + bias
    normal = (linear - linear.mean(axis=0)) / np.sqrt(linear.var(axis=0) + 1e-5)
    np.testing.assert_allclose(mlp(X, training=True), np.maximum(normal, 0), rtol=1e-3, atol=1e-4)


def test_dropout_comes_last_and_only_in_training() -> None:
    mlp = MLP((200,), activation="sigmoid", dropout_rate=0.5)
    kept = mlp(X, training=False).numpy()
    dropped = mlp(X, training=True).numpy()
    gone = dropped == 0
    assert 0.4 < gone.mean() < 0.6
    np.testing.assert_allclose(dropped[~gone], 2 * kept[~gone], rtol=1e-5)


def test_without_hidden_layers_it_is_linear() -> None:
    mlp = MLP((), output_units=2)
    np.testing.assert_allclose(mlp(3 * X), 3 * mlp(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("settings", [{"activation": "dice"}, {"batch_norm": True}])
def test_masked_positions_stay_out_of_the_statistics(settings: dict[str, Any]) -> None:
    mask = np.array([[True, True], [True, True], [True, False]])
    sequence = X.reshape(3, 2, 5)
    mlp = MLP((4,), **settings)
    before = mlp(sequence, mask=mask, training=True).numpy()[mask]
    other = np.where(mask[..., None], sequence, 50.0).astype("float32")
    np.testing.assert_allclose(mlp(other, mask=mask, training=True).numpy()[mask], before, rtol=1e-4, atol=1e-5)


def test_activations_by_name() -> None:
    assert isinstance(make_activation("dice", rank=2, dtype="float32"), Dice)
    prelu = make_activation("prelu", rank=3, dtype="float32")
    prelu.build((None, 7, 4))
    assert prelu.count_params() == 4  # one slope a unit, whatever the length
    with pytest.raises(ValueError, match="unknown activation 'rellu'"):
        make_activation("rellu", rank=2, dtype="float32")


def test_no_layer_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        MLP(())
    with pytest.raises(ValueError, match=r"hidden_units=\(4, 0\)"):
        MLP((4, 0))


def test_rows_are_normalised_by_themselves_before_the_activation() -> None:
    mlp = MLP((4,), output_units=1, layer_norm=True)
    inputs = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    mlp.build((None, 5))
    dense, norm, output = (mlp._blocks[place] for place in (0, 1, 3))
    norm.gamma.assign([2.0, 1.0, 0.5, 1.0])
    linear = inputs @ np.asarray(dense.kernel)
    centred = linear - linear.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt(linear.var(axis=1, keepdims=True) + 1e-5) * np.asarray(norm.gamma)
    wanted = np.maximum(scaled, 0) @ np.asarray(output.kernel)
    np.testing.assert_allclose(mlp(inputs), wanted, rtol=1e-4, atol=1e-5)
    assert mlp.count_params() == 5 * 4 + 4 + 2 * 4 + 4 + 1


def test_one_norm_at_most() -> None:
    with pytest.raises(ValueError, match="not both: batch_norm or layer_norm"):
        MLP((4,), batch_norm=True, layer_norm=True)

from __future__ import annotations

import numpy as np
import pytest

from tfctr.layers.interaction import CrossNetV2

X = np.array([[1.0, 2.0, 3.0, -1.0, 0.0, 1.0]], "float32")  # adds up to 6


@pytest.mark.parametrize(("layers", "factor"), [(1, 1.6), (2, 2.56)])
def test_kernel_of_tenths_scales_the_input(layers: int, factor: float) -> None:
    # x1 = x0 · (0.1 · 6) + x0; x2 = x0 · (0.1 · 6 · 1.6) + 1.6 x0.
    layer = CrossNetV2(layers)
    layer.build(X.shape)
    layer.set_weights([np.full(w.shape, 0.1 if len(w.shape) == 2 else 0.0) for w in layer.weights])
    np.testing.assert_allclose(layer(X), factor * X, rtol=1e-6)


def test_zero_kernels_with_bias_one_double_the_input() -> None:
    layer = CrossNetV2(1)
    layer.build(X.shape)
    layer.set_weights([np.zeros((6, 6)), np.ones(6)])
    np.testing.assert_allclose(layer(X), 2 * X)


def test_agrees_with_keras_rs() -> None:
    from keras_rs.layers import FeatureCross

    x = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
    ours, theirs = CrossNetV2(2), [FeatureCross(), FeatureCross()]
    ours(x)
    crossed = x
    for index, layer in enumerate(theirs):
        layer(x, crossed)
        layer.set_weights([w.numpy() for w in ours.weights[2 * index : 2 * index + 2]])
        crossed = layer(x, crossed)
    np.testing.assert_allclose(ours(x), crossed, rtol=1e-5, atol=1e-6)


def test_fields_are_flattened_and_weights_counted() -> None:
    layer = CrossNetV2(4)
    assert layer(np.ones((2, 3, 4))).shape == (2, 12)
    assert layer.count_params() == 4 * (12 * 12 + 12)


def test_layers_start_different() -> None:
    layer = CrossNetV2(2)
    layer.build((None, 6))
    assert not np.array_equal(layer.weights[0], layer.weights[2])


def test_no_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="num_layers=0"):
        CrossNetV2(0)

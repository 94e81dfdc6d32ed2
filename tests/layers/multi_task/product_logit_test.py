"""The product keeps its digits at both ends."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.multi_task import product_logit


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("a", "b"), [(0.0, 0.0), (-30.0, -40.0), (12.0, 14.0), (60.0, 70.0), (-80.0, 5.0), (3.0, -90.0)]
)
def test_equal_to_the_product_in_double_precision(a: float, b: float) -> None:
    both = np.log(sigmoid(np.float64(a))) + np.log(sigmoid(np.float64(b)))
    neither = sigmoid(np.float64(-a)) + sigmoid(np.float64(a)) * sigmoid(np.float64(-b))
    np.testing.assert_allclose(
        product_logit(np.float32(a), np.float32(b)), both - np.log(neither), rtol=1e-5, atol=1e-6
    )


def test_gradients_are_finite_everywhere() -> None:
    grid = tf.constant([-90.0, -20.0, 0.0, 20.0, 90.0])
    a, b = tf.meshgrid(grid, grid)
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        value = product_logit(a, b)
    assert all(np.isfinite(gradient).all() for gradient in tape.gradient(value, [a, b]))
    assert np.isfinite(value).all()

from __future__ import annotations

import itertools

import numpy as np
from keras import ops

from tfctr.layers.interaction import FactorizationMachine


def test_value_by_hand() -> None:
    # Pair products of [1,2], [3,-1], [0,1]: 1, 2, -1.
    fields = np.array([[[1.0, 2.0], [3.0, -1.0], [0.0, 1.0]]])
    assert ops.convert_to_numpy(FactorizationMachine()(fields)).tolist() == [[2.0]]


def test_equals_the_sum_over_pairs() -> None:
    fields = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")
    pairs = [np.sum(fields[:, i] * fields[:, j], axis=-1) for i, j in itertools.combinations(range(5), 2)]
    np.testing.assert_allclose(FactorizationMachine()(fields)[:, 0], sum(pairs), rtol=1e-5, atol=1e-5)


def test_order_of_fields_does_not_matter() -> None:
    fields = np.random.default_rng(1).normal(size=(4, 5, 3)).astype("float32")
    layer = FactorizationMachine()
    np.testing.assert_allclose(layer(fields), layer(fields[:, [3, 0, 4, 1, 2]]), rtol=1e-5, atol=1e-6)


def test_half_precision_does_not_overflow_inside() -> None:
    # Squares add up to 80,000, beyond float16; the result, -40,000, is not.
    fields = np.array([[[200.0], [-200.0]]], "float16")
    assert ops.convert_to_numpy(FactorizationMachine(dtype="float16")(fields)).tolist() == [[-40_000.0]]

from __future__ import annotations

import numpy as np
import pytest

from tfctr.layers.interaction import MultiHeadBilinearFusion

RNG = np.random.default_rng(0)
FIRST = RNG.normal(size=(5, 4)).astype("float32")
SECOND = RNG.normal(size=(5, 6)).astype("float32")


def fusion(num_heads: int, first: np.ndarray = FIRST, second: np.ndarray = SECOND) -> MultiHeadBilinearFusion:
    layer = MultiHeadBilinearFusion(num_heads)
    layer(first, second)
    return layer


def set_weights(layer: MultiHeadBilinearFusion, **values: object) -> None:
    for weight in layer.weights:
        name = "/".join(weight.path.split("/")[1:])
        if name in values:
            weight.assign(np.reshape(np.asarray(values[name], "float32"), weight.shape))


def test_value_by_hand() -> None:
    # Linear 3 and 1; head 1: 1·1 + 2·2·(-1) = -3; head 2: 3·0 + 4·2 = 8; bias 0.5.
    first, second = np.array([[1.0, 2, 3, 4]]), np.array([[1.0, -1, 2, 0]])
    layer = fusion(2, first, second)
    set_weights(
        layer,
        **{
            "linear1/kernel": [0.1, 0.2, 0.3, 0.4],
            "linear1/bias": [0.5],
            "linear2/kernel": [1, 0, 0, 1],
            "bilinear": [[[1, 0], [0, 2]], [[0, 1], [1, 0]]],
        },
    )
    np.testing.assert_allclose(layer(first, second), [[9.5]], rtol=1e-6)


def test_heads_equal_one_head_with_blocks_on_the_diagonal() -> None:
    heads, one = fusion(2), fusion(1)
    blocks = RNG.normal(size=(2, 2, 3)).astype("float32")
    whole = np.zeros((4, 6), "float32")
    whole[:2, :3], whole[2:, 3:] = blocks
    linear = {f"linear{i}/kernel": RNG.normal(size=width) for i, width in ((1, 4), (2, 6))}
    set_weights(heads, bilinear=blocks, **linear)
    set_weights(one, bilinear=whole, **linear)
    np.testing.assert_allclose(heads(FIRST, SECOND), one(FIRST, SECOND), rtol=1e-5, atol=1e-6)


def test_product_is_linear_in_each_stream() -> None:
    layer = fusion(2)
    set_weights(layer, **{"linear1/kernel": np.zeros(4), "linear2/kernel": np.zeros(6)})
    product = layer(FIRST, SECOND)
    np.testing.assert_allclose(layer(3 * FIRST, SECOND), 3 * product, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer(FIRST, -2 * SECOND), -2 * product, rtol=1e-4, atol=1e-5)


def test_swapped_streams_with_transposed_matrices_agree() -> None:
    layer, swapped = fusion(2), fusion(2, SECOND, FIRST)
    blocks = RNG.normal(size=(2, 2, 3))
    linear = RNG.normal(size=4), RNG.normal(size=6)
    set_weights(layer, bilinear=blocks, **{"linear1/kernel": linear[0], "linear2/kernel": linear[1]})
    set_weights(
        swapped, bilinear=blocks.transpose(0, 2, 1), **{"linear1/kernel": linear[1], "linear2/kernel": linear[0]}
    )
    np.testing.assert_allclose(layer(FIRST, SECOND), swapped(SECOND, FIRST), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 2])
def test_weights_shrink_with_heads(heads: int) -> None:
    assert fusion(heads).count_params() == (4 + 1) + (6 + 1) + 4 * 6 // heads


def test_several_outputs_are_independent_fusions() -> None:
    both = MultiHeadBilinearFusion(2, units=2)
    both(FIRST, SECOND)
    single = fusion(2)
    set_weights(
        single,
        bilinear=both.weights[0].numpy()[:, 1],
        **{"linear1/kernel": both.weights[1].numpy()[:, 1], "linear2/kernel": both.weights[3].numpy()[:, 1]},
    )
    np.testing.assert_allclose(both(FIRST, SECOND)[:, 1:], single(FIRST, SECOND), rtol=1e-4, atol=1e-5)


def test_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"num_heads=4, widths=\(4, 6\)"):
        MultiHeadBilinearFusion(4)(FIRST, SECOND)

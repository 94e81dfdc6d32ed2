from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tfctr.layers.interaction import InteractingLayer
from tfctr.models.autoint import VARIANTS

FIELDS = np.random.default_rng(0).normal(size=(4, 3, 5)).astype("float32")


def layer(dim: int = 5, **settings: Any) -> InteractingLayer:
    made = InteractingLayer(settings.pop("num_heads", 2), head_dim=settings.pop("head_dim", 4), **settings)
    made.build((None, 3, dim))
    return made


def assign(made: InteractingLayer, name: str, value: Any) -> None:
    (found,) = [w for w in made.weights if w.path.endswith(f"{name}/kernel")]
    found.assign(np.broadcast_to(value, found.shape))


@pytest.mark.parametrize(("scale", "diagonal"), [(False, 0.731059), (True, 0.669762)])
def test_value_by_hand(scale: bool, diagonal: float) -> None:
    # Identity maps and fields: softmax of (1, 0), or of (1/√2, 0); the residual adds the identity.
    made = layer(2, num_heads=1, head_dim=2, scale=scale)
    for name in ("query", "key", "value", "residual"):
        assign(made, name, np.eye(2))
    other = 1 - diagonal
    attention = [[[[diagonal, other], [other, diagonal]]]]
    np.testing.assert_allclose(made.attention(np.eye(2)[None]), attention, atol=1e-6)
    np.testing.assert_allclose(made(np.eye(2)[None]), [[[1 + diagonal, other], [other, 1 + diagonal]]], atol=1e-6)


def test_without_queries_every_field_gets_the_mean() -> None:
    made = layer(residual="none")
    assign(made, "query", 0.0)
    np.testing.assert_allclose(made.attention(FIELDS), np.full((4, 2, 3, 3), 1 / 3), rtol=1e-6)
    out = made(FIELDS).numpy()
    np.testing.assert_allclose(out, np.repeat(out[:, :1], 3, axis=1), rtol=1e-5, atol=1e-6)


def test_permuted_fields_permute_the_output() -> None:
    # With two heads this fails when heads are split by a plain reshape.
    made, order = layer(), [2, 0, 1]
    np.testing.assert_allclose(made(FIELDS[:, order]), made(FIELDS).numpy()[:, order], rtol=1e-5, atol=1e-6)
    expected = made.attention(FIELDS).numpy()[:, :, order][..., order]
    np.testing.assert_allclose(made.attention(FIELDS[:, order]), expected, rtol=1e-5, atol=1e-6)


def test_without_values_only_the_residual_is_left() -> None:
    made = layer()
    assign(made, "value", 0.0)
    (kernel,) = [w.numpy() for w in made.weights if w.path.endswith("residual/kernel")]
    np.testing.assert_allclose(made(FIELDS), np.maximum(FIELDS @ kernel, 0), rtol=1e-5, atol=1e-6)


def test_a_head_owns_contiguous_columns() -> None:
    made = layer(residual="none")
    (value,) = [w for w in made.weights if w.path.endswith("value/kernel")]
    value.assign(np.concatenate([np.abs(value.numpy()[:, :4]), np.zeros((5, 4))], axis=1))
    out = made(np.abs(FIELDS)).numpy()
    assert (out[..., :4] > 0).all()
    assert (out[..., 4:] == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_attention_adds_up_to_one(dtype: str) -> None:
    made = InteractingLayer(2, head_dim=4, dtype=dtype)
    made(FIELDS.astype(dtype))
    np.testing.assert_allclose(np.sum(made.attention(FIELDS.astype(dtype)), axis=-1), 1, atol=1e-6)


def test_attention_is_without_dropout_and_changes_nothing() -> None:
    made = layer(dropout_rate=0.5)
    before = made(FIELDS, training=False).numpy()
    first = made.attention(FIELDS).numpy()
    assert np.array_equal(first, made.attention(FIELDS))
    assert np.array_equal(before, made(FIELDS, training=False))
    assert not np.allclose(before, made(FIELDS, training=True))


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        (VARIANTS["paper"], 4 * 5 * 8),
        (VARIANTS["reference"], 4 * (5 * 8 + 8) + 2 * 8),
        ({"residual": "none"}, 3 * 5 * 8),
        ({"residual": "auto"}, 4 * 5 * 8),  # 5 wide in, 8 out: projected
        ({"residual": "auto", "head_dim": 5, "num_heads": 1}, 3 * 5 * 5),  # equal: the identity
    ],
)
def test_weights_by_variant(settings: dict[str, Any], count: int) -> None:
    assert layer(**dict(settings)).count_params() == count


def test_norm_after_the_relu_leaves_vectors_of_mean_zero() -> None:
    out = layer(layer_norm="after_relu")(FIELDS).numpy()
    np.testing.assert_allclose(out.mean(axis=-1), 0, atol=1e-5)
    assert (out < 0).any()


def test_norm_before_the_relu_leaves_nothing_negative() -> None:
    plain, normed = layer(layer_norm=None), layer(layer_norm="before_relu")
    plain(FIELDS), normed(FIELDS)
    for old, new in zip(plain.weights, normed.weights, strict=False):
        new.assign(old)
    gathered = linear_part(plain)
    centred = gathered - gathered.mean(axis=-1, keepdims=True)
    expected = centred / np.sqrt(gathered.var(axis=-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(normed(FIELDS).numpy(), np.maximum(expected, 0), atol=1e-5)


def linear_part(plain: InteractingLayer) -> np.ndarray:
    """What `plain` gives to its ReLU: attention times values, heads side by side, plus the residual."""
    alpha = plain.attention(FIELDS).numpy()
    values = plain._heads(plain._value(FIELDS)).numpy()
    merged = np.concatenate(list(np.moveaxis(alpha @ values, 1, 0)), axis=-1)
    return merged + plain._residual(FIELDS).numpy()


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="residual='sometimes'"):
        layer(residual="sometimes")
    with pytest.raises(ValueError, match="layer_norm='sideways'"):
        layer(layer_norm="sideways")
    with pytest.raises(ValueError, match="num_heads=0"):
        layer(num_heads=0)

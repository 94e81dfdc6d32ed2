from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.sequence import SDIMAttention

pytestmark = pytest.mark.usefixtures("seed")

# Two bits by hand: the signs of the first and of the second coordinate.
TARGET = np.array([[1.0, 1.0]], "float32")
EVENTS = np.array([[[2.0, 0.5], [-1.0, 1.0], [1.0, -1.0], [3.0, 4.0]]], "float32")
KEEP = np.ones((1, 4), bool)


def by_hand(**options: Any) -> SDIMAttention:
    """One signature of two bits whose projections are the axes."""
    layer = SDIMAttention(1, 2, **options)
    layer.build((None, 2), (None, None, 2))
    layer.projections.assign(np.eye(2))
    return layer


def rows(users: int, length: int, dim: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mask = np.arange(length) < rng.integers(0, length + 1, users)[:, None]
    return rng.normal(size=(users, dim)).astype("f"), rng.normal(size=(users, length, dim)).astype("f"), mask


def numpy(tensor: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


def test_signatures_by_hand() -> None:
    codes = numpy(by_hand().hash_codes(EVENTS))
    assert codes[0, :, 0].tolist() == [3, 2, 1, 3]
    assert numpy(by_hand().hash_codes(np.zeros((1, 2)))).item() == 3  # a tie counts as 1


def test_pooling_by_hand() -> None:
    np.testing.assert_allclose(by_hand()(TARGET, EVENTS, mask=KEEP), [[0.743294, 0.668965]], atol=1e-6)
    without_last = np.array([[True, True, True, False]])
    np.testing.assert_allclose(by_hand()(TARGET, EVENTS, mask=without_last), [[0.970143, 0.242536]], atol=1e-6)
    np.testing.assert_allclose(by_hand(l2_norm=False)(TARGET, EVENTS, mask=KEEP), [[5.0, 4.5]], atol=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 3, 5])
def test_collisions_follow_the_angle(bits: int) -> None:
    """Eq. 13: vectors at the angle θ collide with probability (1 − θ/π)^bits."""
    layer = SDIMAttention(40_000 // bits, bits)
    degrees = np.array([0, 60, 90, 120, 180])
    circle = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)
    layer.build((None, 2), (None, None, 2))
    codes = numpy(layer.hash_codes(circle))
    np.testing.assert_allclose((codes == codes[:1]).mean(axis=1), (1 - degrees / 180) ** bits, atol=0.015)


def test_the_mean_of_many_signatures_is_attention_with_these_weights() -> None:
    """The unnormalised sum exactly, the normalised one in its direction."""
    target, events, _ = rows(1, 6, 16)
    events /= np.linalg.norm(events, axis=-1, keepdims=True)
    cosine = events[0] @ target[0] / np.linalg.norm(target)
    expected = ((1 - np.arccos(cosine) / np.pi) ** 3) @ events[0]
    found = numpy(SDIMAttention(10_000, 3, l2_norm=False)(target, events))[0]
    np.testing.assert_allclose(found, expected, atol=0.02)
    direction = numpy(SDIMAttention(2_000, 3)(target, events))[0]
    assert direction @ expected / np.linalg.norm(direction) / np.linalg.norm(expected) > 0.98


def test_the_error_shrinks_with_the_root_of_the_signatures() -> None:
    target, events, _ = rows(1, 8, 4)

    def spread(signatures: int) -> float:
        draws = [numpy(SDIMAttention(signatures, 3)(target, events)) for _ in range(60)]
        return float(np.std(draws, axis=0).mean())

    assert spread(4) / spread(64) == pytest.approx(4, rel=0.3)


def test_more_bits_are_sharper() -> None:
    cosine = np.linspace(-1, 1, 50)

    def entropy(bits: int) -> float:
        weights = (1 - np.arccos(cosine) / np.pi) ** bits
        weights = weights[weights > 0] / weights.sum()
        return float(-(weights * np.log(weights)).sum())

    found = [entropy(bits) for bits in range(6)]
    assert found == sorted(found, reverse=True)


def test_no_bits_pool_everything() -> None:
    target, events, mask = rows(4, 5, 3)
    total = np.where(mask[..., None], events, 0).sum(axis=1)
    expected = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    layer = SDIMAttention(1, 0)
    np.testing.assert_allclose(layer(target, events, mask=mask), expected, atol=1e-6)
    assert layer.weights == []


@pytest.mark.parametrize("l2_norm", [True, False])
@pytest.mark.parametrize("bits", [0, 1, 3])
def test_buckets_read_later_are_the_call(bits: int, l2_norm: bool) -> None:
    target, events, mask = rows(5, 30, 6)
    layer = SDIMAttention(7, bits, l2_norm=l2_norm)
    together = layer(target, events, mask=mask)
    buckets = layer.bucket_sums(events, mask)
    assert tuple(buckets.shape) == (5, 7, 2**bits, 7)
    assert np.array_equal(numpy(buckets)[..., -1].sum(axis=-1), np.repeat(mask.sum(axis=1)[:, None], 7, axis=1))
    np.testing.assert_allclose(layer.read(buckets, target), together, atol=2e-6)


def test_candidates_of_one_user_are_as_many_rows() -> None:
    _, events, mask = rows(2, 30, 6)
    candidates = np.random.default_rng(1).normal(size=(2, 9, 6)).astype("f")
    layer = SDIMAttention(7, 3)
    apart = [layer(candidates[:, index], events, mask=mask) for index in range(9)]
    found = layer.read(layer.bucket_sums(events, mask), candidates)
    np.testing.assert_allclose(found, np.stack(apart, axis=1), atol=2e-6)


def test_buckets_add_up_over_events() -> None:
    target, events, mask = rows(3, 20, 4)
    layer = SDIMAttention(5, 3)
    layer(target, events)
    whole = numpy(layer.bucket_sums(events, mask))
    first, rest = layer.bucket_sums(events[:, :8], mask[:, :8]), layer.bucket_sums(events[:, 8:], mask[:, 8:])
    np.testing.assert_allclose(numpy(first) + numpy(rest), whole, atol=1e-5)
    np.testing.assert_allclose(whole - numpy(first), rest, atol=1e-5)


@pytest.mark.parametrize("l2_norm", [True, False])
def test_an_emptied_bucket_is_empty(l2_norm: bool) -> None:
    """Events are taken away in another order than they came: rounding leaves something, and it is no interest."""
    target, events, _ = rows(3, 50, 4)
    layer = SDIMAttention(5, 2, l2_norm=l2_norm)
    layer(target, events)
    buckets = layer.bucket_sums(events)
    for index in np.random.default_rng(0).permutation(50):
        buckets = buckets - layer.bucket_sums(events[:, index : index + 1])
    assert np.abs(numpy(buckets)[..., :-1]).max() > 0
    assert np.array_equal(layer.read(buckets, target), np.zeros((3, 4)))


def test_what_changes_nothing() -> None:
    """Order, padding of any content, and the length of the candidate; its opposite is in the opposite bucket."""
    target, events, mask = rows(4, 12, 5)
    layer = SDIMAttention(6, 3)
    plain = numpy(layer(target, events, mask=mask))
    order = np.random.default_rng(2).permutation(12)
    np.testing.assert_allclose(layer(target, events[:, order], mask=mask[:, order]), plain, atol=1e-6)
    padded = np.pad(np.where(mask[..., None], events, np.nan), ((0, 0), (0, 3), (0, 0)), constant_values=np.inf)
    np.testing.assert_allclose(layer(target, padded, mask=np.pad(mask, ((0, 0), (0, 3)))), plain, atol=1e-6)
    assert np.array_equal(layer(8 * target, events, mask=mask), plain)
    assert np.array_equal(layer.hash_codes(-target), 7 - numpy(layer.hash_codes(target)))
    itself = np.concatenate([events, target[:, None]], axis=1)
    assert np.array_equal(numpy(layer.hash_codes(itself))[:, -1], layer.hash_codes(target))


def test_gradient_goes_to_the_events_and_never_to_the_candidate() -> None:
    target, events, mask = rows(6, 9, 4)
    mask[0] = False
    events[1] = 0  # collides with everything and adds up to nothing
    target, events = tf.constant(target), tf.constant(events)
    layer = SDIMAttention(5, 2)
    with tf.GradientTape() as tape:
        tape.watch([target, events])
        output = tf.reduce_sum(layer(target, events, mask=mask) * np.arange(1.0, 5.0))
    of_target, of_events = tape.gradient(output, [target, events])
    assert of_target is None
    assert np.isfinite(of_events).all()
    assert np.abs(of_events).max() > 0
    assert layer.trainable_weights == []


@pytest.mark.parametrize("length", [0, 3])
def test_without_events_there_is_no_interest(length: int) -> None:
    layer = SDIMAttention(4, 3)
    layer.build((None, 5), (None, None, 5))
    events, mask = np.ones((2, length, 5), "f"), np.zeros((2, length), bool)
    buckets = layer.bucket_sums(events, mask)
    for interest in (layer(np.ones((2, 5), "f"), events, mask=mask), layer.read(buckets, np.ones((2, 5), "f"))):
        assert np.array_equal(interest, np.zeros((2, 5)))


def test_a_hundred_thousand_events() -> None:
    """Both forms work on the longest sequence a spec allows, and agree."""
    rng = np.random.default_rng(0)
    events, target = rng.normal(size=(1, 100_000, 8)).astype("f"), rng.normal(size=(1, 8)).astype("f")
    layer = SDIMAttention(16, 3)
    found = layer(target, events)
    np.testing.assert_allclose(layer.read(layer.bucket_sums(events), target), found, atol=1e-4)


def test_hashing_ignores_the_policy() -> None:
    """Half precision would turn signs round; projections stay float32 and so do the products with them."""
    layer = SDIMAttention(16, 3, dtype="mixed_float16")
    layer.build((None, 8), (None, None, 8))
    assert layer.projections.dtype == "float32"
    assert layer.bucket_sums(np.ones((1, 2, 8), "float16")).dtype == tf.float32


@pytest.mark.parametrize("wrong", [{"signatures": 0}, {"bits": -1}, {"bits": 17}])
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        SDIMAttention(**wrong)


def test_target_and_events_must_be_of_one_space() -> None:
    with pytest.raises(ValueError, match="one width"):
        SDIMAttention().build((None, 3), (None, None, 4))

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfctr.layers.sequence import SoftmaxAttention, latest_events

pytestmark = pytest.mark.usefixtures("seed")

RNG = np.random.default_rng(0)
TARGET, EVENTS = RNG.normal(size=(3, 6)).astype("f"), RNG.normal(size=(3, 7, 6)).astype("f")
MASK = np.arange(7) < np.array([[7], [3], [1]])


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores)
    return powers / powers.sum(axis=-1, keepdims=True)


def test_embeddings_as_they_are() -> None:
    found = keras.ops.convert_to_numpy(SoftmaxAttention()(TARGET, EVENTS, mask=MASK))
    for row, length in enumerate([7, 3, 1]):
        events = EVENTS[row, :length]
        expected = softmax(events @ TARGET[row] / np.sqrt(6)) @ events
        np.testing.assert_allclose(found[row], expected, rtol=1e-5)


def test_heads_are_those_of_the_paper_without_its_keys_and_values() -> None:
    layer = SoftmaxAttention(2, head_dim=4)
    found = keras.ops.convert_to_numpy(layer(TARGET, EVENTS))
    query, key, value = (np.reshape(weight, (6, 2, 4)) for weight in layer.get_weights())
    for head in range(2):
        queries, keys, values = TARGET @ query[:, head], EVENTS @ key[:, head], EVENTS @ value[:, head]
        weights = softmax(np.einsum("bk,blk->bl", queries, keys) / 2)
        expected = np.einsum("bl,blk->bk", weights, values)
        np.testing.assert_allclose(found[:, 4 * head : 4 * head + 4], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("heads", [0, 2])
@pytest.mark.parametrize("length", [0, 4])
def test_without_events_there_is_no_interest(heads: int, length: int) -> None:
    found = SoftmaxAttention(heads, 3)(TARGET, np.ones((3, length, 6), "f"), mask=np.zeros((3, length), bool))
    assert np.array_equal(found, np.zeros((3, 6)))


@pytest.mark.parametrize("wrong", [{"num_heads": -1}, {"head_dim": 0}])
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        SoftmaxAttention(**wrong)


def events_of(tensors: tuple) -> list[list[float]]:
    latest, kept = map(keras.ops.convert_to_numpy, tensors)
    return [sorted(row[keep, 0].tolist()) for row, keep in zip(latest, kept, strict=True)]


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_latest_events_keep_their_own_masks(count: int) -> None:
    """Also where kept events have gaps between them; padding never stands in for an event."""
    events = np.arange(1.0, 21.0).reshape(4, 5, 1)
    mask = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]], bool)
    expected = [row[keep, 0][-count:].tolist() for row, keep in zip(events, mask, strict=True)]
    assert events_of(latest_events(events, mask, count)) == expected

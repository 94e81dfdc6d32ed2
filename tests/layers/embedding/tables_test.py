"""Tables: padding, collisions, compositional codes, sizes."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from tfctr.layers.embedding import (
    BatchL2,
    DistributedTable,
    DoubleHashedTable,
    FullTable,
    HashedTable,
    QuotientRemainderTable,
    TableL2,
)
from tfctr.layers.embedding._hashing import hashed_rows

ROWS, DIM = 101, 4
WIDE = keras.initializers.RandomNormal(stddev=1.0, seed=1)
COMPRESSED = [
    HashedTable(initializer=WIDE, compression=4),
    DoubleHashedTable(initializer=WIDE, compression=4),
    QuotientRemainderTable(initializer=WIDE, compression=4),
    QuotientRemainderTable(initializer=WIDE, compression=4, combine="sum"),
]
TABLES = [FullTable(initializer=WIDE), DistributedTable(initializer=WIDE), *COMPRESSED]


def numpy(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("template", TABLES, ids=lambda t: type(t).__name__)
def test_padding_is_zero_and_every_other_id_is_not(template) -> None:
    table = template.sized(ROWS, DIM, "table")
    vectors = numpy(table(np.arange(ROWS)))
    assert vectors.shape == (ROWS, DIM)
    assert not vectors[0].any()
    assert np.abs(vectors[1:]).sum(axis=1).min() > 0


@pytest.mark.parametrize("template", TABLES, ids=lambda t: type(t).__name__)
def test_sized_keeps_the_settings(template) -> None:
    table = template.sized(ROWS, DIM, "table")
    again = type(table).from_config(table.get_config())
    assert again.get_config() == table.get_config()
    assert (table.rows, table.dim) == (ROWS, DIM)


def test_a_template_cannot_be_called() -> None:
    with pytest.raises(ValueError, match="template without rows"):
        FullTable()(np.array([1]))


def test_hash_is_fixed_spread_and_salted() -> None:
    """The first rows are written down: a model trained yesterday must find its rows tomorrow."""
    ids = np.arange(1, 20_001)
    rows = numpy(hashed_rows(ids, 1000))
    assert rows.min() >= 0
    assert rows.max() < 1000
    counts = np.bincount(rows, minlength=1000)
    chi_square = ((counts - 20) ** 2 / 20).sum()
    assert 850 < chi_square < 1150  # 999 degrees of freedom: 999 ± 3.4 · sqrt(2 · 999)
    assert (rows == numpy(hashed_rows(ids, 1000, salt=1))).mean() < 0.01
    expected = [hash_by_hand(i, 1000) for i in range(1, 50)]
    assert rows[:49].tolist() == expected


def hash_by_hand(value: int, size: int) -> int:
    """The same function in Python's unbounded integers."""
    state = (value + 0x632BE59B) % 2**32
    for multiplier in (0x9E3779B1, 0x85EBCA6B):
        state = state * multiplier % 2**32
        state ^= state >> 15
    return state % size


def test_double_hash_shares_fewer_whole_vectors() -> None:
    ids = np.arange(1, 1001)
    single = HashedTable(rows=1001, dim=DIM, compression=10, initializer=WIDE)
    double = DoubleHashedTable(rows=1001, dim=DIM, compression=10, initializer=WIDE)
    distinct = [len(np.unique(numpy(t(ids)).round(5), axis=0)) for t in (single, double)]
    assert distinct[0] <= 100
    assert distinct[1] > 850


def test_quotient_remainder_names_every_id_uniquely() -> None:
    table = QuotientRemainderTable(rows=1001, dim=DIM, compression=31, initializer=WIDE, combine="sum")
    vectors = numpy(table(np.arange(1, 1001)))
    assert len(np.unique(vectors.round(5), axis=0)) == 1000
    assert table.modulus == 33
    assert table.quotient.shape == (31, DIM)


def test_quotient_remainder_by_hand() -> None:
    table = QuotientRemainderTable(rows=6, dim=1, compression=3)
    table.build()
    table.remainder.assign([[2.0], [3.0]])
    table.quotient.assign([[5.0], [7.0], [11.0]])
    assert numpy(table(np.array([1, 2, 5]))).ravel().tolist() == [15.0, 14.0, 33.0]


@pytest.mark.parametrize("template", COMPRESSED, ids=lambda t: type(t).__name__)
def test_compression_really_shrinks(template) -> None:
    full = FullTable().sized(10_000, 8, "full")
    small = template.sized(10_000, 8, "small")
    full(np.array([1]))
    small(np.array([1]))
    assert full.serving_bytes() == 10_000 * 8 * 4
    assert small.serving_bytes() < full.serving_bytes() / 3.9


@pytest.mark.parametrize(("penalty", "expected"), [(BatchL2(0.5), 0.25 * (4 + 4 + 1) / 3), (TableL2(0.5), 0.25 * 30)])
def test_penalties_by_hand(penalty, expected) -> None:
    """Rows 0..3 hold 5, 1, 2, 0: squares 25, 1, 4, 0; the batch looks up 2, 2, 1 and a padding."""
    table = FullTable(rows=4, dim=1, penalty=penalty)
    table.build()
    table.embeddings.assign([[5.0], [1.0], [2.0], [0.0]])
    table(np.array([[2, 0], [2, 0], [1, 0]]))
    assert float(table.losses[0]) == pytest.approx(expected)


@pytest.mark.parametrize(
    "make",
    [lambda: FullTable(rows=1), lambda: HashedTable(compression=0.5), lambda: QuotientRemainderTable(combine="xor")],
)
def test_bad_arguments(make) -> None:
    with pytest.raises(ValueError, match="Received"):
        make()


def test_ids_beyond_32_bits_hash_like_their_low_bits() -> None:
    pairs = itertools.product([1, 77], [0, 2**32])
    rows = [int(numpy(hashed_rows(np.array([a + b], np.int64), 1000))[0]) for a, b in pairs]
    assert rows[0] == rows[1]
    assert rows[2] == rows[3]

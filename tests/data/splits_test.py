"""Splits: shares, ties, the same on every machine, and nothing of the future in train."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfctr.data import DataError
from tfctr.data._splits import codes_by_hash, codes_by_time, hash_shares, split_codes
from tfctr.spec import FeatureSpec

SHARES = np.array([0.8, 0.1, 0.1])


def make_spec(split: dict, meta: dict | None = None) -> FeatureSpec:
    return FeatureSpec.model_validate(
        {
            "name": "log",
            "features": [{"kind": "categorical", "name": "item", "role": "item"}],
            "tasks": [{"name": "click", "label": "clicked"}],
            "split": split,
            "meta": meta or {},
        }
    )


@given(st.lists(st.integers(-5, 30), min_size=1, max_size=200))
def test_time_never_runs_backwards(times: list[int]) -> None:
    array = np.array(times)
    if len(set(times)) < 3:
        with pytest.raises(DataError, match="at least 3 distinct times"):
            codes_by_time(array, SHARES)
        return
    codes = codes_by_time(array, SHARES)
    parts = [array[codes == code] for code in range(3)]
    assert all(len(part) for part in parts)
    assert parts[0].max() < parts[1].min()
    assert parts[1].max() < parts[2].min()


def test_time_meets_the_shares_and_keeps_ties_together() -> None:
    assert np.bincount(codes_by_time(np.arange(1000), SHARES)).tolist() == [800, 100, 100]
    ties = np.repeat([1, 2, 3, 4], [700, 150, 50, 100])
    assert np.bincount(codes_by_time(ties, SHARES)).tolist() == [850, 50, 100]
    assert codes_by_time(np.array([5, 1, 3]), SHARES).tolist() == [2, 0, 1]


def test_a_row_without_time_cannot_be_placed() -> None:
    spec = make_spec({"by": "time"}, {"time": "moment"})
    with pytest.raises(DataError, match="1 of 4 rows have no time in 'moment'"):
        split_codes(pa.table({"moment": pa.array([1, None, 2, 3])}), spec)


def test_hash_is_even_and_independent_of_type_and_order() -> None:
    users = pa.array(np.arange(50_000))
    codes = codes_by_hash(pa.chunked_array([users]), SHARES)
    np.testing.assert_allclose(np.bincount(codes) / len(users), SHARES, atol=0.01)
    texts = users.cast(pa.string())
    np.testing.assert_array_equal(hash_shares(texts), hash_shares(users))
    np.testing.assert_array_equal(hash_shares(texts[::1].slice(7)), hash_shares(users)[7:])
    assert len(set(hash_shares(pa.array([None, "__missing__", None])).tolist())) == 1
    other = codes_by_hash(pa.chunked_array([users]), SHARES, seed=1)
    assert 0.2 < np.mean(codes != other) < 0.5


def hash_by_loop(text: str, seed: int) -> float:
    """FNV-1a byte by byte, then the finalizer of splitmix64, in plain integers."""

    def mixed(value: int) -> int:
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
        return value ^ value >> 31

    value = mixed(seed) ^ 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return (mixed(value) >> 11) / 2**53


@given(st.lists(st.text(max_size=8), max_size=10), st.integers(0, 2**31))
def test_hash_equals_the_loop(texts: list[str], seed: int) -> None:
    expected = [hash_by_loop(text, seed) for text in texts]
    assert hash_shares(pa.array(texts, pa.string()), seed=seed).tolist() == expected


def test_hash_is_the_same_in_another_process() -> None:
    values = ["", "a", "user 42", "ü", "x" * 100]
    code = "import pyarrow as pa; from tfctr.data._splits import hash_shares; "
    code += f"print(hash_shares(pa.array({values!r})).tolist())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == str(hash_shares(pa.array(values)).tolist())
    # Pinned: a change here would move users between train and test of every log ever prepared.
    np.testing.assert_allclose(hash_shares(pa.array(values[:3])), [0.957673, 0.010753, 0.33725], atol=1e-6)


def test_each_way_to_split() -> None:
    table = pa.table({"fold": ["1", "2", "3", "4", None], "part": ["train", "test", "valid", "train", "train"]})
    by_values = make_spec({"by": "column", "column": "fold", "valid_values": ["2"], "test_values": ["3"]})
    assert split_codes(table, by_values).tolist() == [0, 1, 2, 0, 0]
    assert split_codes(table, make_spec({"by": "column", "column": "part"})).tolist() == [0, 2, 1, 0, 0]
    big = pa.table({"item": pa.array(np.zeros(10_000))})
    random = split_codes(big, make_spec({"by": "random"}), seed=3)
    np.testing.assert_allclose(np.bincount(random) / 10_000, SHARES, atol=0.02)
    np.testing.assert_array_equal(split_codes(big, make_spec({"by": "random"}), seed=3), random)
    timed = make_spec({"by": "time"}, {"time": "at"})
    assert split_codes(pa.table({"at": [3, 2, 1]}), timed).tolist() == [2, 1, 0]


def test_what_cannot_be_split_is_told() -> None:
    table = pa.table({"part": ["train", "dev", "test", None], "user": ["u"] * 4})
    with pytest.raises(DataError, match=r"'part': 2 rows hold 'dev', None; .*split\.valid_values"):
        split_codes(table, make_spec({"by": "column", "column": "part"}))
    with pytest.raises(DataError, match=r"by hash leaves no rows for .* and"):
        split_codes(table, make_spec({"by": "hash", "column": "user"}))
    with pytest.raises(DataError, match="the column 'other', which the log lacks"):
        split_codes(table, make_spec({"by": "hash", "column": "other"}))

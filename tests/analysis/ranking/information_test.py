"""The score of OutRank: numbers worked out by hand, limits, and the definition written out slowly."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfctr.analysis.ranking._fields import encode_array
from tfctr.analysis.ranking._information import Codes, cross, information, is_renaming

ROWS = 20_000


def codes(values: np.ndarray | list) -> Codes:
    return encode_array(pa.array(values)).codes


def conditional_entropy(x: list[int], y: list[int]) -> float:
    """H(Y|X) as the paper writes it, values that come once left out."""
    total = 0.0
    for value, count in Counter(x).items():
        if count > 1:
            labels = Counter(c for v, c in zip(x, y, strict=True) if v == value)
            total -= count / len(x) * sum(n / count * math.log(n / count) for n in labels.values())
    return total


def slow_correction(x: list[int], y: list[int]) -> float:
    """CC with the noise label built row by row."""
    counts = Counter(x)
    noise = [y[(row + counts[value]) % len(y)] for row, value in enumerate(x)]
    return conditional_entropy(x, noise) - conditional_entropy(x, y)


@pytest.mark.parametrize(
    ("x", "mutual", "corrected"),
    [
        ([1, 0, 0, 0, 1, 1, 1, 0], 0.693147, 0.693147),
        ([1, 0, 0, 0, 1, 1, 1, 1], 0.380396, 0.107881),
        ([1, 1, 0, 0, 1, 1, 1, 1], 0.215762, 0.042475),
    ],
)
def test_numbers_of_the_released_code(x: list[int], mutual: float, corrected: float) -> None:
    found = information(codes(x), codes([1, 0, 0, 0, 1, 1, 1, 0]))
    assert found.mutual == pytest.approx(mutual, abs=1e-6)
    assert found.corrected == pytest.approx(corrected, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), min_size=2, max_size=60))
def test_equals_the_definition(rows: list[tuple[int, int]]) -> None:
    x, y = (list(column) for column in zip(*rows, strict=True))
    found = information(codes(x), codes(y))
    mutual = codes(y).entropy - conditional_entropy(x, y)
    assert found.mutual == pytest.approx(mutual, abs=1e-9)
    same = np.array_equal(codes(x).values, codes(y).values)
    assert found.corrected == pytest.approx(mutual if same else slow_correction(x, y), abs=1e-9)


def test_many_values_are_counted_by_sorting_to_the_same_figure() -> None:
    """Both ways to count a table: one of 300 x 300 cells for 1,000 rows, and the same rows in small tables."""
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 300, 1000), generator.integers(0, 300, 1000)
    found = information(codes(x), codes(y))
    assert found.mutual == pytest.approx(codes(y).entropy - conditional_entropy(x.tolist(), y.tolist()))
    assert found.corrected == pytest.approx(slow_correction(x.tolist(), y.tolist()))


def test_noise_of_any_cardinality_tells_nothing_but_plain_information_says_it_does() -> None:
    generator = np.random.default_rng(1)
    y = codes((generator.random(ROWS) < 0.3).astype(int))
    shuffled = y.values[generator.permutation(ROWS)]
    plain = {}
    for cardinality in (2, 100, 2_000, 10_000):
        found = information(codes(generator.integers(0, cardinality, ROWS)), y, shuffled)
        plain[cardinality] = found.mutual
        # Four standard errors of the noise label's rate, which is what moves CC, and of the counts.
        assert abs(found.corrected) < 0.02
        assert abs(found.shadow) < 0.02
        assert abs(found.balanced) < 0.012
    assert plain[2] < 1e-3
    assert plain[100] == pytest.approx(0.0025, abs=0.001)
    assert plain[2_000] == pytest.approx(0.054, abs=0.01)
    assert plain[10_000] == pytest.approx(0.271, abs=0.02)


def test_a_row_number_tells_all_and_nothing() -> None:
    y = codes((np.random.default_rng(2).random(ROWS) < 0.3).astype(int))
    found = information(codes(np.arange(ROWS)), y)
    assert found.mutual == pytest.approx(y.entropy)
    assert found.corrected == 0.0


def test_a_field_that_agrees_with_the_label() -> None:
    generator = np.random.default_rng(3)
    y = (generator.random(ROWS) < 0.3).astype(int)
    x = np.where(generator.random(ROWS) < 0.8, y, 1 - y)
    found = information(codes(x), codes(y))
    assert found.mutual == pytest.approx(0.1645, abs=0.01)
    assert found.corrected == pytest.approx(0.1669, abs=0.012)
    assert found.balanced == pytest.approx(0.1645, abs=0.01)


def test_balancing_takes_most_of_the_noise_out_for_few_values() -> None:
    """What moves CC of a binary field is the rate of its noise label; H(Y) - H(Y') takes that back."""
    generator = np.random.default_rng(4)
    pairs = []
    for _ in range(40):
        y = codes((generator.random(4_000) < 0.2).astype(int))
        found = information(codes(generator.integers(0, 2, 4_000)), y)
        pairs.append((found.corrected, found.balanced))
    plain, balanced = np.std(pairs, axis=0)
    assert balanced < 0.1 * plain


def test_xor_is_seen_by_the_cross_alone() -> None:
    generator = np.random.default_rng(5)
    a, b = generator.integers(0, 2, (2, ROWS))
    z = codes(a ^ b)
    for parent in (codes(a), codes(b)):
        assert information(parent, z).mutual < 1e-3
        assert abs(information(parent, z).balanced) < 1e-3
    found = information(cross(codes(a), codes(b)), z)
    assert found.mutual == pytest.approx(math.log(2), abs=1e-3)
    assert found.corrected == pytest.approx(math.log(2), abs=0.01)


def test_figures_that_the_released_tests_ask_for() -> None:
    generator = np.random.default_rng(6)
    y = generator.integers(0, 2, 1_000)
    assert information(codes(generator.permutation(y)), codes(y)).mutual < 0.05
    assert information(codes(y), codes(y)).mutual > 0.60
    assert information(codes(generator.integers(0, 2, 1_000)), codes(y)).mutual < 0.01


def test_columns_of_equal_sum_are_not_taken_for_equal() -> None:
    """The released code tells equal columns by the sum of their differences, which is 0 here."""
    x, y = codes(["a", "b", "a", "a", "b"]), codes(["c", "c", "d", "c", "d"])
    assert x.values.sum() == y.values.sum()
    assert information(x, y).corrected == pytest.approx(slow_correction(x.values.tolist(), y.values.tolist()))
    assert information(x, y).corrected != pytest.approx(information(x, y).mutual)
    assert not is_renaming(x, y)
    assert is_renaming(codes(["a", "b", "a"]), codes(["x", "y", "x"]))


def test_a_cross_keeps_values_apart_that_read_the_same_when_joined() -> None:
    made = cross(codes(["1", "12", "1"]), codes(["23", "3", "23"]))
    assert made.size == 2
    assert made.values[0] == made.values[2] != made.values[1]


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=50))
def test_a_cross_has_one_code_for_each_combination(rows: list[tuple[int, int, int]]) -> None:
    made = cross(*(codes(list(column)) for column in zip(*rows, strict=True)))
    assert made.size == len(set(rows))
    assert len(set(zip(made.values.tolist(), rows, strict=True))) == len(set(rows))


def test_scores_do_not_depend_on_the_names_of_values() -> None:
    generator = np.random.default_rng(8)
    x, y = generator.integers(0, 50, 500), generator.integers(0, 2, 500)
    renamed = codes([f"name {49 - value}" for value in x])
    found, again = information(renamed, codes(y)), information(codes(x), codes(y))
    assert (found.mutual, found.corrected) == (again.mutual, again.corrected)

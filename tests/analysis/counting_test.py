"""Counters of bounded size against the plain way to count."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfctr.analysis._column_names import identifier, role_of, words_of
from tfctr.analysis._column_profile import ColumnProfile
from tfctr.analysis._distinct import DistinctCounter
from tfctr.analysis._value_statistics import ValueStatistics
from tfctr.analysis.log_sample import value_type, wider
from tfctr.spec import CategoricalFeature

TYPES = ["null", "bool", "int", "float", "string", "time", "list<int>", "list<string>"]


@given(st.lists(st.text(max_size=3), max_size=300), st.integers(1, 20))
def test_few_values_are_counted_exactly(values: list[str], parts: int) -> None:
    counter = DistinctCounter(size=512)
    for start in range(parts):
        counter.update(values[start::parts])
    assert counter.exact
    assert counter.count == len(set(values))


@pytest.mark.parametrize("distinct", [3_000, 20_000, 100_000])
def test_many_values_are_counted_within_four_standard_errors(distinct: int) -> None:
    counter = DistinctCounter(size=1024)
    counter.update(f"value {index}" for index in range(distinct))
    counter.update(f"value {index}" for index in range(distinct // 2))  # seeing them again changes nothing
    assert not counter.exact
    assert abs(counter.count / distinct - 1) < 4 / 1024**0.5
    assert len(counter._smallest) < 2 * 1024


@given(st.lists(st.none() | st.integers(-1000, 1000), min_size=1, max_size=60), st.integers(1, 5))
def test_numbers(values: list[int | None], parts: int) -> None:
    statistics = ValueStatistics()
    step = -(-len(values) // parts)
    for start in range(0, len(values), step):
        statistics.update(pa.array(values[start : start + step], pa.int64()))
    known = [value for value in values if value is not None]
    assert statistics.count == len(known)
    if known:
        assert (statistics.minimum, statistics.maximum) == (min(known), max(known))
        assert statistics.ascending == (known == sorted(known))
        assert statistics.share_of_ones == known.count(1) / len(known)
        assert statistics.is_binary() == (set(known) == {0, 1})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-20", None], "int"),
        (["1", "2.5"], "float"),
        (["1e5", ".5"], "float"),
        (["1", "NaN"], "float"),
        (["007", "+1"], "int"),
        (["1", str(2**63)], "string"),
        (["yes", "No"], "bool"),
        (["007", "x"], "string"),
        ([None, None], "null"),
        ([True, False], "bool"),
        ([1.5], "float"),
        ([[1, 2], None, []], "list<int>"),
        ([["a"], ["1"]], "list<string>"),
        ([{"a": 1}], "struct<a: int64>"),
    ],
)
def test_types(values: list, expected: str) -> None:
    assert value_type(pa.array(values)) == expected


@given(st.sampled_from(TYPES), st.sampled_from(TYPES), st.sampled_from(TYPES))
def test_wider_does_not_depend_on_the_order(first: str, second: str, third: str) -> None:
    assert wider(first, second) == wider(second, first)
    assert wider(wider(first, second), third) == wider(first, wider(second, third))
    assert wider(first, first) == first


def test_leading_zeros_make_a_code() -> None:
    statistics = ValueStatistics()
    statistics.update(pa.array(["10115", "0", "-3"]))
    assert statistics.type == "int"
    statistics.update(pa.array(["01067"]))
    assert statistics.type == "string"


def test_keys_that_come_and_go_count_as_missing() -> None:
    profile = ColumnProfile("x")
    profile.update(pa.array(["a", None]))
    profile.update(pa.array([None, None]))
    assert (profile.rows, profile.missing, profile.share_missing) == (4, 3, 0.75)


@given(st.text(max_size=120))
def test_any_column_name_becomes_the_name_of_a_feature(name: str) -> None:
    feature = CategoricalFeature.model_validate(
        {"kind": "categorical", "name": identifier(name), "role": role_of(name), "column": name or "x"}
    )
    assert not feature.name.startswith("meta__")
    words_of(name)

"""What makes a pass over a long log: mini-batches, medians, turns, counters of bounded size."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr.analysis._text_hash import hash_values
from tfctr.analysis.ranking._batches import LEAST, mini_batches
from tfctr.analysis.ranking._fields import encode_array, in_buckets
from tfctr.analysis.ranking._medians import KEPT, Medians
from tfctr.analysis.ranking._row_profile import RowProfile
from tfctr.analysis.ranking._schedule import Schedule, crosses
from tfctr.analysis.ranking._statistics import FieldStatistics, ValueCounts
from tfctr.analysis.ranking._three_mr import three_mr
from tfctr.analysis.ranking._transforms import Transform, transformed
from tfctr.data import DataError


def batches(rows: int, size: int) -> list[pa.RecordBatch]:
    return pa.table({"row": np.arange(rows)}).to_batches(max_chunksize=size)


@given(st.integers(1, 12_000), st.integers(1, 3_000), st.integers(1, 7))
def test_mini_batches_drop_and_repeat_nothing(rows: int, size: int, every: int) -> None:
    made = [batch.column("row").to_numpy() for batch in mini_batches(batches(rows, size), 2_048, every)]
    assert np.concatenate(made).tolist() == list(range(0, rows, every))
    assert all(len(batch) == 2_048 for batch in made[:-1])
    assert len(made[-1]) < 2_048 + LEAST
    assert len(made) == 1 or len(made[-1]) >= LEAST


@given(st.lists(st.lists(st.integers(-50, 50), min_size=3, max_size=3), min_size=1, max_size=40))
def test_medians_are_exact_over_few_batches(scores: list[list[int]]) -> None:
    medians = Medians(3, 1)
    for row in scores:
        medians.add(np.arange(3), np.array(row, dtype=float)[:, None])
    assert medians.result()[:, 0].tolist() == pytest.approx(np.median(scores, axis=0).tolist())


def test_medians_of_a_long_stream_take_no_more_memory() -> None:
    medians, generator = Medians(2, 1), np.random.default_rng(0)
    draws = generator.normal(5.0, 1.0, 4_000)
    for draw in draws:
        medians.add(np.array([1]), np.array([[draw]]))
    assert medians._scores.shape == (2, KEPT, 1)
    assert medians.counts.tolist() == [0, 4_000]
    found = medians.result()[:, 0]
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(np.median(draws), abs=4 * 1.25 / KEPT**0.5)


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 25))
def test_every_pair_has_its_turn(subjects: int, limit: int, turns: int) -> None:
    schedule = Schedule(subjects, limit)
    dealt = Counter(int(subject) for _ in range(turns) for subject in schedule.next())
    assert dealt.total() == turns * min(limit, subjects)
    counts = [dealt[subject] for subject in range(subjects)]
    assert max(counts) - min(counts) <= 1


def test_crosses() -> None:
    assert crosses(3, 1) == []
    assert crosses(3, 2) == [(0, 1), (0, 2), (1, 2)]
    assert crosses(3, 3)[-1] == (0, 1, 2)
    with pytest.raises(DataError, match="900 fields have 121,499,850 crosses of up to 3 fields"):
        crosses(900, 3)


def test_3mr_by_hand() -> None:
    """Field 1 copies field 0; fields 2 and 3 tell something together. By hand: 0, then 2 or 3, then its partner."""
    relevance = np.array([1.0, 0.9, 0.2, 0.1])
    redundancy, relation = np.zeros((2, 4, 4))
    redundancy[0, 1] = redundancy[1, 0] = 2.0
    relation[2, 3] = relation[3, 2] = 3.0
    assert three_mr(relevance, redundancy, relation, aggregate="sum") == [0, 2, 3, 1]
    assert three_mr(relevance, redundancy, relation, alpha=0, beta=0) == [0, 1, 2, 3]
    assert three_mr(relevance, np.full((4, 4), np.nan), np.full((4, 4), np.nan)) == [0, 1, 2, 3]
    assert three_mr(np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0))) == []


@pytest.mark.parametrize("distinct", [1_000, 16_384, 200_000, 3_000_000])
def test_cardinality_is_known_within_three_percent(distinct: int) -> None:
    """At 10 million it is the same sketch: its error does not depend on the count."""
    statistics = FieldStatistics()
    for start in range(0, distinct, 500_000):
        statistics._distinct.update_hashes(hash_values(pa.array(np.arange(start, min(start + 500_000, distinct)))))
    assert abs(statistics.cardinality / distinct - 1) < (0.03 if distinct > 16_384 else 1e-12)
    assert len(statistics._distinct._smallest) <= 2 * 16_384


def test_coverage_and_rare_values_are_exact() -> None:
    statistics = FieldStatistics(("{}",))
    for values in (["a", "b", None, "a"], ["c", "{}", "a", "b"], [None, None, None, "d"]):
        statistics.update(encode_array(pa.array(values)))
    assert (statistics.rows, statistics.missing, statistics.cardinality) == (12, 5, 4)
    assert (statistics.lowest_coverage, statistics.highest_coverage) == (0.25, 0.75)
    assert list(statistics.counts.rare(1)) == [("c", 1), ("d", 1)]
    assert list(statistics.counts.rare(2)) == [("b", 2), ("c", 1), ("d", 1)]
    assert statistics.counts.most_frequent() == ("a", 3)
    assert statistics.counts.rows_of_rare(1) == 2


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=30), max_size=10), st.integers(1, 12))
def test_counts_of_values_that_found_room_are_exact(parts: list[list[int]], limit: int) -> None:
    counts = ValueCounts(limit)
    for part in parts:
        column = encode_array(pa.array(part))
        counts.update(column.values, column.codes.counts)
    known = Counter(value for part in parts for value in part)
    found = dict(counts.rare(10**9))
    assert len(found) == min(limit, len(known))
    assert counts.complete == (len(known) <= limit)
    assert all(known[int(value)] == count for value, count in found.items())


@settings(max_examples=20)
@given(st.lists(st.text(max_size=8), max_size=20), st.integers(0, 5))
def test_hashes_tell_texts_apart_wherever_they_stand(texts: list[str], start: int) -> None:
    whole = hash_values(pa.array(texts, pa.string()))
    assert len(set(whole.tolist())) == len(set(texts))
    assert whole[start:].tolist() == hash_values(pa.array(texts, pa.string()).slice(start)).tolist()


def test_hashes_are_the_same_in_every_process() -> None:
    assert hash_values(pa.array(["click", ""])).tolist() == [HASH_OF_CLICK, HASH_OF_EMPTY]
    assert hash_values(pa.array([0.0, 2.0]))[0] == hash_values(pa.array([-0.0]))[0]
    assert len(set(hash_values(pa.array([True, False])).tolist())) == 2


HASH_OF_CLICK, HASH_OF_EMPTY = 15110936155515869513, 16294208416658607535


def test_buckets_of_a_number_hold_about_as_many_rows() -> None:
    numbers = np.concatenate([np.random.default_rng(0).lognormal(size=5_000), [np.nan] * 200])
    column = encode_array(pa.array(numbers, from_pandas=True))
    made = in_buckets(column, 20)
    assert made.size == 21
    sizes = np.sort(made.counts)
    assert sizes[0] == 200
    assert sizes[1:].min() > 230
    few = encode_array(pa.array([3.0, 1.0, None, 3.0]))
    assert in_buckets(few, 20) is few.codes


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_a_transform_keeps_the_order_of_numbers(numbers: list[float]) -> None:
    ordered = np.sort(np.array(numbers))
    for transform in (Transform("sqrt", 10, 4), Transform("log", 100, 16)):
        made = transform(ordered)
        assert (np.diff(made[ordered >= transform.threshold]) >= 0).all()
        assert (made[ordered < transform.threshold] == ordered[ordered < transform.threshold]).all()


def test_transforms_that_cannot_help_are_left_out() -> None:
    assert list(transformed(encode_array(pa.array([1.0] * 90 + [500.0] * 10)))) == []
    assert list(transformed(encode_array(pa.array([None] * 80 + list(range(20)), pa.float64())))) == []
    made = dict(transformed(encode_array(pa.array(np.random.default_rng(0).lognormal(3, 1, 500)))))
    assert len(made) > 10
    assert len({codes.values.tobytes() for codes in made.values()}) == len(made)


def test_rows_of_each_label_are_profiled() -> None:
    columns = {
        "text": encode_array(pa.array(["aaaa", "ab", None, "x" * 40])),
        "number": encode_array(pa.array([0.0, 1.5, 0.0, None])),
    }
    profile = RowProfile()
    profile.update(columns, np.array([True, True, False, False]))
    found = profile.result()
    assert found["0"] == {"empty": 1.0, "zeros": 0.5, "long": 0.5, "character_entropy": 0.0}
    assert found["1"]["zeros"] == 0.5
    # "ab": log 2; "1.5": log 3; "aaaa" and "0": nothing. Over two rows.
    assert found["1"]["character_entropy"] == pytest.approx((np.log(2) + np.log(3)) / 2, abs=1e-6)

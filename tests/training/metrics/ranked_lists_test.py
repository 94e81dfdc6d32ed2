"""Figures of lists against loops over every order of ties, one list at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.metrics import loops
from tests.training.metrics.rated_rows import rated
from tfctr.training import metrics
from tfctr.training.metrics import GroupStream, graded_list_metrics, list_metrics

lists = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 3), st.sampled_from([0.1, 0.5, 0.9])), min_size=1, max_size=6
)


@given(lists, st.integers(1, 7))
def test_hits_first_hits_and_precisions_are_means_over_the_orders_of_ties(rows, k):
    y, s = [float(label) for label, _, _ in rows], [score for _, _, score in rows]
    found = {name: metric.result(y, s).value for name, metric in list_metrics(k).items()}
    if not any(y):
        assert all(math.isnan(value) for value in found.values())
        return
    assert found["hit_rate"] == pytest.approx(loops.over_orders(lambda labels: loops.hit(labels, k), y, s))
    assert found["mrr"] == pytest.approx(loops.over_orders(loops.reciprocal_rank, y, s))
    assert found["map"] == pytest.approx(loops.over_orders(loops.average_precision, y, s))
    same = metrics.ranking_at_k(y, s, np.zeros(len(y)), k=k)
    assert [found[name] for name in ("ndcg", "recall", "precision")] == [
        same.ndcg.value,
        same.recall.value,
        same.precision.value,
    ]


@given(lists, st.integers(1, 7), st.sampled_from(["exponential", "linear"]), st.sampled_from([0.0, 1.0]))
def test_grades_are_means_over_the_orders_of_ties(rows, k, gain, neutral):
    y, s = [float(grade) for _, grade, _ in rows], [score for _, _, score in rows]
    ndcg = metrics.graded_ndcg(y, s, k=k, gain=gain).value
    best = loops.dcg(sorted(y, reverse=True), k, gain)
    expected = loops.over_orders(lambda grades: loops.dcg(grades, k, gain), y, s) / best if best else math.nan
    assert ndcg == pytest.approx(expected, nan_ok=True)
    utility = metrics.half_life_utility(y, s, half_life=3.0, neutral=neutral).value
    best = loops.half_life(sorted(y, reverse=True), 3.0, neutral)
    found = loops.over_orders(lambda grades: loops.half_life(grades, 3.0, neutral), y, s)
    assert utility == pytest.approx(found / best if best else math.nan, nan_ok=True)


@settings(max_examples=15)
@given(rated())
@pytest.mark.parametrize("name", ["graded_ndcg", "r_score", "hit_rate", "mrr", "map", "ndcg", "recall", "precision"])
def test_many_lists_are_the_mean_of_single_ones_and_a_stream_of_them(name, rows):
    metric = (graded_list_metrics(3) | list_metrics(3))[name]
    y = rows.ratings if metric.kind == "numbers" else (rows.ratings >= 4).astype(float)
    p, g = rows.predictions, rows.groups
    single = loops.by_group(lambda a, b: metric.result(a, b).value, g, y, p)
    found = metric.result(y, p, g)
    assert found.value == pytest.approx(loops.mean_of_defined(single), nan_ok=True)
    assert (found.groups, found.used_groups) == (len(single), sum(not math.isnan(v) for v in single.values()))
    stream = GroupStream(metric)
    for group in np.unique(g):
        stream.merge(
            GroupStream(metric).restore(GroupStream(metric).add(y[g == group], p[g == group], g[g == group]).state())
        )
    assert stream.result().value == pytest.approx(found.value, nan_ok=True)


def test_rows_of_weight_0_are_not_there_and_weights_weigh_lists():
    y, p, g, w = [1, 0, 1, 0], [0.9, 0.8, 0.7, 0.9], ["a", "a", "b", "b"], [1, 0, 2, 2]
    found = metrics.mean_reciprocal_rank(y, p, g, w, weighting="impressions")
    assert found.value == pytest.approx((1 * 1 + 4 * 0.5) / 5)
    assert found.rows == 3


def test_long_lists_stay_exact():
    y, p = np.zeros(5000), np.full(5000, 0.5)
    y[:2] = 1
    n = np.arange(1, 5000)
    chance = (5000 - n) / (5000 * 4999 / 2)  # of the first of two hits at place n
    assert metrics.mean_reciprocal_rank(y, p).value == pytest.approx((chance / n).sum(), rel=1e-6)
    assert metrics.hit_rate_at_k(y, p, k=100).value == pytest.approx(1 - (4900 * 4899) / (5000 * 4999), rel=1e-6)


def test_nan_scores_and_no_rows_give_nan():
    for metric in (list_metrics() | graded_list_metrics()).values():
        assert math.isnan(metric.result([], []).value)
        broken = metric.result([1, 0, 1], [0.2, math.nan, 0.1], [1, 1, 2])
        assert math.isnan(broken.value)
        assert broken.groups == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.hit_rate_at_k([1], [1], k=0), "k must be at least 1"),
        (lambda: metrics.graded_ndcg([1], [1], k=0), "k must be at least 1"),
        (lambda: metrics.graded_ndcg([-1, 2], [1, 2]), "grades must be at least 0. Received: -1"),
        (lambda: metrics.graded_ndcg([2000], [1]), "the gain of 2000.0 is infinite; take gain='linear'"),
        (lambda: metrics.graded_ndcg([1], [1], gain="square"), "gain must be one of"),
        (lambda: metrics.half_life_utility([1], [1], half_life=1), "half_life is a place behind the first"),
        (lambda: metrics.mean_average_precision([2], [1]), "labels must be 0 or 1"),
        (
            lambda: GroupStream(list_metrics()["map"]).merge(GroupStream(list_metrics()["mrr"])),
            "Only streams of one metric and weighting merge",
        ),
    ],
)
def test_bad_input_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()

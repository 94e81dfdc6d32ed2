"""GAUC and ranking metrics against loops over groups, scikit-learn and the hand-computed case of DIN's card."""

from __future__ import annotations

import math
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score, roc_auc_score

from tests.training.metrics.strategies import both_classes, samples
from tfctr.training import metrics
from tfctr.training.metrics.streaming.group_sample import hash_groups

# Users A (AUC 0.5), B (0.75) and C (all negative), by hand; the AUC over all nine rows is 0.5.
LABELS = [1, 0, 0, 1, 1, 0, 0, 0, 0]
SCORES = [0.9, 0.2, 0.95, 0.1, 0.4, 0.3, 0.05, 0.5, 0.6]
USERS = ["A"] * 3 + ["B"] * 4 + ["C"] * 2


@pytest.mark.parametrize(
    ("weighting", "expected"),
    [
        ("impressions", (3 * 0.5 + 4 * 0.75) / 7),
        ("clicks", (1 * 0.5 + 2 * 0.75) / 3),
        ("uniform", (0.5 + 0.75) / 2),
    ],
)
def test_gauc_by_hand(weighting, expected):
    result = metrics.gauc(LABELS, SCORES, USERS, weighting=weighting)
    assert result.value == pytest.approx(expected, abs=1e-12)
    assert (result.groups, result.used_groups, result.rows, result.used_rows) == (3, 2, 9, 7)
    assert result.skipped_groups_share == pytest.approx(1 / 3)
    assert result.skipped_rows_share == pytest.approx(2 / 9)
    assert metrics.auc(LABELS, SCORES) == 0.5


@pytest.mark.parametrize(("limits", "expected"), [((4, None), 0.75), ((1, 3), 0.5), ((5, None), math.nan)])
def test_group_size_limits_skip_groups(limits, expected):
    result = metrics.gauc(LABELS, SCORES, USERS, min_rows=limits[0], max_rows=limits[1])
    assert result.value == pytest.approx(expected, nan_ok=True)
    assert result.used_groups == (0 if math.isnan(expected) else 1)


@given(samples(), st.sampled_from(["impressions", "clicks", "uniform"]))
def test_gauc_equals_a_loop_over_groups(sample, weighting):
    top = bottom = skipped = 0.0
    for group in set(sample.groups[sample.weights > 0]):
        part = type(sample)(*(column[sample.groups == group] for column in sample))
        if not both_classes(part):
            skipped += 1
            continue
        area = roc_auc_score(part.labels, part.probabilities, sample_weight=part.weights)
        size = {"impressions": part.weights.sum(), "clicks": part.weights @ part.labels, "uniform": 1}[weighting]
        top, bottom = top + size * area, bottom + size
    result = metrics.gauc(sample.labels, sample.probabilities, sample.groups, sample.weights, weighting=weighting)
    assert result.value == pytest.approx(top / bottom if bottom else math.nan, abs=1e-12, nan_ok=True)
    assert result.groups - result.used_groups == skipped


def ranking_by_enumeration(labels: list[int], scores: list[float], k: int) -> tuple[float, float, float]:
    """Mean of NDCG, recall and precision over every order that agrees with the scores."""
    figures = []
    for order in permutations(range(len(labels))):
        if any(scores[a] < scores[b] for a, b in pairwise(order)):
            continue
        top = [labels[i] for i in order[:k]]
        gain = sum(hit / math.log2(place + 2) for place, hit in enumerate(top))
        best = sum(1 / math.log2(place + 2) for place in range(min(k, sum(labels))))
        figures.append((gain / best, sum(top) / sum(labels), sum(top) / k))
    ndcg, recall, precision = np.mean(figures, axis=0)
    return float(ndcg), float(recall), float(precision)


@given(
    st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from([0.1, 0.5, 0.9])), min_size=1, max_size=6),
    st.integers(1, 8),
)
def test_ties_are_averaged_over_all_their_orders(rows, k):
    labels, scores = [y for y, _ in rows], [s for _, s in rows]
    found = metrics.ranking_at_k(labels, scores, ["g"] * len(rows), k=k)
    values = (found.ndcg.value, found.recall.value, found.precision.value)
    if not any(labels):
        assert all(math.isnan(value) for value in values)
        assert found.ndcg.skipped_groups_share == 1
        return
    assert values == pytest.approx(ranking_by_enumeration(labels, scores, k), abs=1e-12)


def test_ndcg_equals_scikit_learn_averaged_over_groups():
    rng = np.random.default_rng(2)
    groups = rng.integers(0, 30, 400)
    scores = rng.random(400).round(1)
    labels = (rng.random(400) < 0.3).astype(float)
    expected = [
        ndcg_score([labels[groups == g]], [scores[groups == g]], k=5) for g in range(30) if labels[groups == g].any()
    ]
    found = metrics.ranking_at_k(labels, scores, groups, k=5)
    assert found.ndcg.value == pytest.approx(np.mean(expected), abs=1e-12)
    assert found.ndcg.used_groups == len(expected)


def test_a_huge_k_costs_no_memory_and_means_all_rows():
    found = metrics.ranking_at_k([1, 0, 1], [0.3, 0.2, 0.1], [1, 1, 1], k=10**12)
    assert found.recall.value == 1
    assert found.precision.value == pytest.approx(2e-12)


def test_nan_scores_make_group_metrics_nan_and_keep_the_counts():
    result = metrics.gauc([0, 1, 0, 1], [0.1, 0.2, np.nan, 0.3], [1, 1, 2, 2])
    assert math.isnan(result.value)
    assert result.rows == 4
    assert math.isnan(metrics.ranking_at_k([0, 1], [np.nan, 0.1], [1, 1], k=1).ndcg.value)


@pytest.mark.parametrize(
    "groups", [np.array(["x", "y", "x"]), [b"x", b"y", b"x"], [None, "a", None], [2.5, np.nan, 2.5]]
)
def test_keys_of_any_kind(groups):
    assert metrics.gauc([1, 1, 0], [0.9, 0.4, 0.1], groups).groups == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.gauc([0, 1], [0.1, 0.2], [1]), "one key a row"),
        (lambda: metrics.gauc([0, 1], [0.1, 0.2], [1, 1], weighting="rows"), "weighting must be one of"),
        (lambda: metrics.ranking_at_k([0, 1], [0.1, 0.2], [1, 1], k=0), "k must be at least 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_hashes_of_groups_are_even_and_known():
    keys = np.arange(20_000) - 10_000
    hashes = hash_groups(keys)
    assert len(np.unique(hashes)) == len(keys)
    assert np.mean(hashes < np.uint64(1 << 62)) == pytest.approx(0.25, abs=0.01)
    assert hash_groups(np.array(["a", "b", "a"])).tolist() == hash_groups(np.array([b"a", b"b", b"a"])).tolist()
    # SplitMix64's published first output for seed 0
    assert int(hash_groups(np.array([0]))[0]) == 0xE220A8397B1DCDAF

"""What is shown: lists, coverage, evenness, novelty, diversity and surprise, against loops."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.metrics.rated_rows import rated
from tfctr.training import metrics
from tfctr.training.metrics import ExposureCounts

CATALOGUE = 6
shown = st.lists(st.lists(st.integers(0, CATALOGUE - 1), unique=True, max_size=4), min_size=1, max_size=5)


def padded(lists: list[list[int]]) -> np.ndarray:
    return np.array([[*one, *[-1] * (4 - len(one))] for one in lists])


@given(rated(), st.integers(1, 5))
def test_lists_are_the_best_rows_of_each_user(rows, k):
    items = np.arange(len(rows.groups)) % 4
    found = metrics.top_lists(rows.groups, items, rows.predictions, k=k, at_least=2.5)
    for user, ids, places in zip(found.users, found.items, found.rows, strict=True):
        own = [row for row in np.flatnonzero(rows.groups == user) if rows.predictions[row] >= 2.5]
        best = sorted(own, key=lambda row: (-rows.predictions[row], items[row]))[:k]
        assert ids[ids >= 0].tolist() == [items[row] for row in best]
        kept = places[places >= 0]
        assert rows.predictions[kept].tolist() == [rows.predictions[row] for row in best]
    stars = found.of_rows(rows.ratings)
    assert (stars[found.rows < 0] == 0).all()
    np.testing.assert_array_equal(stars[found.rows >= 0], rows.ratings[found.rows[found.rows >= 0]])


@given(shown)
def test_counts_and_their_spread_equal_loops(lists):
    items = padded(lists)
    counts = [sum(item in one for one in lists) for item in range(CATALOGUE)]
    assert metrics.exposures(items, CATALOGUE).tolist() == counts
    assert metrics.catalogue_coverage(items, CATALOGUE) == sum(count > 0 for count in counts) / CATALOGUE
    assert metrics.user_coverage(items) == sum(len(one) > 0 for one in lists) / len(lists)
    total = sum(counts)
    gini = sum(abs(a - b) for a in counts for b in counts) / (2 * CATALOGUE * total) if total else math.nan
    entropy = -sum(c / total * math.log(c / total) for c in counts if c) if total else math.nan
    assert metrics.gini_index(counts) == pytest.approx(gini, nan_ok=True)
    assert metrics.exposure_entropy(counts) == pytest.approx(entropy, nan_ok=True)
    half = len(lists) // 2
    stream = ExposureCounts(CATALOGUE).add(items[:half])
    stream.merge(ExposureCounts.from_state(ExposureCounts(CATALOGUE).add(items[half:]).state()))
    assert stream.counts.tolist() == counts
    assert (stream.catalogue_coverage(), stream.user_coverage()) == (
        metrics.catalogue_coverage(items, CATALOGUE),
        metrics.user_coverage(items),
    )
    assert stream.gini_index() == pytest.approx(gini, nan_ok=True)
    assert stream.exposure_entropy() == pytest.approx(entropy, nan_ok=True)


def over_users(values: list[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan


@given(shown, st.integers(0, 9))
def test_means_over_users_equal_loops(lists, seed):
    rng = np.random.default_rng(seed)
    popularity, vectors = rng.uniform(0.1, 1, CATALOGUE), rng.normal(size=(CATALOGUE, 3))
    items = padded(lists)
    liked = rng.integers(0, 2, items.shape)
    expected = rng.permutation(CATALOGUE)[:2]

    def distance(a: int, b: int) -> float:
        return 1 - vectors[a] @ vectors[b] / (np.linalg.norm(vectors[a]) * np.linalg.norm(vectors[b]))

    new = [np.mean([-math.log2(popularity[i]) for i in one]) if one else math.nan for one in lists]
    varied = [np.mean([distance(a, b) for a, b in combinations(one, 2)]) if len(one) > 1 else math.nan for one in lists]
    surprising = [
        np.mean([bool(liked[user, at]) and item not in expected for at, item in enumerate(one)]) if one else math.nan
        for user, one in enumerate(lists)
    ]
    assert metrics.novelty(items, popularity).value == pytest.approx(over_users(new), nan_ok=True)
    assert metrics.intra_list_diversity(items, vectors).value == pytest.approx(
        over_users(varied), nan_ok=True, abs=1e-9
    )
    assert metrics.serendipity(items, expected, liked).value == pytest.approx(over_users(surprising), nan_ok=True)
    each = np.tile(expected, (len(lists), 1))
    assert metrics.serendipity(items, each, liked).value == pytest.approx(over_users(surprising), nan_ok=True)
    assert metrics.novelty(items, popularity).used_groups == sum(len(one) > 0 for one in lists)


def test_nothing_shown():
    nobody = metrics.top_lists([1, 2], [0, 1], [0.1, 0.2], k=3, at_least=0.5)
    assert (nobody.items == -1).all()
    assert metrics.user_coverage(nobody.items) == 0
    assert math.isnan(metrics.gini_index(metrics.exposures(nobody.items, 4)))
    assert math.isnan(metrics.novelty(nobody.items, [0.5] * 4).value)
    assert math.isnan(ExposureCounts(3).user_coverage())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.top_lists([1], [0], [0.1], k=0), "k must be at least 1"),
        (lambda: metrics.top_lists([1], [-2], [0.1], k=1), "ids of at least 0"),
        (lambda: metrics.top_lists([1], [2], [math.nan], k=1), "no score is NaN"),
        (lambda: metrics.top_lists([1], [2, 3], [0.1], k=1), "one key a row"),
        (lambda: metrics.exposures([[7]], 3), r"Ids must be in \[0, 3\). Received: 7 to 7"),
        (lambda: metrics.novelty([[0]], [0.0]), r"A popularity must be in \(0, 1\]"),
        (lambda: metrics.novelty([[3]], [0.5]), r"Ids must be in \[0, 1\)"),
        (lambda: metrics.intra_list_diversity([[0]], [[0, 0]]), "A vector of length 0 has no direction"),
        (lambda: metrics.gini_index([-1, 2]), "Counts must be at least 0"),
        (lambda: metrics.serendipity([[0, 1]], [0], [[1]]), "relevant must have the shape of items"),
        (lambda: ExposureCounts(2).merge(ExposureCounts(3)), "Catalogues differ: 2 and 3 items"),
    ],
)
def test_bad_input_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()

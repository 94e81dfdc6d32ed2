"""Graphs and their groups: numbers by hand, planted communities, nodes without edges, bounded memory."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score
from sknetwork.clustering import get_modularity

from tests.data.graph.planted import planted_edges
from tfctr.data import DataError
from tfctr.data.graph import InteractionGraph, cluster, cluster_within

BLOCKS = ([0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 0, 1, 2, 3, 2, 3])
TWO = np.array([0, 0, 1, 1])


def planted(**options) -> InteractionGraph:
    return InteractionGraph.from_pairs(*planted_edges(**options), (200, 160))


def test_modularity_by_hand() -> None:
    """Barber's, not Newman's on the graph without sides, which gives the second graph 0.388889."""
    clean = InteractionGraph.from_pairs(*BLOCKS, (4, 4))
    assert clean.modularity(TWO, TWO) == pytest.approx(0.5)
    assert clean.modularity(np.zeros(4, int), np.zeros(4, int)) == pytest.approx(0.0)
    crossed = InteractionGraph.from_pairs([*BLOCKS[0], 0], [*BLOCKS[1], 2], (4, 4))
    assert crossed.modularity(TWO, TWO) == pytest.approx(0.395062, abs=1e-6)
    assert crossed.modularity(TWO, TWO, resolution=2) == pytest.approx(-0.098765, abs=1e-6)


def test_modularity_is_that_of_the_graph_directed_from_users_to_items() -> None:
    generator = np.random.default_rng(3)
    graph = InteractionGraph.from_pairs(generator.integers(0, 30, 400), generator.integers(0, 20, 400), (30, 20))
    users, items = generator.integers(0, 5, 30), generator.integers(0, 6, 20)
    directed = sparse.lil_matrix((50, 50))
    directed[:30, 30:] = graph.biadjacency.toarray()
    for resolution in (1.0, 2.5):
        oracle = get_modularity(directed.tocsr(), np.concatenate([users, items]), resolution=resolution)
        assert graph.modularity(users, items, resolution) == pytest.approx(oracle, abs=1e-12)


def test_pairs_that_come_again_weigh_more() -> None:
    graph = InteractionGraph.from_pairs([0, 0, 1], [0, 0, 1], (2, 2))
    assert graph.edges == 3
    assert graph.biadjacency[0, 0] == 2
    assert [degree.tolist() for degree in graph.degrees] == [[2, 1], [2, 1]]


def test_planted_communities_are_found() -> None:
    truth = np.arange(200) % 4, np.arange(160) % 4
    found = cluster(planted())
    assert found.sizes == (4, 4)
    assert adjusted_rand_score(truth[0], found.users) == 1
    assert adjusted_rand_score(truth[1], found.items) == 1
    assert found.modularity == pytest.approx(planted().modularity(*truth))


def test_the_order_of_users_does_not_matter() -> None:
    users, items = planted_edges()
    order = np.random.default_rng(1).permutation(200)
    permuted = cluster(InteractionGraph.from_pairs(order[users], items, (200, 160)))
    assert adjusted_rand_score(cluster(planted()).users, permuted.users[order]) == 1


def test_a_larger_resolution_splits_true_communities() -> None:
    found = cluster(planted(), resolution=3)
    assert 10 <= found.sizes[0] <= 24
    assert 0.2 < adjusted_rand_score(np.arange(200) % 4, found.users) < 0.6
    assert sum(cluster(planted(), resolution=10).sizes) > 80


def test_the_same_graph_gives_the_same_groups() -> None:
    one, other = cluster(planted(), 5.0), cluster(planted(), 5.0)
    assert (one.users == other.users).all()
    assert (one.items == other.items).all()


def test_nodes_without_edges_have_no_group() -> None:
    found = cluster(InteractionGraph.from_pairs([1, 1, 3], [0, 2, 4], (5, 6)))
    assert found.users.tolist() == [-1, found.users[1], -1, found.users[3], -1]
    assert (found.items >= 0).tolist() == [True, False, True, False, True, False]
    assert found.users[1] == found.items[0] == found.items[2] != found.users[3] == found.items[4]


def test_sides_are_not_swapped() -> None:
    """A user of many items and an item of many users."""
    found = cluster(InteractionGraph.from_pairs([0] * 5, range(5), (1, 5)))
    assert (len(found.users), len(found.items)) == (1, 5)
    assert found.sizes[0] == 1


def test_one_edge_has_a_group_for_each_end() -> None:
    """Together or apart, their modularity is 0."""
    found = cluster(InteractionGraph.from_pairs([0], [0], (1, 1)))
    assert found.sizes == (1, 1)
    assert found.modularity == pytest.approx(0)


@pytest.mark.parametrize("rows", [8, 40, 150])
def test_a_budget_of_rows_is_kept_and_used(rows: int) -> None:
    found = cluster_within(planted(), rows)
    assert rows / 2 < sum(found.sizes) <= rows


def test_a_budget_below_the_parts_of_the_graph_is_refused() -> None:
    graph = InteractionGraph.from_pairs([0, 1, 2], [0, 1, 2], (3, 3))
    assert cluster_within(graph, 6).sizes == (3, 3)
    with pytest.raises(DataError, match="5 rows are too few: the coarsest grouping has 3 groups of users and 3"):
        cluster_within(graph, 5)


@pytest.mark.parametrize(
    ("users", "items", "message"),
    [
        ([], [], "the graph has no edges"),
        ([0, 1], [0], "two ends"),
        ([0, 4], [0, 1], "user nodes are 0 to 3; received 0 to 4"),
        ([0, 1], [-1, 1], "item nodes are 0 to 3; received -1 to 1"),
    ],
)
def test_what_is_no_graph_is_refused(users: list[int], items: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        InteractionGraph.from_pairs(np.array(users, int), np.array(items, int), (4, 4))


@pytest.mark.parametrize("resolution", [0, -1, float("nan")])
def test_a_resolution_is_above_zero(resolution: float) -> None:
    with pytest.raises(ValueError, match="resolution is above 0"):
        cluster(planted(), resolution)


def test_many_edges_take_seconds_and_no_dense_matrix() -> None:
    """Dense, the graph would be 40 GB."""
    generator = np.random.default_rng(0)
    users = generator.integers(0, 100_000, 300_000)
    items = users // 100 * 50 + generator.integers(0, 60, len(users))
    tracemalloc.start()
    started = time.perf_counter()
    found = cluster(InteractionGraph.from_pairs(users, items, (100_000, 50_100)))
    seconds, peak = time.perf_counter() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(found.sizes) < 10_000
    assert peak < 200e6
    assert seconds < 60

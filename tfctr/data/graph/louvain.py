"""Groups of users and items that meet each other more than chance would have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfctr.data.errors import DataError
from tfctr.data.graph.interaction_graph import InteractionGraph

NO_GROUP = -1
"""The group of a node without edges: nothing is known of it."""

_RESOLUTIONS = (1e-2, 1e4)
"""Where a resolution is looked for: a group for each connected part, to nearly a group for each node."""

_SEARCH_STEPS = 14
"""Halvings of the logarithm of that range: the last step is below a thousandth of the resolution."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """Groups of the nodes of a graph; users and items share the groups' numbers.

    Attributes:
        users: Group of each user, int64 ``(users,)``; -1 for one without edges.
        items: Group of each item, int64 ``(items,)``; -1 for one without edges.
        resolution: What it was made with.
        modularity: Of this grouping at that resolution, see `InteractionGraph.modularity`.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    resolution: float
    modularity: float

    @property
    def sizes(self) -> tuple[int, int]:
        """How many groups have a user, and how many have an item: the rows that the two sides need."""
        users, items = (len(np.unique(side[side != NO_GROUP])) for side in (self.users, self.items))
        return users, items


def cluster(graph: InteractionGraph, resolution: float = 1.0) -> Clusters:
    """Group users and items together by Louvain's method for bipartite modularity.

    Deterministic: the same graph gives the same groups. How many there are follows from the graph; a larger
    `resolution` gives more and smaller ones, as a rule. Above 1 it splits true communities, too: on a graph of four
    planted blocks, 1 finds the four and 3 finds about sixteen.

    Args:
        graph: The graph.
        resolution: Weight γ of chance in the modularity, above 0.

    Raises:
        ValueError: For a resolution that is not above 0.
        ModuleNotFoundError: Without scikit-network, the extra ``graph``.

    Reference: Blondel et al., "Fast unfolding of communities in large networks", 2008, with the modularity of Dugué and
    Perez, "Directed Louvain", 2015; Wu et al., "GraphHash", WWW 2025, section 4.
    """
    if not resolution > 0:
        raise ValueError(f"resolution is above 0. Received: {resolution}")
    linked = [np.flatnonzero(degree) for degree in graph.degrees]
    labels = _louvain(graph.biadjacency[linked[0]][:, linked[1]], resolution)
    groups = [np.full(count, NO_GROUP, np.int64) for count in graph.biadjacency.shape]
    for side, nodes, found in zip(groups, linked, labels, strict=True):
        side[nodes] = found
    return Clusters(groups[0], groups[1], resolution, graph.modularity(groups[0], groups[1], resolution))


def cluster_within(graph: InteractionGraph, rows: int) -> Clusters:
    """Group users and items into as many groups as `rows` allows, by a search for the resolution.

    Args:
        graph: The graph.
        rows: Most groups of users and of items together: ``sum(clusters.sizes)`` is at most this.

    Raises:
        DataError: When even the coarsest grouping has more: the graph falls apart into more pieces.
    """
    low, high = np.log(_RESOLUTIONS)
    best = cluster(graph, float(np.exp(low)))
    if sum(best.sizes) > rows:
        users, items = best.sizes
        raise DataError(
            f"{rows} rows are too few: the coarsest grouping has {users} groups of users and {items} of items, since "
            "ids of separate parts of the graph never share a group"
        )
    for _ in range(_SEARCH_STEPS):
        middle = (low + high) / 2
        tried = cluster(graph, float(np.exp(middle)))
        if sum(tried.sizes) > rows:
            high = middle
            continue
        low = middle
        best = max(best, tried, key=lambda one: sum(one.sizes))  # more groups, as a rule, but not always
        if sum(best.sizes) == rows:
            break
    return best


def _louvain(biadjacency: Any, resolution: float) -> tuple[NDArray[Any], NDArray[Any]]:
    try:
        from sknetwork.clustering import Louvain
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("clustering ids needs scikit-network: pip install 'tfctr[graph]'") from error
    from scipy import sparse

    method = Louvain(resolution=resolution, return_probs=False, return_aggregate=False)
    method.fit(sparse.csr_matrix(biadjacency), force_bipartite=True)
    return method.labels_row_, method.labels_col_

"""Users and items as the two sides of a graph, an edge for each row in which they meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.data.errors import DataError


@dataclass(frozen=True, eq=False)
class InteractionGraph:
    """A bipartite graph; make one with `of`.

    Attributes:
        biadjacency: Sparse matrix of scipy, float64 ``(users, items)``: how often the two met. Never made dense.
    """

    biadjacency: Any

    @classmethod
    def from_pairs(cls, users: ArrayLike, items: ArrayLike, shape: tuple[int, int]) -> InteractionGraph:
        """Return the graph with an edge for each pair; pairs that come again weigh more.

        Args:
            users: Node of each edge on the first side, integers ``(edges,)``.
            items: Node of each edge on the second side, integers ``(edges,)``.
            shape: Numbers of nodes of the two sides.

        Raises:
            DataError: When there is no edge, the sides differ in length, or a node is out of range.
        """
        from scipy import sparse

        rows, columns = np.asarray(users), np.asarray(items)
        if rows.shape != columns.shape or rows.ndim != 1:
            raise DataError(f"an edge has two ends: {rows.shape} users stand beside {columns.shape} items")
        if not len(rows):
            raise DataError(
                "the graph has no edges: no row has both a user and an item that count. Look at the columns, and at "
                "the label when only positive rows make edges"
            )
        for side, nodes, count in (("user", rows, shape[0]), ("item", columns, shape[1])):
            if nodes.min() < 0 or nodes.max() >= count:
                raise DataError(f"{side} nodes are 0 to {count - 1}; received {nodes.min()} to {nodes.max()}")
        return cls(sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr())

    @property
    def edges(self) -> float:
        """Weight of all edges."""
        return float(self.biadjacency.sum())

    @property
    def degrees(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weight at each node of the two sides."""
        return self.biadjacency.sum(axis=1), self.biadjacency.sum(axis=0)

    def modularity(self, users: NDArray[Any], items: NDArray[Any], resolution: float = 1.0) -> float:
        """Return ``Q = 1/w Σ (B_ui - γ d_u d_i / w) [c_u = c_i]`` of a grouping, w the weight of all edges.

        Args:
            users: Group of each user, integers ``(users,)``.
            items: Group of each item, of the same groups.
            resolution: γ.

        Reference: Barber, "Modularity and community detection in bipartite networks", Physical Review E 76, 2007.
        """
        pairs = self.biadjacency.tocoo()
        inside = pairs.data[users[pairs.coords[0]] == items[pairs.coords[1]]].sum()
        groups = 1 + max(users.max(), items.max())
        ends = (
            np.bincount(side[side >= 0], weights=degree[side >= 0], minlength=groups)
            for side, degree in zip((users, items), self.degrees, strict=True)
        )
        weight = self.edges
        return float(inside / weight - resolution * np.prod([*ends], axis=0).sum() / weight**2)

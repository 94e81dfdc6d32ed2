"""A graph of planted communities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def planted_edges(
    communities: int = 4,
    users: int = 200,
    items: int = 160,
    inside: float = 0.3,
    outside: float = 0.01,
    seed: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Users and items of the edges; node n of either side is in community ``n % communities``."""
    generator = np.random.default_rng(seed)
    same = np.arange(users)[:, None] % communities == np.arange(items)[None] % communities
    chosen = generator.random((users, items)) < np.where(same, inside, outside)
    found_users, found_items = np.nonzero(chosen)
    return found_users, found_items

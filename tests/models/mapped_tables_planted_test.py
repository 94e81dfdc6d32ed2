"""Ids that are clicked together share a row: worth more than any other way to share as many rows."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.models.specs import auc, categorical, fitted, make_spec
from tfctr.data.graph import InteractionGraph, cluster
from tfctr.layers.embedding import IdMap, MappedTable
from tfctr.models import FM

USERS, ITEMS, COMMUNITIES = 300, 240, 8
SPEC = make_spec(categorical("user", "user"), categorical("item"), rows={"user": USERS + 2, "item": ITEMS + 2})


def log(seed: int, *, structure: bool = True) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Train and test rows. Half of what a user is shown is of the own community, and is clicked far more often.

    Communities are drawn, so that no order of the ids gives them away.
    """
    generator = np.random.default_rng(seed)
    of_user, of_item = (generator.integers(0, COMMUNITIES, count) for count in (USERS, ITEMS))
    user, item = generator.integers(0, USERS, 9_000), generator.integers(0, ITEMS, 9_000)
    own = np.array([generator.choice(np.flatnonzero(of_item == of_user[u])) for u in user])
    item = np.where(generator.random(9_000) < 0.5, own, item)
    likely = of_user[user] == of_item[item] if structure else generator.random(9_000) < 0.5
    labels = (generator.random(9_000) < np.where(likely, 0.85, 0.1)).astype("float32")[:, None]
    parts = slice(0, 6_000), slice(6_000, None)
    return [({"user": 2 + user[part], "item": 2 + item[part]}, labels[part]) for part in parts]


def maps(seed: int, train: tuple) -> dict[str, dict[str, IdMap]]:
    """The maps from the graph of the clicks, and others of as many rows."""
    features, labels = train
    clicked = labels[:, 0] > 0
    ends = (features[name][clicked] - 2 for name in ("user", "item"))
    found = cluster(InteractionGraph.from_pairs(*ends, (USERS, ITEMS)))
    graph = {name: IdMap.grouped(np.r_[-1, -1, side]) for name, side in (("user", found.users), ("item", found.items))}
    return {
        "graph": graph,
        "modulo": {name: IdMap.modulo(one.ids, one.rows - 2) for name, one in graph.items()},
        "shuffled": {name: one.shuffled(seed=seed) for name, one in graph.items()},
    }


def learned(seed: int, chosen: dict[str, IdMap], train: tuple, test: tuple) -> float:
    keras.utils.set_random_seed(seed)
    model = FM(SPEC, embedding_dim=4, tables={name: MappedTable(mapping=one) for name, one in chosen.items()})
    return auc(fitted(model, *train, epochs=6, learning_rate=0.05), *test)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_communities_beat_other_maps_of_as_many_rows(seed: int) -> None:
    train, test = log(seed)
    found = {name: learned(seed, chosen, train, test) for name, chosen in maps(seed, train).items()}
    assert found["graph"] > 0.8
    assert found["graph"] - found["modulo"] >= 0.1
    assert found["graph"] - found["shuffled"] >= 0.1


def test_where_there_is_no_structure_nothing_is_won() -> None:
    train, test = log(0, structure=False)
    found = {name: learned(0, chosen, train, test) for name, chosen in maps(0, train).items()}
    assert abs(found["graph"] - found["modulo"]) < 0.04

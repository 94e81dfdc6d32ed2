"""What DHEN's auxiliary loss is for: labels too few to tell items apart, and histories that could."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.models.specs import auc, categorical, fitted, make_spec, sequence
from tfctr.models import DHEN, CTRModel, SharedBottom
from tfctr.spec import BoundSpec

COMMUNITIES, MEMBERS, LENGTH = 8, 16, 12
ITEMS = COMMUNITIES * MEMBERS
TASKS = {"click": (0.2, 0.8), "buy": (0.05, 0.5)}
"""Probability of each label for a candidate that is strange to the user, and for one of the user's community."""


def community_spec() -> BoundSpec:
    features = (categorical("item"), sequence("seen", "item", LENGTH))
    return make_spec(*features, rows={"item": ITEMS + 1}, tasks=tuple(TASKS))


def community_rows(rows: int, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Users who keep to one community of items, whose numbers say nothing of it, and candidates, half of them of it."""
    rng, names = np.random.default_rng(seed), np.random.default_rng(5).permutation(ITEMS) + 1

    def members(communities: np.ndarray) -> np.ndarray:
        return names[communities * MEMBERS + rng.integers(0, MEMBERS, communities.shape)]

    home = rng.integers(0, COMMUNITIES, rows)
    known = rng.random(rows) < 0.5
    away = (home + rng.integers(1, COMMUNITIES, rows)) % COMMUNITIES
    features = {
        "item": members(np.where(known, home, away)),
        "seen": members(np.repeat(home[:, None], LENGTH, axis=1)),
    }
    labels = {
        task: (rng.random(rows) < np.where(known, high, low)).astype("float32")[:, None]
        for task, (low, high) in TASKS.items()
    }
    return features, labels


def mean_auc(model: CTRModel, features: dict[str, Any], labels: dict[str, np.ndarray]) -> float:
    answers = model(features)
    return float(np.mean([roc_auc_score(labels[task], np.asarray(answers[task])) for task in labels]))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_next_events_tell_items_apart_where_labels_are_too_few(seed: int) -> None:
    """Mean AUC of both tasks from 600 rows: 0.07 above that without the auxiliary loss, and above Shared-Bottom."""
    train, test = community_rows(600, seed), community_rows(4_000, 100 + seed)
    small = {"embedding_dim": 8, "dropout_rate": 0.1}
    network = {**small, "num_layers": 1, "modules": ("cross", "linear"), "tower_units": (16,), "encoder_layers": 1}
    made = {
        "dhen": lambda: DHEN(community_spec(), **network, auxiliary_weight=1.0),
        "without": lambda: DHEN(community_spec(), **network, auxiliary_weight=0.0),
        "shared": lambda: SharedBottom(community_spec(), **small, hidden_units=(32,), tower_units=(16,)),
    }
    found = {}
    for name, make in made.items():
        keras.utils.set_random_seed(seed)
        found[name] = mean_auc(fitted(make(), *train, epochs=40, learning_rate=0.01), *test)
    assert found["dhen"] - max(found["without"], found["shared"]) > 0.07, found


def rare_rows(rows: int, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Items differ in how much they are liked: half of the rows are clicked, one in a hundred is bought."""
    rng, liked = np.random.default_rng(seed), np.random.default_rng(7).normal(size=ITEMS + 1)
    item = rng.integers(1, ITEMS + 1, rows)
    chances = {"click": 1 / (1 + np.exp(-2 * liked[item])), "buy": np.minimum(0.003 * np.exp(1.8 * liked[item]), 0.5)}
    return {"item": item}, {task: (rng.random(rows) < p).astype("float32")[:, None] for task, p in chances.items()}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_rare_label_learns_from_a_frequent_one(seed: int) -> None:
    """AUC of purchases, a hundredth of the rows: 0.05 above that of the same network without the clicks."""
    train, test = rare_rows(4_000, seed), rare_rows(20_000, 100 + seed)
    assert 0.005 < float(np.mean(test[1]["buy"])) < 0.015

    def network(*tasks: str) -> DHEN:
        keras.utils.set_random_seed(seed)
        spec = make_spec(categorical("item"), rows={"item": ITEMS + 1}, tasks=tasks)
        return DHEN(spec, embedding_dim=8, num_layers=1, modules=("cross", "linear"), tower_units=(16,))

    steps: dict[str, Any] = {"epochs": 10, "learning_rate": 0.01}
    both = fitted(network("click", "buy"), *train, **steps)
    alone = fitted(network("buy"), train[0], train[1]["buy"], **steps)
    gain = mean_auc(both, test[0], {"buy": test[1]["buy"]}) - auc(alone, test[0], test[1]["buy"])
    assert gain > 0.05, gain

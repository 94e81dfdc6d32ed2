"""Structure between tasks that only the mechanism of a paper can use; each test also shows the failure without it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.models.specs import categorical
from tfctr.models import DNN, ESMM, PLE, CTRModel, MMoE, SharedBottom
from tfctr.spec import BoundSpec, FeatureSpec

ITEMS, SLOTS = 100, 5
ROWS = {"item": ITEMS + 1, "slot": SLOTS + 1}
Features = dict[str, np.ndarray]


def funnel_spec(*names: str) -> BoundSpec:
    tasks = [{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought", "after": "click"}]
    spec = FeatureSpec(
        name="funnel",
        features=[categorical("item"), categorical("slot")],
        tasks=[task for task in tasks if task["name"] in names],
        split={"by": "hash", "column": "row"},
    )
    return spec.bind(ROWS)


def funnel_rows(rows: int, seed: int) -> tuple[Features, dict[str, np.ndarray], np.ndarray]:
    """One hidden quality of an item raises clicks and purchases alike; a purchase is seen only after a click.

    Half of the items have hardly a click, so that clicked rows say nothing of their purchases. Returned last: the
    true probability of a purchase, had the row been clicked, float64 ``(rows,)``.
    """
    rng, quality = np.random.default_rng(seed), np.random.default_rng(77).normal(size=ITEMS)
    features = {"item": rng.integers(1, ITEMS + 1, rows), "slot": rng.integers(1, SLOTS + 1, rows)}
    q = quality[features["item"] - 1]
    click = rng.random(rows) < 1 / (1 + np.exp(2 - 2.5 * q - 0.3 * (features["slot"] - 3)))
    truth = 1 / (1 + np.exp(1 - 1.5 * q))
    buy = click & (rng.random(rows) < truth)
    labels = {"click": click.astype("float32")[:, None], "buy": buy.astype("float32")[:, None]}
    return features, labels, truth


def fitted(
    model: CTRModel,
    features: Features,
    labels: Any,
    *,
    epochs: int,
    batch_size: int = 256,
    learning_rate: float = 0.03,
) -> CTRModel:
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), jit_compile=False)
    model.fit(features, labels, batch_size=batch_size, epochs=epochs, verbose=0)
    return model


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_purchases_of_items_that_nobody_clicks_are_learned_from_all_rows(seed: int) -> None:
    """Root mean square error of P(buy | click) over all rows: ESMM's is at most 0.6 times that of the model of clicks.

    The mechanism taken out is the same tower trained where the loss on P(buy | click) has rows: those clicked.
    """
    features, labels, _ = funnel_rows(6000, seed)
    judged, _, truth = funnel_rows(2000, 100 + seed)
    clicked = labels["click"][:, 0] > 0

    def error(probability: Any) -> float:
        return float(np.sqrt(np.mean((np.asarray(probability)[:, 0] - truth) ** 2)))

    keras.utils.set_random_seed(seed)
    small = {"embedding_dim": 4, "hidden_units": (8,)}
    esmm = fitted(ESMM(funnel_spec("click", "buy"), **small), features, labels, epochs=8)
    keras.utils.set_random_seed(seed)
    conditional = fitted(
        DNN(funnel_spec("click"), **small),
        {n: v[clicked] for n, v in features.items()},
        labels["buy"][clicked],
        epochs=24,
    )  # as many steps
    assert error(esmm.conditional(judged)["buy"]) < 0.6 * error(conditional(judged))


# --- tasks in conflict ------------------------------------------------------------------------------------------------

FIELDS = "abcde"
CONFLICT = {"embedding_dim": 4, "tower_units": ()}


def conflict_spec() -> BoundSpec:
    spec = FeatureSpec(
        name="conflict",
        features=list(map(categorical, FIELDS)),
        tasks=[{"name": "click", "label": "clicked"}, {"name": "like", "label": "liked"}],
        split={"by": "hash", "column": "row"},
    )
    return spec.bind(dict.fromkeys(FIELDS, 21))


def conflict_rows(rows: int, seed: int) -> tuple[Features, dict[str, np.ndarray]]:
    """Fields a to d have a score each; e says which of the four scores decides, never the same one for both tasks."""
    rng, scores = np.random.default_rng(seed), np.random.default_rng(1234).normal(size=(4, 20))
    features = {name: rng.integers(1, 21, rows) for name in FIELDS}
    score = np.stack([scores[index][features[name] - 1] for index, name in enumerate("abcd")], axis=1)
    group = features["e"] % 4
    labels = {}
    for task, shift in (("click", 0), ("like", 1)):
        decides = score[np.arange(rows), (group + shift) % 4]
        labels[task] = (rng.random(rows) < 1 / (1 + np.exp(-3 * decides))).astype("float32")[:, None]
    return features, labels


def without_gates(model: MMoE) -> MMoE:
    """The same experts, every task taking their plain mean."""
    model.build()
    for gate in model.gates:
        gate.set_weights([np.zeros(weight.shape) for weight in gate.weights])
        gate.trainable = False
    return model


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gates_let_tasks_in_conflict_share_experts(seed: int) -> None:
    """Mean AUC of both tasks: MMoE and PLE beat Shared-Bottom, and MMoE itself without gates, by 0.03.

    Every task has four units to read, with linear towers: who may choose among them by row needs no more. With many
    units Shared-Bottom, too, finds room for every product of group and score, and the gap closes.
    """
    spec, train, (features, labels) = conflict_spec(), conflict_rows(6000, seed), conflict_rows(2000, 100 + seed)
    four = {"num_experts": 4, "expert_units": (1,)}
    made = {
        "shared": lambda: SharedBottom(spec, **CONFLICT, hidden_units=(4,)),
        "mmoe": lambda: MMoE(spec, **CONFLICT, **four),
        "no gates": lambda: without_gates(MMoE(spec, **CONFLICT, **four)),
        "ple": lambda: PLE(spec, **CONFLICT, num_levels=1, own_experts=1, shared_experts=3, expert_units=(1,)),
    }
    found = {}
    for name, make in made.items():
        keras.utils.set_random_seed(seed)
        answers = fitted(make(), *train, epochs=10, batch_size=512, learning_rate=0.05)(features)
        found[name] = np.mean([roc_auc_score(labels[task], np.asarray(answers[task])) for task in labels])
    assert found["mmoe"] - max(found["shared"], found["no gates"]) > 0.03, found
    assert found["ple"] - found["shared"] > 0.03, found

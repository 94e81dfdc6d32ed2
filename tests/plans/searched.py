"""A log in which few rows and few fields are worth their memory, and plans over it.

Fields a and b say it all, by the match of two vectors of six numbers; noise says nothing. Most of a's ids are so rare
that nothing can be learned of them.

`main`, for a process of its own, runs OptEmbed and dies by SIGKILL at a tick: a training step or a kept generation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from tests.plans.ticks import Tick, digest, dying_at, ticking
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import FM, CTRModel
from tfctr.plans import OptEmbed, Plan, Stage
from tfctr.plans.stage import Arrays
from tfctr.spec import BoundSpec, FeatureSpec
from tfctr.training import FitConfig

FREQUENT, RARE, OTHERS, NOISE, RANK, DIM = 30, 100, 30, 600, 6, 8
SPEC = FeatureSpec(
    name="searched",
    features=[{"kind": "categorical", "name": name, "role": "item"} for name in ("a", "b", "noise")],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "row"},
)


def bound() -> BoundSpec:
    return SPEC.bind({"a": 1 + FREQUENT + RARE, "b": 1 + OTHERS, "noise": 1 + NOISE})


def rows(count: int, seed: int) -> dict[str, np.ndarray]:
    """Transformed rows; the vectors behind the labels are the same for every seed."""
    world, rng = np.random.default_rng(99), np.random.default_rng(seed)
    left, right = world.normal(size=(1 + FREQUENT, RANK)), world.normal(size=(1 + OTHERS, RANK))
    a, b = rng.integers(1, 1 + FREQUENT, count), rng.integers(1, 1 + OTHERS, count)
    logit = 4 * (left[a] * right[b]).sum(1) / np.sqrt(RANK)
    seldom = rng.random(count) < 0.03
    a = np.where(seldom, rng.integers(1 + FREQUENT, 1 + FREQUENT + RARE, count), a)
    click = rng.random(count) < 1 / (1 + np.exp(-logit))
    return {"a": a, "b": b, "noise": rng.integers(1, 1 + NOISE, count), "click": click.astype(np.float32)}


def train_plan(seed: int = 0, count: int = 5000) -> ArrayPlan:
    return ArrayPlan(rows(count, 10 * seed), SPEC, batch_size=200, seed=seed)


def valid_data(seed: int = 0):
    return array_dataset(rows(2000, 10 * seed + 1), SPEC, batch_size=2000)


def auc_of(model: CTRModel, seed: int) -> float:
    """AUC on rows that nothing was chosen by."""
    data = rows(4000, 10 * seed + 2)
    return float(roc_auc_score(data["click"], np.asarray(model.predict_on_batch(data))[:, 0]))


def config(seed: int = 0, **changes: Any) -> FitConfig:
    return FitConfig(**{"epochs": 8, "patience": 8, "learning_rate": 0.05, "seed": seed, **changes})


SMALL = {"generations": 4, "population": 8, "parents": 5, "mutated": 5, "crossed": 5}
PRUNING = {"threshold_rate": 0.01, "pressure": 0.03, "table_l2": 1e-3}


BUDGET = "12 kB"
"""Three quarters of the rows are noise: who keeps them wide has nothing left for a and b."""


class Ticking(OptEmbed):
    """OptEmbed that calls `tick` after every training step and every generation."""

    tick: Tick = staticmethod(lambda: None)

    def supernet(self, stage: Stage) -> CTRModel:
        return super().supernet(ticking(stage, self.tick))

    def search(self, stage: Stage) -> Arrays:
        return super().search(ticking(stage, self.tick))

    def retrain(self, stage: Stage) -> CTRModel:
        return super().retrain(ticking(stage, self.tick))


def optembed(seed: int = 0, plan: type[Plan] = OptEmbed, **settings: Any) -> Plan:
    """A small one that prunes."""
    return plan(FM, {"embedding_dim": DIM}, config(seed), **{**SMALL, **PRUNING, "budget": BUDGET, **settings})


def outcome(plan: Plan, folder: Path) -> str:
    """Run it on few rows; a digest of the model's weights."""
    return digest(plan.run(bound(), train_plan(count=2000), valid_data(), folder))


def short(plan: type[Plan] = OptEmbed) -> Plan:
    """Two epochs a fit, checkpoints at every step."""
    made = optembed(plan=plan, generations=3)
    made.config = config(epochs=2, checkpoint_seconds=0)
    return made


def main(folder: str, ticks: int) -> None:
    """Run, and die at a tick."""
    plan = short(Ticking)
    plan.tick = dying_at(ticks)  # type: ignore[attr-defined]
    outcome(plan, Path(folder))

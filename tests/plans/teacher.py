"""A trained model whose layers answer with few directions while their weights have many, and rows it has labelled.

Frequent ids lie in a plane of the sixteen numbers of an embedding; rare ids, of which there are far more, lie anywhere.
So the frequent rows, and all that the tower's maps make of them, are of low rank, and tables and kernels are not.

`main`, for a process of its own, compresses ``teacher.keras`` of a folder and dies by SIGKILL at a training step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from tests.plans.ticks import Tick, digest, dying_at, ticking
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import DNN, CTRModel
from tfctr.plans import LowRank, Stage
from tfctr.spec import BoundSpec, FeatureSpec
from tfctr.training import FitConfig

FIELDS, FREQUENT, RARE, RANK, DIM, UNITS = ("a", "b", "c"), 40, 400, 2, 16, (64, 64)
SETTINGS = {"embedding_dim": DIM, "hidden_units": UNITS}
SPEC = FeatureSpec(
    name="teacher",
    features=[{"kind": "categorical", "name": name, "role": "item"} for name in FIELDS],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "row"},
)


def bound() -> BoundSpec:
    return SPEC.bind(dict.fromkeys(FIELDS, 1 + FREQUENT + RARE))


def teacher(seed: int) -> DNN:
    """A model that nobody has to train."""
    rng = np.random.default_rng(seed)
    model = DNN(bound(), **SETTINGS)
    model.build()
    table = model.embedding.lookups[0].fused_table
    rows = rng.normal(size=(1, DIM))
    for _ in FIELDS:
        frequent = rng.normal(size=(FREQUENT, RANK)) @ rng.normal(size=(RANK, DIM)) / np.sqrt(RANK)
        rows = np.concatenate([rows, frequent, 3 * rng.normal(size=(RARE, DIM))])
    table.embeddings.assign(rows)
    for layer in model.mlp.linear_maps.values():
        width, units = layer.kernel.shape
        kernel = rng.normal(size=(width, units)) * np.sqrt(2 / width)
        layer.set_weights([3 * kernel if units == 1 else kernel, np.zeros(units)])
    centre = model.predict_on_batch(_ids(2000, rng))
    bias = model.mlp.linear_maps["output"].bias
    bias.assign(-np.median(np.log(centre / (1 - centre)), keepdims=True)[0])
    return model


def _ids(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Ids of rows: one in a thousand is rare."""
    often, seldom = (1, 1 + FREQUENT), (1 + FREQUENT, 1 + FREQUENT + RARE)
    drawn = {name: (rng.integers(*often, count), rng.integers(*seldom, count)) for name in FIELDS}
    return {name: np.where(rng.random(count) < 0.999, *columns) for name, columns in drawn.items()}


def rows(model: DNN, count: int, seed: int) -> dict[str, np.ndarray]:
    """Rows with clicks drawn from the teacher's probabilities."""
    rng = np.random.default_rng([seed, count])
    ids = _ids(count, rng)
    click = rng.random(count) < np.asarray(model.predict_on_batch(ids))[:, 0]
    return {**ids, "click": click.astype(np.float32)}


def train_plan(model: DNN, seed: int = 0) -> ArrayPlan:
    return ArrayPlan(rows(model, 6000, seed), SPEC, batch_size=200, seed=seed)


def valid_data(model: DNN, seed: int = 0) -> Any:
    return array_dataset(rows(model, 2000, seed), SPEC, batch_size=2000)


def auc_of(model: CTRModel, judge: DNN, seed: int = 0) -> float:
    """AUC on rows that nothing was chosen by."""
    data = rows(judge, 5000, seed)
    return float(roc_auc_score(data["click"], np.asarray(model.predict_on_batch(data))[:, 0]))


class Ticking(LowRank):
    """Calls `tick` after every step of tuning."""

    tick: Tick = staticmethod(lambda: None)

    def tune(self, stage: Stage) -> CTRModel:
        return super().tune(ticking(stage, self.tick))


def outcome(folder: Path, base: Path, tick: Tick | None = None) -> str:
    """Compress the teacher in `base`; a digest of the weights."""
    config = FitConfig(epochs=2, patience=2, checkpoint_seconds=0, learning_rate=0.01)
    plan = Ticking(DNN, SETTINGS, config, ratio=4, base=str(base))
    plan.tick = tick or plan.tick
    judge = teacher(0)
    return digest(plan.run(bound(), train_plan(judge), valid_data(judge), folder))


def main(folder: str, ticks: int) -> None:
    """Run, and die at a step."""
    outcome(Path(folder) / "run", Path(folder) / "teacher.keras", dying_at(ticks))

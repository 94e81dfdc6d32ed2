"""A plan of three kinds of stage, to be interrupted in each: a fit, a loop of its own, a fit from what was left.

`main`, for a process of its own, runs it and dies by SIGKILL at a tick: a training step or a round of the loop.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tests.plans.ticks import Tick, Ticks, digest, dying_at
from tests.training.planted import bound, train_plan, valid_data
from tfctr.models import DNN, CTRModel
from tfctr.plans import Plan, Stage
from tfctr.plans.stage import Arrays
from tfctr.spec._base import Frozen
from tfctr.training import FitConfig


class ToySettings(Frozen):
    """How many rounds the middle stage takes."""

    rounds: int = 4


class Toy(Plan):
    """Train; draw a scale in rounds; train on from the scaled weights."""

    STAGES: ClassVar[tuple[str, ...]] = ("first", "draw", "last")
    Settings: ClassVar[type[Frozen]] = ToySettings
    tick: Tick = staticmethod(lambda: None)

    def first(self, stage: Stage) -> CTRModel:
        model = stage.model()
        stage.fit(model, callbacks=[Ticks(self.tick)])
        return model

    def draw(self, stage: Stage) -> Arrays:
        kept = stage.load_progress() or {"done": np.array(0), "total": np.array(0.0)}
        done, total = int(kept["done"]), float(kept["total"])
        for number in range(done, self.settings.rounds):
            total += np.random.default_rng([stage.config.seed, number]).uniform(0.8, 1.2)
            stage.save_progress(done=np.array(number + 1), total=np.array(total))
            self.tick()
        stage.note(rounds=self.settings.rounds)
        return {"scale": np.array(total / self.settings.rounds)}

    def last(self, stage: Stage) -> CTRModel:
        model = stage.model(dropout_rate=0.1)
        scale = stage.arrays("draw")["scale"]
        model.set_weights([scale * weight for weight in stage.trained("first").get_weights()])
        stage.fit(model, callbacks=[Ticks(self.tick)])
        return model


def toy(**settings: Any) -> Toy:
    """A small one."""
    config = FitConfig(epochs=2, patience=2, checkpoint_seconds=0, learning_rate=0.01, seed=3)
    return Toy(DNN, {"embedding_dim": 4, "hidden_units": (8,), "dropout_rate": 0.2}, config, **settings)


def outcome(plan: Plan, folder: Path) -> str:
    """Run it on the planted log; a digest of the weights, and the figures of the last stage."""
    model = plan.run(bound(), train_plan(), valid_data(), folder)
    rows = [{k: v for k, v in row.items() if k.startswith(("loss", "val_"))} for row in plan.history(folder)]
    return json.dumps([digest(model), rows])


def main(folder: str, ticks: int = 0) -> None:
    """Run, and die at a tick when one is given."""
    plan = toy()
    plan.tick = dying_at(ticks)
    outcome(plan, Path(folder))

"""What every plan must stand: it ends with a model that saves, and interrupted anywhere it ends with the same one."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import CTRModel
from tfctr.plans import Plan, Stage
from tfctr.plans.stage import result_in
from tfctr.spec import BoundSpec, IdFeature, is_bucketed
from tfctr.testing._examples import RICH, RICH_CROSSED
from tfctr.training import FitConfig

Rows = dict[str, np.ndarray]


@dataclass(frozen=True)
class PlanRecipe:
    """A plan, and how to run it in seconds.

    Args:
        plan: Its class.
        model: Class of the model that it works with.
        hyperparameters: Of a small one.
        settings: The plan's settings that keep a run short.
        config: How models are fitted; every step is a checkpoint.
    """

    plan: type[Plan]
    model: type[CTRModel]
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    config: FitConfig = field(
        default_factory=lambda: FitConfig(epochs=2, patience=2, learning_rate=0.02, checkpoint_seconds=0)
    )

    @property
    def spec(self) -> BoundSpec:
        """Bound spec of the rows: one of a single task that the model accepts."""
        return RICH_CROSSED if self.model.problems(RICH.spec) else RICH

    def made(self, plan: type[Plan] | None = None) -> Plan:
        """Return the plan, or a subclass of it with the same settings."""
        return (plan or self.plan)(self.model, self.hyperparameters, self.config, **self.settings)

    @cached_property
    def whole(self) -> CTRModel:
        """What a run in one go ends with."""
        with tempfile.TemporaryDirectory() as folder:
            return self.run(Path(folder, "run"))

    def run(self, folder: Path, plan: type[Plan] | None = None) -> CTRModel:
        """Run it in a folder, or go on with what an earlier run left there."""
        train = ArrayPlan(drawn_rows(self.spec, 600, 0), self.spec.spec, batch_size=100, seed=0)
        valid = array_dataset(drawn_rows(self.spec, 200, 1), self.spec.spec, batch_size=200)
        with contextlib.redirect_stdout(io.StringIO()):
            return self.made(plan).run(self.spec, train, valid, folder)


def drawn_rows(spec: BoundSpec, count: int, seed: int) -> Rows:
    """Return transformed rows of a spec with one binary task, whose label follows from the first id."""
    rng = np.random.default_rng([seed, count])
    sizes = {f.name: spec.rows_of(f.name) for f in spec.spec.features if isinstance(f, IdFeature) or is_bucketed(f)}
    rows: Rows = {}
    for info in spec.spec.inputs():
        shape = (count, *info.shape)
        if info.name in sizes:
            rows[info.name] = _drawn_ids(rng, shape, sizes[info.name])
        elif info.dtype == "int64":  # times
            rows[info.name] = np.sort(rng.integers(1, 100, shape))
        else:
            rows[info.name] = rng.normal(size=shape).astype("float32")
    first = next(iter(sizes))
    share = rows[first] / (sizes[first] - 1)
    rows[spec.spec.tasks[0].name] = (rng.random(count) < 0.1 + 0.8 * share).astype("float32")
    return rows


def _drawn_ids(rng: np.random.Generator, shape: tuple[int, ...], rows: int) -> np.ndarray:
    """Ids; lists are padded on the right."""
    ids = rng.integers(1, rows, shape)
    if len(shape) == 1:
        return ids
    return np.where(np.arange(shape[1]) < rng.integers(0, shape[1] + 1, shape[:1])[:, None], ids, 0)


class Interrupted(Exception):
    """Raised in the middle of a stage, as if the process had died there."""


def _interrupted(plan: type[Plan], stage_name: str) -> type[Plan]:
    """A plan that dies in a stage: after its third training step, when it first saves its progress, else at its end."""

    def die(*_: Any, **__: Any) -> None:
        raise Interrupted

    class Dying(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                die()

    def dying(self: Plan, stage: Stage) -> Any:
        fit, save = stage.fit, stage.save_progress

        def save_and_die(**arrays: np.ndarray) -> None:
            save(**arrays)
            die()

        stage.fit = lambda model, *, callbacks=(), **options: fit(  # type: ignore[method-assign]
            model, callbacks=[*callbacks, Dying()], **options
        )
        stage.save_progress = save_and_die  # type: ignore[method-assign]
        getattr(plan, stage_name)(self, stage)
        die()

    return type(plan.__name__, (plan,), {stage_name: dying})


def check_ends_with_a_model(recipe: PlanRecipe) -> None:
    """All stages run; the model that comes out answers, is saved, loaded and answers the same."""
    model, features = recipe.whole, drawn_rows(recipe.spec, 50, 2)
    outputs = np.asarray(model.predict_on_batch(features))
    assert np.isfinite(outputs).all(), "the plan's model answers no number"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        np.testing.assert_array_equal(np.asarray(keras.saving.load_model(path).predict_on_batch(features)), outputs)


def check_resumes(recipe: PlanRecipe) -> None:
    """Interrupted in each of its stages in turn and started again, it ends with the weights of a run in one go."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        for stage in recipe.plan.STAGES:
            with contextlib.suppress(Interrupted):
                recipe.run(folder, _interrupted(recipe.plan, stage))
            where = recipe.made().folders(folder)[stage]
            assert not where.exists() or result_in(where) is None, f"stage {stage!r} was not interrupted"
        for left, right in zip(recipe.run(folder).get_weights(), recipe.whole.get_weights(), strict=True):
            np.testing.assert_array_equal(left, right, err_msg="interrupted in every stage, it ends otherwise")


PLAN_CHECKS: tuple[Callable[[PlanRecipe], None], ...] = (check_ends_with_a_model, check_resumes)
"""All of them."""

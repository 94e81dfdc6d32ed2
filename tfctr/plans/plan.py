"""The base of all plans: named stages, run in order, each of which leaves its result in a file."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import keras
import tensorflow as tf
from rich.console import Console

from tfctr.data._atomic_write import atomic_write
from tfctr.data.batches import BatchPlan
from tfctr.models import CTRModel
from tfctr.plans.stage import MODEL_FILE, REPORT_FILE, MakeModel, Result, Stage, read_model, result_in, writes_files
from tfctr.spec import BoundSpec, FeatureSpec, Problem, suggest
from tfctr.spec._base import Frozen
from tfctr.training import FitConfig
from tfctr.training._checkpoint import without_names
from tfctr.training._fit import history_of
from tfctr.training.strategy import spans_workers

PLAN_FILE = "plan.json"
"""Says whose files lie in a folder."""


class NoSettings(Frozen):
    """Settings of a plan that has none."""


class Plan:
    """A method that takes more than one `fit`: stages by name, in order.

    A subclass names its stages in `STAGES`; each is a method of that name, which takes a `Stage` and returns what it
    leaves: a model or arrays. The last one returns the model. Read from top to bottom the methods are the paper's
    algorithm.

    A run that was killed and is started again in the same folder passes over finished stages and continues the one in
    hand: a fit at its step, anything else where it last called ``stage.keep``. Its result is that of a run that nothing
    interrupted.

    Args:
        model: Class of the model.
        hyperparameters: Keyword arguments of the model.
        config: How a model is fitted; the defaults of `FitConfig` when None. Its seed is the plan's.
        **settings: Fields of the plan's `Settings`.

    Raises:
        ValidationError: For a setting that the plan does not have, or of a wrong type.
        ValueError: For a hyper-parameter that the plan itself chooses.

    Attributes:
        OWN: Hyper-parameters that the plan itself chooses.

    Example:
        >>> from tfctr.models import DNN
        >>> from tfctr.plans import Fit
        >>> plan = Fit(DNN, {"hidden_units": (64,)}, FitConfig(epochs=3))
        >>> plan.STAGES
        ('fit',)
    """

    STAGES: ClassVar[tuple[str, ...]] = ()
    Settings: ClassVar[type[Frozen]] = NoSettings
    OWN: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a plan whose stages are not its methods, where it is written."""
        super().__init_subclass__(**kwargs)
        methods = [name for name in dir(cls) if not name.startswith("_") and name not in dir(Plan)]
        for name in cls.STAGES:
            if name not in methods:
                raise TypeError(f"{cls.__name__}.STAGES names {name!r}, no method of it{suggest(name, methods)}")

    def __init__(
        self,
        model: type[CTRModel],
        hyperparameters: Mapping[str, Any] | None = None,
        config: FitConfig | None = None,
        **settings: Any,
    ):
        self.model = model
        self.hyperparameters = dict(hyperparameters or {})
        if own := [name for name in self.OWN if self.hyperparameters.get(name)]:
            raise ValueError(f"{type(self).__name__} itself chooses {', '.join(own)} of the model; leave it out")
        self.config = config or FitConfig()
        self.settings: Any = self.Settings(**settings)

    @classmethod
    def problems(cls, model: type[CTRModel], spec: FeatureSpec) -> list[Problem]:
        """Return what this plan needs and the model or the spec does not have; empty when they fit."""
        return []

    @classmethod
    def settings_problems(cls, settings: Any, spec: FeatureSpec) -> list[Problem]:
        """Return what is wrong with `Settings` for this spec, such as the name of a feature; asked before any work."""
        return []

    def run(
        self,
        spec: BoundSpec,
        train: BatchPlan,
        valid: Any,
        workdir: str | Path,
        *,
        make_model: MakeModel | None = None,
        domain_names: Mapping[int, str] | None = None,
    ) -> CTRModel:
        """Run all stages, or those that an earlier run in `workdir` left to do, and return the model.

        Args:
            spec: Bound spec.
            train: Batches to learn from, see `tfctr.data.batches.BatchPlan`.
            valid: Data set of ``(features, labels[, weights])`` that decides.
            workdir: Folder for the stages' files.
            make_model: Makes the stages' models where class and hyper-parameters alone do not: with the training
                counts of a transform, from yesterday's weights.
            domain_names: Names of domains in the files of fits, see `tfctr.training.evaluate`.

        Raises:
            ValueError: When the folder belongs to another run, a file in it is damaged, or several workers were to run
                several stages: only a fit keeps them in step.
        """
        if len(self.STAGES) > 1 and spans_workers(tf.distribute.get_strategy()):
            raise ValueError(f"{type(self).__name__} has {len(self.STAGES)} stages; run it in one worker.")
        folder = Path(workdir)
        self._claim(folder, spec, train)
        folders = self.folders(folder)
        result: Result | None = None
        for number, (name, folder) in enumerate(folders.items()):
            if result_in(folder) is not None:
                self._print(number, "done before")
                result = None  # on disk
                continue
            stage = Stage(
                name,
                folder,
                dict(list(folders.items())[:number]),
                spec=spec,
                train=train,
                valid=valid,
                config=self.config,
                make_model=make_model or (lambda **changes: self.make_model(spec, **changes)),
                domain_names=domain_names,
            )
            result = self._execute(stage, number)
        return result if isinstance(result, CTRModel) else read_model(folders[self.STAGES[-1]] / MODEL_FILE)

    def make_model(self, spec: BoundSpec, **changes: Any) -> CTRModel:
        """Return a fresh built model; `changes` take the place of hyper-parameters."""
        model = self.model(spec, **{**self.hyperparameters, **changes})
        model.build()
        return model

    def folders(self, workdir: Path) -> dict[str, Path]:
        """Return the folder of each stage; a single stage has `workdir` to itself."""
        if len(self.STAGES) == 1:
            return {self.STAGES[0]: workdir}
        return {name: workdir / f"{number}-{name}" for number, name in enumerate(self.STAGES, start=1)}

    def history(self, workdir: str | Path) -> list[dict[str, float]]:
        """Return the epochs of the last stage that fitted a model."""
        for folder in reversed(self.folders(Path(workdir)).values()):
            if (folder / "history.jsonl").exists():
                return list(history_of(folder))
        return []

    def reports(self, workdir: str | Path) -> list[dict[str, Any]]:
        """Return name, seconds and figures of each finished stage."""
        files = (folder / REPORT_FILE for folder in self.folders(Path(workdir)).values())
        return [json.loads(path.read_text()) for path in files if path.exists()]

    def _claim(self, folder: Path, spec: BoundSpec, train: BatchPlan) -> None:
        """Write whose folder it is, or raise when it is another run's."""
        mine = self._fingerprint(spec, train)
        path = folder / PLAN_FILE
        if path.exists() and json.loads(path.read_text())["fingerprint"] != mine:
            raise ValueError(
                f"{folder} belongs to a run with another plan, spec, model or settings. Run in another folder, or "
                "delete this one to start anew."
            )
        if not writes_files():
            return
        with atomic_write(path) as partial:
            partial.write_text(json.dumps({"plan": type(self).__name__, "fingerprint": mine}), encoding="utf-8")

    def _fingerprint(self, spec: BoundSpec, train: BatchPlan) -> str:
        """A SHA-256 of what decides the result, data apart."""
        config = self.config.model_dump(exclude={"tensorboard", "debug"})
        of_plan = (type(self).__name__, self.settings.model_dump(), config)
        of_model = (self.model.__name__, self.hyperparameters, spec.to_config())
        text = json.dumps([*of_plan, *of_model, train.steps_per_epoch], sort_keys=True, default=_described)
        return hashlib.sha256(text.encode()).hexdigest()

    def _execute(self, stage: Stage, number: int) -> Result:
        """Run a stage to its end and put its result away."""
        started = time.perf_counter()
        keras.utils.set_random_seed(self.config.seed)
        result: Result = getattr(self, stage.name)(stage)
        if number == len(self.STAGES) - 1 and not isinstance(result, CTRModel):
            raise TypeError(f"the last stage of a plan returns its model; {type(self).__name__}.{stage.name} does not")
        seconds = time.perf_counter() - started
        stage.finish(result, seconds)
        self._print(number, f"{seconds:.1f} s  {_shown(stage.notes)}")
        return result

    def _print(self, number: int, what: str) -> None:
        """One line a stage."""
        stage = f"{type(self).__name__} {number + 1}/{len(self.STAGES)} {self.STAGES[number]}"
        Console().print(f"{stage:<28} {what}", markup=False, highlight=False, soft_wrap=True)


def _described(value: Any) -> Any:
    """A hyper-parameter that is an object, such as a table's template."""
    if not hasattr(value, "get_config"):
        return str(value)
    return without_names({"class_name": type(value).__name__, "config": value.get_config()})


def _shown(notes: Mapping[str, float | str]) -> str:
    """Figures as people read them."""
    return "  ".join(
        f"{name} {value:,.5g}" if isinstance(value, float) else f"{name} {value}" for name, value in notes.items()
    )

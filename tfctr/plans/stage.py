"""What one stage of a plan works with, and what it leaves behind."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tfctr import training
from tfctr.data._atomic_write import atomic_write
from tfctr.data.batches import BatchPlan, SeededPlan
from tfctr.layers._base import dtype_policy
from tfctr.models import CTRModel
from tfctr.spec import BoundSpec, suggest, table_of
from tfctr.training import FitConfig, FitResult
from tfctr.training._arrays_file import read_arrays, write_arrays
from tfctr.training.steps import Step
from tfctr.training.strategy import is_chief

Arrays: TypeAlias = dict[str, np.ndarray]
"""Named arrays: weights, masks, a choice that was found."""

Result: TypeAlias = CTRModel | Arrays
"""What a stage hands on: a model, or arrays."""

MakeModel: TypeAlias = Callable[..., CTRModel]
"""Keyword arguments that take the place of hyper-parameters -> a fresh built model."""

ARRAYS_FILE, MODEL_FILE, REPORT_FILE, PROGRESS_FILE = "result.npz", "result.keras", "stage.json", "kept.npz"
SNAPSHOT_FILE = "snapshot.npz"

_SHOWN = ("val_auc", "val_logloss", "val_r2", "val_rmse")
"""Figures of a fit that its stage's line shows."""


class Snapshot(keras.callbacks.Callback):
    """Keeps weights as they are at the beginning of an epoch, in a file: a run that is killed later finds them there.

    Args:
        path: The file.
        epoch: From 0.
        weights: Returns them by name.
    """

    def __init__(self, path: Path, epoch: int, weights: Callable[[], Mapping[str, Any]]):
        super().__init__()
        self._path, self._epoch, self._weights = path, epoch, weights

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self._epoch and writes_files():
            arrays = {name: keras.ops.convert_to_numpy(weight) for name, weight in self._weights().items()}
            write_arrays(self._path, arrays)

    def read(self) -> Arrays:
        """Return what was kept.

        Raises:
            ValueError: When the epoch has not begun yet, or the file is damaged.
        """
        return read_arrays(self._path)


class Stage:
    """One stage at work: the data, a maker of models, its folder, and what earlier stages left.

    What earlier stages left is read from their files, also in a run that nothing has interrupted: a run that
    is continued cannot differ from one that went through.

    Args:
        name: Name of the stage, the method of the plan that runs it.
        folder: Where its files lie.
        earlier: Folders of the stages before it, by name.
        spec: Bound spec.
        train: Batches to learn from.
        valid: Data set that decides.
        config: How a model is fitted, unless the stage says otherwise.
        make_model: See `MakeModel`.
        domain_names: Names of domains in the files of fits, see `tfctr.training.evaluate`.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        earlier: dict[str, Path],
        *,
        spec: BoundSpec,
        train: BatchPlan,
        valid: Any,
        config: FitConfig,
        make_model: MakeModel,
        domain_names: Mapping[int, str] | None = None,
    ):
        self.domain_names = domain_names
        self.name, self.folder = name, folder
        self.spec, self.train, self.valid, self.config = spec, train, valid, config
        self.notes: dict[str, float | str] = {}
        self._earlier, self._make_model = earlier, make_model

    def model(self, **changes: Any) -> CTRModel:
        """Return a fresh built model of the run's precision, its weights drawn from the run's seed.

        Args:
            **changes: Take the place of the model's hyper-parameters, such as another table.
        """
        keras.utils.set_random_seed(self.config.seed)
        with dtype_policy(self.config.precision):
            return self._make_model(**changes)

    def fit(
        self,
        model: CTRModel,
        *,
        train: BatchPlan | None = None,
        valid: Any = None,
        config: FitConfig | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        keep: Literal["best", "last"] = "best",
        step: Step | None = None,
        part: str | None = None,
    ) -> FitResult:
        """Train with `tfctr.training.fit`; a killed stage goes on at the step where it stopped.

        Args:
            model: The model; it ends with its best epoch's weights, or the last one's.
            train: Takes the place of the run's batches.
            valid: Takes the place of the run's validation rows.
            config: Takes the place of the run's settings.
            callbacks: Keras callbacks.
            keep: Which epoch's weights the model ends with.
            step: Takes the place of Keras' training step, see `tfctr.training.steps`.
            part: Name of this fit in a stage that has several, each of which is continued on its own.
        """
        result = training.fit(
            model,
            self.train if train is None else train,
            self.valid if valid is None else valid,
            config or self.config,
            self.folder if part is None else self.folder / part,
            tuple(callbacks),
            keep=keep,
            step=step,
            domain_names=self.domain_names,
        )
        figures = {"epochs": len(result.history), **{k: result.best[k] for k in _SHOWN if k in result.best}}
        self.note(**{name if part is None else f"{part}_{name}": value for name, value in figures.items()})
        return result

    def rows(self) -> SeededPlan:
        """Return the run's batches, of which every row is known by its number.

        Raises:
            ValueError: When the run's batches are not of such rows.
        """
        if not isinstance(self.train, SeededPlan):
            raise ValueError(
                f"this plan must tell the training rows apart, which {type(self.train).__name__} cannot; give an "
                "ArrayPlan, a FilePlan or a ParquetPlan"
            )
        return self.train

    def train_and_search(self, share: float) -> tuple[SeededPlan, SeededPlan]:
        """Return the run's training rows in two plans: those that weights learn from, and those of a search.

        Args:
            share: Of the rows in the second plan; the run's seed draws them.

        Raises:
            ValueError: When the run's batches are not of rows that can be told apart, or are too few.
        """
        return self.rows().split(share, seed=self.config.seed)

    def counts(self) -> dict[str, np.ndarray]:
        """Return how often each id stands in the training rows, by vocabulary, float64 ``(rows,)``; reads them once."""
        counts = {name: np.zeros(rows) for name, rows in self.spec.rows.items()}
        features = [(f.name, table_of(f)) for f in self.spec.spec.features if table_of(f) in counts]
        for batch, *_ in self.train.epoch(0):
            for name, vocabulary in features:
                ids, times = np.unique(batch[name], return_counts=True)
                counts[vocabulary][ids] += times
        for of_vocabulary in counts.values():
            of_vocabulary[0] = 0  # padding
        return counts

    def snapshot(self, epoch: int, weights: Callable[[], Mapping[str, Any]]) -> Snapshot:
        """Return a callback that keeps weights as they are at the beginning of an epoch of the stage's fit.

        Args:
            epoch: From 0, which is before training.
            weights: Returns them by name.
        """
        return Snapshot(self.folder / SNAPSHOT_FILE, epoch, weights)

    def arrays(self, stage: str) -> Arrays:
        """Return the arrays that an earlier stage left.

        Raises:
            ValueError: When there is no such stage before this one, or it left a model.
        """
        return read_arrays(self._file_of(stage, ARRAYS_FILE))

    def trained(self, stage: str) -> CTRModel:
        """Return the model that an earlier stage left; `ValueError` as in `arrays`."""
        return read_model(self._file_of(stage, MODEL_FILE))

    def _file_of(self, stage: str, kind: str) -> Path:
        if stage not in self._earlier:
            raise ValueError(
                f"stage {self.name!r} asks for the result of {stage!r}, which is no stage before it"
                f"{suggest(stage, self._earlier)}"
            )
        path = self._earlier[stage] / kind
        if not path.exists():
            raise ValueError(
                f"stage {stage!r} left no {kind}: ask for its {'model' if kind == ARRAYS_FILE else 'arrays'}"
            )
        return path

    def save_progress(self, **arrays: np.ndarray) -> None:
        """Write where a stage that is no fit stands, in place of what it saved before."""
        if writes_files():
            write_arrays(self.folder / PROGRESS_FILE, arrays)

    def load_progress(self) -> Arrays | None:
        """Return what an earlier attempt at this stage saved; None when there was none."""
        path = self.folder / PROGRESS_FILE
        return read_arrays(path) if path.exists() else None

    def note(self, **figures: float | str) -> None:
        """Add figures to the stage's line on the console and to its report."""
        self.notes.update(figures)

    def finish(self, result: Result, seconds: float) -> None:
        """Write the report and then the result, whose presence says that the stage is over."""
        if not writes_files():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        report = {"stage": self.name, "seconds": seconds, **self.notes}
        (self.folder / REPORT_FILE).write_text(json.dumps(report), encoding="utf-8")
        if isinstance(result, keras.Model):
            write_model(self.folder / MODEL_FILE, result)
        else:
            write_arrays(self.folder / ARRAYS_FILE, result)


def writes_files() -> bool:
    """Return whether this process writes the files: of several workers the first one does."""
    return is_chief(tf.distribute.get_strategy())


def result_in(folder: Path) -> Path | None:
    """Return the file of a finished stage's result; None when the stage is not finished."""
    files = (folder / name for name in (ARRAYS_FILE, MODEL_FILE))
    return next((path for path in files if path.exists()), None)


def write_model(path: Path, model: CTRModel) -> None:
    """Write a model aside and rename it, so that half a file is never taken for a whole one."""
    with atomic_write(path) as partial:
        model.save(partial)


def read_model(path: Path) -> CTRModel:
    """Return the model of a file.

    Raises:
        ValueError: When the file is damaged.
    """
    try:
        model: CTRModel = keras.saving.load_model(path)
    except (OSError, ValueError, zipfile.BadZipFile) as error:  # a damaged file is a ValueError "File not found" too
        raise ValueError(f"{path} cannot be read as a model ({error}); delete it to run its stage anew.") from error
    return model

"""`run_study`: every model on every fold of every split, and every criterion of what they answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from tfctr.benchmark.ads._answered import Answered
from tfctr.benchmark.ads._conclude import conclude
from tfctr.benchmark.ads._features import seen_by, study_spec
from tfctr.benchmark.ads._fold import Fold
from tfctr.benchmark.ads._package_models import settings_for
from tfctr.benchmark.ads._study_models import StudyModel, find_model
from tfctr.benchmark.ads._study_rows import StudyRows
from tfctr.benchmark.ads._trial_files import Trial, TrialFiles
from tfctr.benchmark.ads.config import STARS, SplitKind, StudyConfig
from tfctr.benchmark.ads.results import StudyResults
from tfctr.data._fingerprint import table_hash
from tfctr.data._locks import locked
from tfctr.models import MODELS
from tfctr.training.metrics.metric_inputs import Floats

Progress = Callable[[str, int, int], None]
"""Told of each trial: what it is, how many are finished, how many there are."""


def run_study(
    table: pa.Table,
    folder: Path | str,
    config: StudyConfig | None = None,
    *,
    progress: Progress | None = None,
) -> StudyResults:
    """Train and judge all models of a study; what an earlier call in the folder finished is not trained again.

    The transform of each fold is learned from its training rows alone: vocabularies, and the means and deviations of
    numbers. Nothing of a user who is held out is in them.

    Args:
        table: One row a rating, as `read_ads16` gives it.
        folder: Gets a folder `trials` with the answers of each trial.
        config: Settings; None takes the defaults.
        progress: Called before each trial and at the end.

    Raises:
        DataError: When the table lacks a column, or has fewer users, ads or categories than folds.
        StudyError: For a model that there is not, or that the table is not enough for.
    """
    config = config or StudyConfig()
    study = _Study(StudyRows(table), Path(folder), config)
    with locked(study.folder):
        return conclude(study.rows, config, study.answers(progress or (lambda label, done, total: None)))


class _Study:
    """One study: its rows, folds, models and trials."""

    def __init__(self, rows: StudyRows, folder: Path, config: StudyConfig):
        self.rows, self.folder, self.config = rows, folder, config
        self.specs = {split: study_spec(rows, split, config.leave_out) for split in config.splits}
        self.models = {split: [find_model(name, spec) for name in config.models] for split, spec in self.specs.items()}
        self.holdouts = {split: rows.holdouts(split, config) for split in config.splits}
        dealt = config.model_dump(mode="json", include={"folds", "valid_share", "fold_seed", "leave_out"})
        self.files = TrialFiles(folder / "trials", {"table": table_hash(rows.table), **dealt})

    def answers(self, progress: Progress) -> list[Answered]:
        """Return the answers on all rows, each by the fold that held it out, of each model, personality and seed."""
        found: dict[tuple[str, ...], Answered] = {}
        folds = [(split, holdout) for split in self.config.splits for holdout in self.holdouts[split]]
        total = sum(1 for split, holdout in folds for _ in self._trials(split, holdout.fold))
        done = 0
        for split, holdout in folds:
            fold = Fold(self.rows, self.specs[split], holdout, self.config, self.folder)
            try:
                for trial, model in self._trials(split, holdout.fold):
                    progress(trial.label, done, total)
                    run = partial(self._run, fold, trial, model)
                    whole = found.setdefault(trial.over_folds, Answered(trial, model, self.rows))
                    whole.put(holdout, self.files.answers(trial, run))
                    done += 1
            finally:
                fold.close()
        progress("finished", total, total)
        return list(found.values())

    def _trials(self, split: SplitKind, fold: int) -> Iterator[tuple[Trial, StudyModel]]:
        """The trials of a fold; a model that looks at nothing of the user is tried once."""
        for model in self.models[split]:
            for personality in self.config.personality if model.personal else self.config.personality[:1]:
                if not model.fits(seen_by(self.specs[split], personality, model.predicts)):
                    continue
                settings = settings_for(kind, self.config) if (kind := model.name.removesuffix(STARS)) in MODELS else {}
                settings |= {"svr_rows": self.config.svr_rows} if model.name == "rbf-svr" else {}
                for seed in range(self.config.seeds if model.random else 1):
                    yield Trial(split, fold, model.name, personality, seed, settings), model

    def _run(self, fold: Fold, trial: Trial, model: StudyModel) -> Floats:
        return model.predict(fold.splits(trial.personality, model.predicts), self.config, trial.seed)

"""Answers of finished trials, kept in a folder, so that a study that was broken off goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfctr.benchmark.ads.config import Personality, SplitKind
from tfctr.training._arrays_file import read_arrays, write_arrays
from tfctr.training.metrics.metric_inputs import Floats


class Trial(NamedTuple):
    """What decides the answers of a trial, besides table and code.

    Args:
        split: Of the study.
        fold: Its number.
        model: Its name.
        personality: Features.
        seed: Of training.
        settings: Anything else that JSON can hold.
    """

    split: SplitKind
    fold: int
    model: str
    personality: Personality
    seed: int
    settings: Mapping[str, Any]

    @property
    def over_folds(self) -> tuple[str, ...]:
        """What the trials of all folds have in common."""
        return (self.split, self.model, self.personality, str(self.seed))

    @property
    def label(self) -> str:
        """A line for people."""
        return f"{self.split}, fold {self.fold}: {self.model} {self.personality} personality, seed {self.seed}"


class TrialFiles:
    """One file of answers a trial.

    A trial is known by all that decides it, so that another table or other settings never find answers that are not
    theirs. Only the code is not part of it: take a new folder after changing a model.

    Args:
        folder: Gets one file a trial.
        common: What all trials share: the hash of the table, the dealing of folds; anything that JSON can hold.
    """

    def __init__(self, folder: Path, common: Mapping[str, Any]):
        self.folder, self.common = folder, dict(common)

    def path(self, trial: Trial) -> Path:
        """Return the file of a trial, whether it is there or not."""
        decides = json.dumps({**self.common, **trial._asdict()}, sort_keys=True, default=str)
        mark = hashlib.sha256(decides.encode()).hexdigest()[:12]
        return (
            self.folder / f"{trial.split}-fold{trial.fold}-{trial.model}-{trial.personality}-s{trial.seed}-{mark}.npz"
        )

    def answers(self, trial: Trial, run: Callable[[], Floats]) -> Floats:
        """Return the kept answers of a trial, or run it and keep them.

        Raises:
            ValueError: When a kept file is damaged; says that it can be deleted.
        """
        path = self.path(trial)
        if not path.exists():
            write_arrays(path, {"answers": np.asarray(run(), np.float64)})
        return read_arrays(path)["answers"]

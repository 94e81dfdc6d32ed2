"""Finished trials, kept in a folder, so that a benchmark that was broken off or shared out goes on where it was."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfctr.benchmark.trial import Score
from tfctr.data._atomic_write import atomic_write
from tfctr.data._locks import locked

WAIT_SECONDS = 6 * 3600.0
"""A trial of another process is waited for this long."""


class TrialCache:
    """Scores of finished trials as JSON, one file a trial.

    A trial is known by all that decides it, so that other hyper-parameters, another spec or another seed never find a
    score that is not theirs. Only the code is not part of it: take a new folder after changing a model.

    Args:
        folder: Gets one file a trial.
        common: What all trials share, such as the spec; anything that JSON can hold.

    Example:
        >>> import tempfile
        >>> cache = TrialCache(Path(tempfile.mkdtemp()), {"spec": "clicks"})
        >>> cache.score("LR", 0, {"epochs": 1}, lambda: Score("LR", 0, {"auc": 0.7})).figures
        {'auc': 0.7}
        >>> cache.score("LR", 0, {"epochs": 1}, lambda: 1 / 0).figures  # known: not trained again
        {'auc': 0.7}
    """

    def __init__(self, folder: Path, common: Mapping[str, Any]):
        self.folder, self.common = Path(folder), dict(common)

    def score(self, model: str, seed: int, settings: Mapping[str, Any], trial: Callable[[], Score]) -> Score:
        """Return the kept score of a trial, or run it and keep its score.

        Two processes never run the same trial at once: the later one waits and takes the score.

        Args:
            model: Label in the table.
            seed: Of the trial.
            settings: Hyper-parameters, fit settings, batch size; anything that JSON can hold.
            trial: Runs it.
        """
        decided_by = {**self.common, "model": model, "seed": seed, "settings": settings}
        mark = hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:12]
        path = self.folder / f"{model}-seed{seed}-{mark}.json"
        if not path.exists():
            with locked(self.folder / f".{path.stem}", wait_seconds=WAIT_SECONDS):
                if not path.exists():
                    self._keep(path, trial(), decided_by)
        return Score(**json.loads(path.read_text())["score"])

    def _keep(self, path: Path, score: Score, decided_by: Mapping[str, Any]) -> None:
        with atomic_write(path) as partial:
            partial.write_text(json.dumps({"score": dataclasses.asdict(score), "of": decided_by}, indent=2) + "\n")

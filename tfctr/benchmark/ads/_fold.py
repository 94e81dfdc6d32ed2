"""One fold: its transform, learned from its training rows alone, and the rows that models are made and judged with."""

from __future__ import annotations

import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from tfctr.benchmark.ads._features import bound_as, permuted, seen_by
from tfctr.benchmark.ads._study_rows import StudyRows
from tfctr.benchmark.ads.config import Personality, Predicts, StudyConfig
from tfctr.benchmark.trial import Splits
from tfctr.data import Holdout
from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, fit_transform


class Fold:
    """Nothing is learned or transformed before a model asks, so that a fold whose trials are kept costs nothing.

    Args:
        rows: Of the study.
        spec: Of everything that models may see.
        holdout: Which rows are learned from.
        config: Of the study.
        folder: Where the transform lies while the fold is used; `close` takes it away.
    """

    def __init__(self, rows: StudyRows, spec: FeatureSpec, holdout: Holdout, config: StudyConfig, folder: Path):
        self.rows, self.spec, self.holdout, self.config = rows, spec, holdout, config
        self._parent = folder
        self._folder: Path | None = None

    def splits(self, personality: Personality, predicts: Predicts) -> Splits:
        """Return train, deciding and test rows as a model sees them that predicts this."""
        transform, arrays = self._transformed
        if personality == "permuted":
            users = self.rows.codes("user_id")
            arrays = permuted(arrays, users, self.rows.count("user_id"), self.config.fold_seed)
        parts = (self.holdout.train, self.holdout.valid, self.holdout.test)
        train, valid, test = ({name: values[part] for name, values in arrays.items()} for part in parts)
        bound = bound_as(seen_by(self.spec, personality, predicts), transform.bound_spec)
        return Splits(bound, train, valid, test, transform)

    def close(self) -> None:
        """Delete the transform."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @cached_property
    def _transformed(self) -> tuple[TransformOutput, dict[str, NDArray[Any]]]:
        """The transform, and all rows transformed."""
        self._parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=".transform-", dir=self._parent))
        train = self.rows.table.take(pa.array(self.holdout.train))
        transform = fit_transform(self.spec, train, self._folder / "output")
        return transform, transform.transform(self.rows.table)

"""What a model answered on all rows of a study, each row by the fold that held it out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfctr.benchmark.ads._criteria import Answers
from tfctr.benchmark.ads._study_models import StudyModel
from tfctr.benchmark.ads._study_rows import StudyRows
from tfctr.benchmark.ads._trial_files import Trial
from tfctr.data import Holdout
from tfctr.training.metrics.metric_inputs import Floats

LOWEST, HIGHEST = 1.0, 5.0


class Answered:
    """Answers, fold by fold.

    Args:
        trial: Any fold's.
        model: What was trained.
        rows: Of the study.
    """

    def __init__(self, trial: Trial, model: StudyModel, rows: StudyRows):
        self.trial, self.model, self.rows = trial, model, rows
        self.values: Floats = np.full(rows.table.num_rows, np.nan)
        self._fold: NDArray[np.int64] = np.full(rows.table.num_rows, -1)

    def put(self, holdout: Holdout, answers: Floats) -> None:
        """Take the answers on the test rows of a fold."""
        self.values[holdout.test] = answers
        self._fold[holdout.test] = holdout.fold

    def as_answers(self, click_at: float) -> Answers:
        """Return them as criteria take them.

        Predicted stars become the probability ``(stars - 1) / 4``, cut to [0, 1], and a click is expected where they
        are half a star or less below those that a click needs.

        Args:
            click_at: Stars from which on a rating is a click.
        """
        rows, stars = self.rows, self.model.predicts == "stars"
        users = rows.codes("user_id")
        probability = np.clip((self.values - LOWEST) / (HIGHEST - LOWEST), 0, 1) if stars else self.values
        return Answers(
            users=users,
            lists=users * (int(self._fold.max()) + 1) + self._fold,
            ads=rows.codes("ad_id"),
            rating=rows.rating,
            click=rows.click,
            score=self.values,
            probability=probability,
            stars=self.values if stars else None,
            threshold=(click_at - 0.5 - LOWEST) / (HIGHEST - LOWEST) if stars else 0.5,
        )

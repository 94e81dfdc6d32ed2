"""The study of personality in ad recommendation: splits, models with and without the questionnaire, all criteria.

- `config`: what is compared. `study`: `run_study`. `results`: what it found. `report`: as files and tables.
- `_study_rows`: the table and its folds. `_features`: what models see under a split. `_fold`: one fold's transform.
- `_study_models`: models by name; `_linear_models` (of scikit-learn, on a `_design` matrix) and `_package_models`.
- `_trial_files`: answers that are kept. `_answered`: those of all folds. `_criteria`, `_exposure_criteria`: what is
  said of them. `_conclude`: means over seeds, intervals over users, gains.
"""

from tfctr.benchmark.ads.config import SPLITS, StudyConfig, StudyError
from tfctr.benchmark.ads.report import study_markdown, write_study
from tfctr.benchmark.ads.results import StudyFigure, StudyGain, StudyResults
from tfctr.benchmark.ads.study import run_study

__all__ = [
    "SPLITS",
    "StudyConfig",
    "StudyError",
    "StudyFigure",
    "StudyGain",
    "StudyResults",
    "run_study",
    "study_markdown",
    "write_study",
]

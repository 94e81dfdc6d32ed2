"""Metrics of click probabilities, and of durations and numbers, in four layers.

1. Exact functions on numpy arrays, one family a file: `_auc`, `_logloss` (also normalized entropy, RIG), `_gauc`,
   `calibration` (ratio, ECE, curve), `_recalibration` (slope, intercept), `ranking` (NDCG, recall, precision at k),
   `_brier`; `evaluate` gives all of them as one dict. Of durations: `concordance` (C-index), `survival_curves`
   (Kaplan–Meier, life table, Brier score under censoring); `_evaluate_survival` gives them as one dict. Of numbers:
   `_regression` (RMSE, MAE, R²), by the sums of `regression_sums`, which merge.
2. `streaming`: accumulators with bounded memory and a stated error, which merge.
3. `keras_metrics`: metrics for `compile(metrics=...)`; `evaluation_callback`: all figures, GAUC too, after each epoch.
4. `tfma_metrics`, `tfma_survival`, `tfma_regression`: the same numbers on Beam, for the Evaluator and its gate.

`by_domain` has the figures of each domain. `report`, `_roc` and `plots` show figures; `metric_inputs`, `_number_rows`
and `_survival_rows` read what metrics take; `group_mean` averages over groups.
Modules of layer 3 and 4 and `plots` are imported by their own names, because they load Keras, Beam or matplotlib.
"""

from tfctr.training.metrics._auc import auc
from tfctr.training.metrics._brier import brier
from tfctr.training.metrics._evaluate_survival import evaluate_survival, survival_nll
from tfctr.training.metrics._gauc import gauc
from tfctr.training.metrics._logloss import logloss, normalized_entropy, relative_information_gain
from tfctr.training.metrics._recalibration import Recalibration, calibration_slope, recalibration
from tfctr.training.metrics._regression import evaluate_regression, mae, r2, rmse
from tfctr.training.metrics.by_domain import DomainFigures, figures_by_domain
from tfctr.training.metrics.calibration import (
    CalibrationCurve,
    calibration_curve,
    calibration_ratio,
    expected_calibration_error,
)
from tfctr.training.metrics.concordance import concordance_index
from tfctr.training.metrics.evaluate import evaluate_arrays
from tfctr.training.metrics.group_mean import GroupedResult, GroupMean
from tfctr.training.metrics.metric_inputs import undefined_reason
from tfctr.training.metrics.ranking import RankingResult, ranking_at_k
from tfctr.training.metrics.regression_sums import RegressionSums
from tfctr.training.metrics.streaming import (
    BinarySums,
    GroupSample,
    LogitHistogram,
    OrderedGroups,
    StreamingEvaluation,
)
from tfctr.training.metrics.survival_curves import KaplanMeier, life_table, survival_brier

__all__ = [
    "BinarySums",
    "CalibrationCurve",
    "DomainFigures",
    "GroupMean",
    "GroupSample",
    "GroupedResult",
    "KaplanMeier",
    "LogitHistogram",
    "OrderedGroups",
    "RankingResult",
    "Recalibration",
    "RegressionSums",
    "StreamingEvaluation",
    "auc",
    "brier",
    "calibration_curve",
    "calibration_ratio",
    "calibration_slope",
    "concordance_index",
    "evaluate_arrays",
    "evaluate_regression",
    "evaluate_survival",
    "expected_calibration_error",
    "figures_by_domain",
    "gauc",
    "life_table",
    "logloss",
    "mae",
    "normalized_entropy",
    "r2",
    "ranking_at_k",
    "recalibration",
    "relative_information_gain",
    "rmse",
    "survival_brier",
    "survival_nll",
    "undefined_reason",
]

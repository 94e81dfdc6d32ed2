"""Metrics of clicks, numbers and lists, in four layers.

1. Exact functions on numpy arrays, one family a file.
   - Of probabilities: `_auc`, `_logloss` (also normalized entropy, RIG), `_gauc`, `calibration` (ratio, ECE, curve),
     `_recalibration` (slope, intercept), `_brier`; `evaluate` gives all of them as one dict.
   - Of decisions and first rows: `_confusion`, `precision_recall`, `_roc`.
   - Of numbers: `_regression` (RMSE, MAE, R²), by the sums of `regression_sums`, which merge; `rating` has the rest.
   - Of each user's list: `ranking` (NDCG, recall, precision at k), `ranked_lists` (hit rate, MRR, MAP, graded NDCG,
     R-score), `rank_agreement` (Kendall, Spearman, NDPM).
   - Of what is shown: `_top_lists`, `beyond_accuracy` (coverage, Gini index, entropy, novelty, diversity, serendipity).
   - Of durations: `concordance` (C-index), `survival_curves` (Kaplan–Meier, life table, Brier score under censoring);
     `_evaluate_survival` gives them as one dict.
   - How sure a figure is: `_bootstrap`, `_permutation`, `_delong`.
2. `streaming`: accumulators with bounded memory and a stated error, which merge; what does not stream is told there.
3. `keras_metrics`: metrics for `compile(metrics=...)`; `evaluation_callback`: all figures, GAUC too, after each epoch.
4. `tfma_metrics`, `tfma_survival`, `tfma_regression`: the same numbers on Beam, for the Evaluator and its gate.

`sum_metric` and `group_metric` make of one definition a value, a mean over users, a stream and an interval;
`by_domain` has the figures of each domain. `report` and `plots` show figures; `metric_inputs`, `_number_rows`,
`_kinds_of_rows` and `_survival_rows` read what metrics take; `group_mean` averages over groups. `_score_cells`,
`_ranked_groups`, `_list_values`, `_pair_counts` and `_probability_metrics` are what the functions above are made of.
Modules of layer 3 and 4 and `plots` are imported by their own names, because they load Keras, Beam or matplotlib.
"""

from tfctr.training.metrics._auc import auc
from tfctr.training.metrics._bootstrap import Interval, Resampled, bootstrap, difference, interval_of, mean_of, resample
from tfctr.training.metrics._brier import brier
from tfctr.training.metrics._confusion import Confusion, confusion, threshold_metrics
from tfctr.training.metrics._delong import DeLongResult, delong_test
from tfctr.training.metrics._evaluate_survival import evaluate_survival, survival_nll
from tfctr.training.metrics._gauc import gauc
from tfctr.training.metrics._logloss import logloss, normalized_entropy, relative_information_gain
from tfctr.training.metrics._permutation import PermutationResult, paired_permutation_test
from tfctr.training.metrics._probability_metrics import probability_metrics
from tfctr.training.metrics._recalibration import Recalibration, calibration_slope, recalibration
from tfctr.training.metrics._regression import evaluate_regression, mae, r2, rmse
from tfctr.training.metrics._roc import ROCCurve, roc_curve
from tfctr.training.metrics._top_lists import TopLists, top_lists
from tfctr.training.metrics.beyond_accuracy import (
    catalogue_coverage,
    exposure_entropy,
    exposures,
    gini_index,
    intra_list_diversity,
    novelty,
    serendipity,
    user_coverage,
)
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
from tfctr.training.metrics.group_metric import GroupMetric
from tfctr.training.metrics.metric_inputs import undefined_reason
from tfctr.training.metrics.precision_recall import auc_resampled, lift_at, pr_auc, pr_auc_resampled
from tfctr.training.metrics.rank_agreement import agreement_metrics, kendall_tau, ndpm, pearson, spearman
from tfctr.training.metrics.ranked_lists import (
    graded_list_metrics,
    graded_ndcg,
    half_life_utility,
    hit_rate_at_k,
    list_metrics,
    mean_average_precision,
    mean_reciprocal_rank,
)
from tfctr.training.metrics.ranking import RankingResult, ranking_at_k
from tfctr.training.metrics.rating import mse, nmae, rating_metrics
from tfctr.training.metrics.regression_sums import RegressionSums
from tfctr.training.metrics.streaming import (
    BinarySums,
    ExposureCounts,
    GroupSample,
    GroupStream,
    LogitHistogram,
    OrderedGroups,
    StreamingEvaluation,
    SumStream,
)
from tfctr.training.metrics.sum_metric import SumMetric
from tfctr.training.metrics.survival_curves import KaplanMeier, life_table, survival_brier

__all__ = [
    "BinarySums",
    "CalibrationCurve",
    "Confusion",
    "DeLongResult",
    "DomainFigures",
    "ExposureCounts",
    "GroupMean",
    "GroupMetric",
    "GroupSample",
    "GroupStream",
    "GroupedResult",
    "Interval",
    "KaplanMeier",
    "LogitHistogram",
    "OrderedGroups",
    "PermutationResult",
    "ROCCurve",
    "RankingResult",
    "Recalibration",
    "RegressionSums",
    "Resampled",
    "StreamingEvaluation",
    "SumMetric",
    "SumStream",
    "TopLists",
    "agreement_metrics",
    "auc",
    "auc_resampled",
    "bootstrap",
    "brier",
    "calibration_curve",
    "calibration_ratio",
    "calibration_slope",
    "catalogue_coverage",
    "concordance_index",
    "confusion",
    "delong_test",
    "difference",
    "evaluate_arrays",
    "evaluate_regression",
    "evaluate_survival",
    "expected_calibration_error",
    "exposure_entropy",
    "exposures",
    "figures_by_domain",
    "gauc",
    "gini_index",
    "graded_list_metrics",
    "graded_ndcg",
    "half_life_utility",
    "hit_rate_at_k",
    "interval_of",
    "intra_list_diversity",
    "kendall_tau",
    "life_table",
    "lift_at",
    "list_metrics",
    "logloss",
    "mae",
    "mean_average_precision",
    "mean_of",
    "mean_reciprocal_rank",
    "mse",
    "ndpm",
    "nmae",
    "normalized_entropy",
    "novelty",
    "paired_permutation_test",
    "pearson",
    "pr_auc",
    "pr_auc_resampled",
    "probability_metrics",
    "r2",
    "ranking_at_k",
    "rating_metrics",
    "recalibration",
    "relative_information_gain",
    "resample",
    "rmse",
    "roc_curve",
    "serendipity",
    "spearman",
    "survival_brier",
    "survival_nll",
    "threshold_metrics",
    "top_lists",
    "undefined_reason",
    "user_coverage",
]

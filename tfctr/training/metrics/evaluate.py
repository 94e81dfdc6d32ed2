"""All figures of a set of predictions in one dict, exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfctr.training.metrics._auc import auc
from tfctr.training.metrics._brier import brier
from tfctr.training.metrics._gauc import group_auc_mean
from tfctr.training.metrics._logloss import logloss, loss_over_entropy
from tfctr.training.metrics._recalibration import recalibration
from tfctr.training.metrics.calibration import calibration_ratio, expected_calibration_error
from tfctr.training.metrics.group_mean import GroupedResult
from tfctr.training.metrics.metric_inputs import read_groups, read_rows
from tfctr.training.metrics.ranking import RankingResult, ranking_of_rows


def evaluate_arrays(
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    ks: Sequence[int] = (),
) -> dict[str, float]:
    """Every metric of the package on arrays that fit in memory.

    For more rows than memory holds: `tfctr.training.metrics.streaming.StreamingEvaluation`, same keys.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: In [0, 1], same number of rows.
        groups: Key of each row's group; with it GAUC (by impressions) and the ranking metrics are included.
        weights: Row weights, at least 0; None means 1 each.
        ks: Depths of NDCG, recall and precision, when groups are given.

    Returns:
        rows, mean_label, mean_prediction, auc, logloss, normalized_entropy, rig, brier, ece (equal width), ece_mass,
        calibration_ratio, calibration_slope, calibration_intercept; with groups also gauc,
        gauc_skipped_groups_share, gauc_skipped_rows_share and, for each k, ndcg@k, recall@k, precision@k.
        What is undefined is NaN (`undefined_reason` says why).

    Raises:
        ValueError: Shapes differ, a label is not 0 or 1, a probability is outside [0, 1], or a weight is negative.

    Example:
        >>> figures = evaluate_arrays([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8], groups=["A", "A", "B", "B"])
        >>> figures["auc"], figures["gauc"], round(figures["logloss"], 4)
        (0.875, 1.0, 0.4389)
    """
    rows = read_rows(labels, probabilities, weights)
    y, p, w = rows
    total = rows.total or float("nan")
    mean_label, loss = rows.positives / total, logloss(y, p, w)
    entropy = loss_over_entropy(loss, mean_label)
    fit = recalibration(y, p, w)
    figures = {
        "rows": float(len(y)),
        "mean_label": mean_label,
        "mean_prediction": float(np.sum(w * p)) / total,
        "auc": auc(y, p, w),
        "logloss": loss,
        "normalized_entropy": entropy,
        "rig": 1 - entropy,
        "brier": brier(y, p, w),
        "ece": expected_calibration_error(y, p, w),
        "ece_mass": expected_calibration_error(y, p, w, binning="mass"),
        "calibration_ratio": calibration_ratio(y, p, w),
        "calibration_slope": fit.slope,
        "calibration_intercept": fit.intercept,
    }
    if groups is not None:
        keys = read_groups(groups, weights, len(np.atleast_1d(np.asarray(labels))))
        rankings = [ranking_of_rows(keys, rows, k) for k in ks]
        figures |= group_figures(group_auc_mean(keys, rows).result(), rankings)
    return figures


def group_figures(gauc: GroupedResult, rankings: Sequence[RankingResult]) -> dict[str, float]:
    """GAUC and ranking metrics under their names in `evaluate_arrays`."""
    figures = {
        "gauc": gauc.value,
        "gauc_skipped_groups_share": gauc.skipped_groups_share,
        "gauc_skipped_rows_share": gauc.skipped_rows_share,
    }
    for ranking in rankings:
        figures[f"ndcg@{ranking.k}"] = ranking.ndcg.value
        figures[f"recall@{ranking.k}"] = ranking.recall.value
        figures[f"precision@{ranking.k}"] = ranking.precision.value
    return figures

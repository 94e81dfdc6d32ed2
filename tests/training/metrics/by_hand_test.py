"""Six ratings, worked out by hand: what every criterion says of them."""

from __future__ import annotations

import numpy as np
import pytest

from tfctr.training import metrics

STARS = np.array([5, 3, 1, 4, 2, 4.0])
PREDICTED = np.array([4.5, 3.5, 2, 3, 2.5, 4])
CLICKS = (STARS >= 4).astype(float)
CHANCES = (PREDICTED - 1) / 4
DECIDED = metrics.confusion(CLICKS, PREDICTED, threshold=3.5)
FIRST3 = metrics.ranking_at_k(CLICKS, PREDICTED, np.zeros(6), k=3)

FIGURES = {
    "MAE": (metrics.mae(STARS, PREDICTED), 0.583333),
    "MSE": (metrics.mse(STARS, PREDICTED), 0.458333),
    "RMSE": (metrics.rmse(STARS, PREDICTED), 0.677003),
    "NMAE": (metrics.nmae(STARS, PREDICTED), 0.145833),
    "Pearson": (metrics.pearson(STARS, PREDICTED).value, 0.907841),
    "Spearman": (metrics.spearman(STARS, PREDICTED).value, 0.898645),
    "Kendall tau-b": (metrics.kendall_tau(STARS, PREDICTED).value, 0.828079),
    "AUC": (metrics.auc(CLICKS, PREDICTED), 0.888889),
    "precision": (DECIDED.precision, 0.666667),
    "recall": (DECIDED.recall, 0.666667),
    "F1": (DECIDED.f1, 0.666667),
    "accuracy": (DECIDED.accuracy, 0.666667),
    "FPR": (DECIDED.false_positive_rate, 0.333333),
    "log-loss": (metrics.logloss(CLICKS, CHANCES), 0.475479),
    "Brier": (metrics.brier(CLICKS, CHANCES), 0.153646),
    "NDCG@3": (metrics.graded_ndcg(STARS, PREDICTED, k=3).value, 0.916604),
    "NDCG@6": (metrics.graded_ndcg(STARS, PREDICTED, k=6).value, 0.989436),
    "AP": (metrics.mean_average_precision(CLICKS, PREDICTED).value, 0.916667),
    "RR": (metrics.mean_reciprocal_rank(CLICKS, PREDICTED).value, 1.0),
    "P@3": (FIRST3.precision.value, 0.666667),
    "R@3": (FIRST3.recall.value, 0.666667),
    "Gini": (metrics.gini_index([4, 3, 2, 1, 0]), 0.4),
    "coverage": (metrics.catalogue_coverage([[0, 1, 2, 3], [0, 1, 2, -1], [0, 1, -1, -1], [0, -1, -1, -1]], 5), 0.8),
    "entropy": (metrics.exposure_entropy([4, 3, 2, 1, 0]), 1.279854),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_number(name: str) -> None:
    found, expected = FIGURES[name]
    assert found == pytest.approx(expected, abs=5e-7)

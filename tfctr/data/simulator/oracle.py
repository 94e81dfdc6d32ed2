"""Figures of the true probability: what no model can beat, up to the luck of the draw."""

from __future__ import annotations

import numpy as np


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the share of (1, 0) pairs that are ranked rightly, ties half; NaN when one class is absent.

    Example:
        >>> auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
        0.75
    """
    positives = int(np.sum(labels == 1))
    return _weighted_auc(positives=(labels == 1).astype(np.float64), scores=scores) if positives else float("nan")


def expected_auc(probability: np.ndarray) -> float:
    """Return the AUC that ranking by the true probability has on average over draws of the labels.

    E[right pairs] / E[pairs], which differs from the expected ratio by O(1 / rows).
    """
    return _weighted_auc(positives=probability, scores=probability)


def logloss(labels: np.ndarray, probability: np.ndarray) -> float:
    """Return the mean negative log likelihood, nats; probabilities are cut to [1e-15, 1 - 1e-15]."""
    clipped = np.clip(probability.astype(np.float64), 1e-15, 1 - 1e-15)
    return float(-np.mean(labels * np.log(clipped) + (1 - labels) * np.log1p(-clipped)))


def expected_logloss(probability: np.ndarray) -> float:
    """Return the mean entropy of the labels, nats: the logloss of the truth averaged over draws of the labels."""
    return logloss(probability, probability)


def _weighted_auc(positives: np.ndarray, scores: np.ndarray) -> float:
    """AUC where row i is a positive of weight `positives[i]` and a negative of weight 1 - `positives[i]`."""
    _, groups = np.unique(scores, return_inverse=True)
    positive = np.bincount(groups, weights=positives)
    negative = np.bincount(groups, weights=1 - positives)
    below = np.concatenate([[0.0], np.cumsum(negative)[:-1]])
    pairs = positive.sum() * negative.sum()
    return float((positive * (below + 0.5 * negative)).sum() / pairs) if pairs > 0 else float("nan")

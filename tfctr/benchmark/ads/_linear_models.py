"""The baselines of the papers: how popular an ad is, logistic regression, support vector regression."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVR, LinearSVR

from tfctr.benchmark.ads._design import DesignMatrix
from tfctr.benchmark.ads.config import StudyConfig
from tfctr.benchmark.trial import Splits
from tfctr.training._baselines import Popularity
from tfctr.training.metrics import logloss, rmse
from tfctr.training.metrics.metric_inputs import Floats

PENALTIES = (0.01, 0.1, 1.0)
"""Inverse strengths of the penalty that are tried; the deciding rows choose."""


def popularity(fold: Splits, config: StudyConfig, seed: int) -> Floats:
    """How often an ad was clicked in training; where no ad was met, how often its category was."""
    for name in ("ad_id", "category"):
        if name in fold.train:
            return Popularity().fit(fold.train[name], fold.train["click"]).predict(fold.test[name])
    return np.full(len(fold.test["click"]), float(np.mean(fold.train["click"])))


def logistic(fold: Splits, config: StudyConfig, seed: int, *, crossed: bool = False) -> Floats:
    """Click probabilities of logistic regression with an L2 penalty."""

    def fitted(penalty: float, x: Any, y: NDArray[Any]) -> Callable[[Any], Floats]:
        model = LogisticRegression(C=penalty, max_iter=500).fit(x, y)
        return lambda rows: np.asarray(model.predict_proba(rows)[:, 1], np.float64)

    return _chosen(fold, DesignMatrix(fold.spec, crossed=crossed), "click", fitted, logloss)


def linear_svr(fold: Splits, config: StudyConfig, seed: int) -> Floats:
    """Stars of linear support vector regression with an L2 penalty and squared loss outside the tube."""

    def fitted(penalty: float, x: Any, y: NDArray[Any]) -> Callable[[Any], Floats]:
        model = LinearSVR(C=penalty, loss="squared_epsilon_insensitive", dual=True, max_iter=2000, random_state=seed)
        model.fit(x, y)
        return lambda rows: np.asarray(model.predict(rows), np.float64)

    return _chosen(fold, DesignMatrix(fold.spec), "stars", fitted, rmse)


def rbf_svr(fold: Splits, config: StudyConfig, seed: int) -> Floats:
    """Stars of support vector regression with a Gaussian kernel, learned from at most `svr_rows` rows."""

    def fitted(penalty: float, x: Any, y: NDArray[Any]) -> Callable[[Any], Floats]:
        rows = np.random.default_rng([seed, len(y)]).permutation(len(y))[: config.svr_rows]
        model = SVR(C=10 * penalty).fit(x[rows], y[rows])
        return lambda others: np.asarray(model.predict(others), np.float64)

    return _chosen(fold, DesignMatrix(fold.spec), "stars", fitted, rmse, PENALTIES[1:])


def _chosen(
    fold: Splits,
    design: DesignMatrix,
    label: str,
    fitted: Callable[[float, Any, NDArray[Any]], Callable[[Any], Floats]],
    loss: Callable[[NDArray[Any], Floats], float],
    penalties: Sequence[float] = PENALTIES,
) -> Floats:
    """Answers on the test rows with the penalty that is best on the deciding ones."""
    train, valid, test = (design(rows) for rows in (fold.train, fold.valid, fold.test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the deciding rows say whether it is good enough
        models = [fitted(penalty, train, fold.train[label]) for penalty in penalties]
    losses = [loss(fold.valid[label], model(valid)) for model in models]
    return models[int(np.argmin(losses))](test)

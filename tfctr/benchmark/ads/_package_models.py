"""Models of the package with settings for a few thousand rows: narrow, penalised, stopped early."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfctr.benchmark.ads.config import StudyConfig
from tfctr.benchmark.protocols import settings_of
from tfctr.benchmark.trial import Splits, make_model
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.training import FitConfig, fit, predictions
from tfctr.training.metrics.metric_inputs import Floats

EVALUATED_ROWS = 8192
"""Rows that a model answers at once."""

SMALL: dict[str, dict[str, Any]] = {
    "all": {
        "embedding_dim": 8,
        "embedding_l2": 1e-3,
        "batch_size": 256,
        "fit": {"epochs": 20, "learning_rate": 5e-3, "patience": 2, "monitor": "logloss"},
    },
    "LR": {"embedding_l2": 1e-4},
    "DNN": {"hidden_units": (32, 16), "dropout_rate": 0.2},
    "WideDeep": {"hidden_units": (32, 16), "dropout_rate": 0.2},
    "DeepFM": {"hidden_units": (32, 16), "dropout_rate": 0.2},
    "DCNv2": {"hidden_units": (32, 16), "num_cross_layers": 2, "dropout_rate": 0.2},
    "FinalMLP": {"hidden_units1": (32, 16), "hidden_units2": (32, 16), "gate_units": (16,), "num_heads": 2},
    "AutoInt": {"num_layers": 2, "head_dim": 8},
}
"""120 users are few: what trains well on millions of rows learns these by heart."""


def settings_for(name: str, config: StudyConfig) -> dict[str, Any]:
    """Return hyper-parameters, `batch_size` and `fit` of a model: the small defaults, then those of the study."""
    chosen: dict[str, Any] = {}
    for source in (SMALL, config.settings):
        own = settings_of(source, name)
        chosen = {**chosen, **own, "fit": {**chosen.get("fit", {}), **own.get("fit", {})}}
    return chosen


def package_model(fold: Splits, config: StudyConfig, seed: int, *, name: str) -> Floats:
    """Answers of a model of `MODELS`, clicks or stars as its spec says, at the epoch best on the deciding rows."""
    hyperparameters = settings_for(name, config)
    batch_size, fit_settings = hyperparameters.pop("batch_size"), hyperparameters.pop("fit")
    settings = FitConfig(**{**fit_settings, "seed": seed})
    model = make_model(fold, name, hyperparameters, settings.precision, seed)
    train = ArrayPlan(fold.train, fold.spec, batch_size=batch_size, seed=seed)
    fit(model, train, _dataset(fold.valid, fold), settings)
    answers = predictions(model, _dataset(fold.test, fold))[fold.spec.spec.tasks[0].name]
    return np.asarray(answers.probabilities, np.float64)


def _dataset(rows: Mapping[str, np.ndarray], fold: Splits) -> Any:
    return array_dataset(rows, fold.spec, batch_size=EVALUATED_ROWS)

"""What a model must beat: how often an item is liked at all, and logistic regression."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tfctr.data.batches import FilePlan, transformed_dataset
from tfctr.spec import FeatureSpec
from tfctr.training import FitConfig, fit
from tfctr.training._baselines import Popularity
from tfctr.training.metrics import auc, logloss
from tfctr.transform import TransformOutput
from tfx_pipeline.components.outcomes import outcomes_of
from tfx_pipeline.modules.trainer_module import make_model
from tfx_pipeline.parity_check import model_probabilities

BATCH_SIZE = 1024


@dataclass(frozen=True)
class Score:
    """How well a model does on the test rows."""

    name: str
    auc: float
    logloss: float


def score(name: str, labels: np.ndarray, probabilities: np.ndarray) -> Score:
    """Return AUC and logloss of probabilities."""
    return Score(name, auc(labels, probabilities), logloss(labels, probabilities))


def labels_of(rows: pa.Table, spec: FeatureSpec) -> NDArray[np.float64]:
    """Return the 0/1 labels of the first task, float64 ``(rows,)``."""
    outcome = outcomes_of(spec)[0]
    values = outcome.values(rows.combine_chunks().to_batches()[0])[outcome.label_column]
    return np.asarray(values, np.float64)


def popularity(train: pa.Table, test: pa.Table, spec: FeatureSpec, column: str) -> Score:
    """Predict each item's smoothed share of positives among the training rows.

    Args:
        train: Raw rows to count.
        test: Raw rows to predict.
        spec: Tells the labels.
        column: Raw column with the item.
    """
    rates = Popularity().fit(np.asarray(train.column(column)), labels_of(train, spec))
    probabilities = rates.predict(np.asarray(test.column(column)))
    return score("popularity", labels_of(test, spec), probabilities)


def logistic_regression(transformed: Path, test: pa.Table, transform: TransformOutput, seed: int) -> Score:
    """Train `LR` on the very rows and features of the pipeline's model, and score it on test rows.

    Args:
        transformed: Folder with ``Split-train`` and ``Split-valid`` of transformed examples.
        test: Raw rows.
        transform: The pipeline's transform.
        seed: Of weights and order of rows.
    """
    settings = FitConfig(epochs=15, learning_rate=5e-3, monitor="logloss", seed=seed)
    return from_scratch("LR", {}, settings, BATCH_SIZE, transformed, test, transform)


def from_scratch(
    name: str,
    hyperparameters: dict[str, Any],
    settings: FitConfig,
    batch_size: int,
    transformed: Path,
    test: pa.Table,
    transform: TransformOutput,
) -> Score:
    """Train a model on the very rows and features of the pipeline's, and score it on test rows.

    Args:
        name: Of the model.
        hyperparameters: Its arguments.
        settings: How it is trained; the seed is that of its weights and of the order of rows.
        batch_size: Rows in a batch.
        transformed: Folder with ``Split-train`` and ``Split-valid`` of transformed examples.
        test: Raw rows.
        transform: The pipeline's transform.
    """
    spec = transform.spec
    model = make_model(name, hyperparameters, transform, settings.seed)
    train = FilePlan(transformed / "Split-train", spec, batch_size=batch_size, seed=settings.seed)
    fit(model, train, transformed_dataset(transformed / "Split-valid", spec, batch_size=8192), settings)
    probabilities = model_probabilities(model, transform.transform(test), spec)[spec.tasks[0].name]
    return score(name, labels_of(test, spec), probabilities.reshape(-1).astype(np.float64))

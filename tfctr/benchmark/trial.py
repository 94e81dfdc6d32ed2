"""One model, one seed, one data set: trained on train, chosen on valid, judged once on test."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfctr.data import load_split, prepare
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.layers._base import dtype_policy
from tfctr.layers.embedding import FullTable, TableL2
from tfctr.models import MODELS, CTRModel
from tfctr.spec import BoundSpec, FeatureSpec
from tfctr.spec.feature_spec import GROUP_NAME
from tfctr.training import FitConfig, evaluate, fit
from tfctr.training._baselines import Popularity
from tfctr.training.metrics import evaluate_arrays
from tfctr.transform import TransformOutput, fit_transform

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Splits:
    """The transformed rows of a data set.

    Attributes:
        spec: The bound spec.
        train, valid, test: Transformed tensors by name.
        transform: What made them.
    """

    spec: BoundSpec
    train: Arrays
    valid: Arrays
    test: Arrays
    transform: TransformOutput


@dataclass(frozen=True)
class Score:
    """What a trial gave on the test rows.

    Attributes:
        model: Label of the model in tables.
        seed: Of weights, order of rows and dropout.
        figures: As `evaluate_arrays` gives them.
        epochs: Epochs trained; `best_epoch` counts from 1.
        seconds: Wall-clock of training, validation included; `seconds_to_best` up to the best epoch.
        parameters: Trained numbers.
    """

    model: str
    seed: int
    figures: dict[str, float]
    epochs: int = 0
    best_epoch: int = 0
    seconds: float = 0.0
    seconds_to_best: float = 0.0
    parameters: int = 0


def load_splits(spec: FeatureSpec, source: str, workdir: Path) -> Splits:
    """Fetch, split and transform a data set; vocabularies come from the training rows alone."""
    prepared = prepare(spec, source, workdir / "data")
    train = load_split(prepared.train)
    transform = fit_transform(spec, train, workdir / "transform")
    valid, test = (transform.transform(load_split(folder)) for folder in (prepared.valid, prepared.test))
    return Splits(transform.bound_spec, transform.transform(train), valid, test, transform)


def run_trial(
    splits: Splits,
    model_name: str,
    hyperparameters: Mapping[str, Any],
    config: FitConfig,
    *,
    batch_size: int,
    seed: int,
    label: str = "",
) -> Score:
    """Train one model of `MODELS` and judge its best epoch on the test rows."""
    model = make_model(splits, model_name, hyperparameters, config.precision, seed)
    train = ArrayPlan(splits.train, splits.spec, batch_size=batch_size, seed=seed)
    valid, test = (array_dataset(rows, splits.spec, batch_size=8192) for rows in (splits.valid, splits.test))
    started = time.perf_counter()
    result = fit(model, train, valid, config)
    seconds = time.perf_counter() - started
    to_best = sum(row["seconds"] for row in result.history[: result.best_epoch + 1])
    figures = evaluate(model, test)
    epochs, best = len(result.history), result.best_epoch + 1
    return Score(label or model_name, seed, figures, epochs, best, seconds, to_best, model.count_params())


def make_model(
    splits: Splits, model_name: str, hyperparameters: Mapping[str, Any], precision: str, seed: int
) -> CTRModel:
    """Return the built model of a trial, with the counts of the training rows for penalties that use them."""
    keras.utils.set_random_seed(seed)
    with dtype_policy(precision):
        model = MODELS[model_name](splits.spec, **with_objects(hyperparameters))
        model.build()
    model.set_counts({table: splits.transform.vocabulary_counts(table) for table in splits.spec.spec.tables})
    return model


def with_objects(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the two settings of published protocols that are no plain arguments into what models take.

    `initial_stddev` is the spread of embedding rows before training; `table_l2` a penalty on the whole table.
    """
    options = dict(hyperparameters)
    stddev, table_l2 = options.pop("initial_stddev", None), options.pop("table_l2", 0.0)
    if stddev is not None:
        options["table"] = FullTable(initializer=keras.initializers.RandomNormal(stddev=stddev))
    if table_l2:
        options["embedding_l2"] = TableL2(table_l2)
    return options


def popularity_trial(splits: Splits, item: str) -> Score:
    """Judge the popularity baseline of the first task on the test rows; `item` is the candidate's id feature."""
    task = splits.spec.spec.tasks[0].name
    popularity = Popularity().fit(splits.train[item], splits.train[task])
    predicted = popularity.predict(splits.test[item])
    figures = evaluate_arrays(splits.test[task], predicted, groups=splits.test.get(GROUP_NAME))
    prefix = f"{task}_" if len(splits.spec.spec.tasks) > 1 else ""
    return Score("popularity", 0, {f"{prefix}{name}": value for name, value in figures.items()})

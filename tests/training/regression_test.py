"""Numbers through the fit driver: any unit, masks, several tasks, what decides, precision, saving."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.planted_rows import ITEMS, SPEC, USERS, arrays
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import DNN, ESMM, CreativeSurvival, CTRModel, SharedBottom
from tfctr.spec import BoundSpec, FeatureSpec, LabelScale, SpecError
from tfctr.training import FitConfig, FitResult, evaluate, fit
from tfctr.training.metrics import evaluate_regression

RATING = {"kind": "regression", "name": "rating", "label": "stars"}
STARS, DOLLARS = LabelScale(mean=3.5, deviation=1.1), LabelScale(mean=20_000, deviation=9_000)
AS_IT_IS = LabelScale(mean=0, deviation=1)
SEEDS = pytest.mark.parametrize("seed", range(3))


def bound(scale: LabelScale = STARS, *others: dict[str, Any], **task: Any) -> BoundSpec:
    tasks = [{**RATING, **task}, *others]
    spec = FeatureSpec.model_validate({**SPEC.model_dump(), "tasks": tasks})
    return spec.bind({"user": USERS, "item": ITEMS}, {"rating": scale})


@functools.cache
def rows(number: int = 2400, seed: int = 0, unit: LabelScale = STARS) -> dict[str, np.ndarray]:
    """The planted rows with a number, and a click, that follow what a user and an item are worth, and noise."""
    made = arrays(number, seed)
    of_user, of_item = np.random.default_rng(7).normal(size=USERS), np.random.default_rng(8).normal(size=ITEMS)
    score = (of_user[made["user"]] + of_item[made["item"]]) / 1.4
    rng = np.random.default_rng(seed + 90)
    number_of = unit.mean + unit.deviation * (score + rng.normal(0, 0.3, number))
    click = rng.random(number) < 1 / (1 + np.exp(-2 * score))
    return {**made, "rating": number_of.astype("float32"), "click": click.astype("float32")}


def trained(
    spec: BoundSpec, train: dict, valid: dict, seed: int = 0, model: type[CTRModel] = DNN, **options: Any
) -> tuple[CTRModel, FitResult]:
    keras.utils.set_random_seed(seed)
    workdir, made = options.pop("workdir", None), options.pop("model_options", {"hidden_units": (16,)})
    built = model(spec, embedding_dim=4, **made)
    plan = ArrayPlan(train, spec, batch_size=128, seed=seed)
    config = FitConfig(**{"epochs": 3, "learning_rate": 0.03, "patience": 9, **options})
    return built, fit(built, plan, array_dataset(valid, spec, batch_size=256), config, workdir)


def explained(unit: LabelScale, scale: LabelScale, seed: int) -> float:
    """R² of a model of labels in a unit, trained with a scale."""
    return trained(bound(scale), rows(unit=unit), rows(600, 1, unit), seed)[1].best["val_r2"]


@SEEDS
def test_dollars_are_learned_and_as_they_are_they_are_not(seed: int) -> None:
    assert explained(DOLLARS, DOLLARS, seed) > 0.6
    assert explained(DOLLARS, AS_IT_IS, seed) < 0


def test_stars_train_as_dollars_do() -> None:
    assert explained(STARS, STARS, 0) == pytest.approx(explained(DOLLARS, DOLLARS, 0), abs=0.01)


@SEEDS
def test_rare_huge_labels_rule_the_squared_error_and_not_huber_s(seed: int) -> None:
    """One in fifty labels is a slip of the keyboard; the judges are rows without slips."""
    spoilt = rows()["rating"] + np.where(np.arange(2400) % 50, 0, 60).astype("float32")
    scale = LabelScale(mean=float(spoilt.mean()), deviation=float(spoilt.std()))
    train = {**rows(), "rating": spoilt}
    error = {
        loss["loss"]: trained(bound(scale, **loss), train, rows(600, 1), seed)[1].history[-1]["val_mae"]
        for loss in ({"loss": "mse"}, {"loss": "huber", "delta": 1.0})
    }
    assert error["huber"] < 0.7 * error["mse"]


def test_figures_of_an_epoch_and_what_decides() -> None:
    model, result = trained(bound(), rows(), rows(600, 1))
    names = ("rows", "mean_label", "mean_prediction", "rmse", "mae", "r2", "relative_error")
    assert {f"val_{name}" for name in names} <= set(result.best)
    assert result.best_epoch == int(np.argmax([row["val_r2"] for row in result.history]))
    data = array_dataset(rows(600, 1), bound(), batch_size=256)
    answers = np.concatenate([model(features, training=False) for features, _ in data])
    expected = evaluate_regression(rows(600, 1)["rating"], answers)
    assert evaluate(model, data) == pytest.approx(expected, rel=1e-6)
    assert result.history[-1]["loss"] < result.history[0]["loss"] < 1.2  # always the mean would be 1


def test_the_error_can_decide_and_groups_cannot() -> None:
    result = trained(bound(), rows(), rows(600, 1), monitor="logloss")[1]
    assert result.best_epoch == int(np.argmin([row["val_relative_error"] for row in result.history]))
    with pytest.raises(ValueError, match="gauc cannot be computed on the validation rows"):
        trained(bound(), rows(), rows(600, 1), epochs=1, monitor="gauc")


def test_a_model_that_has_learned_nothing_answers_the_mean() -> None:
    model = DNN(bound(DOLLARS), embedding_dim=4, hidden_units=(8,))
    model.build()
    for weight in model.trainable_weights:
        weight.assign(np.zeros(weight.shape))
    assert np.asarray(model({name: rows(4)[name] for name in ("user", "item", "price")})).tolist() == [[20_000]] * 4


def test_numbers_and_clicks_in_one_model_of_which_the_mean_decides(tmp_path: Path) -> None:
    click = {"name": "click", "label": "clicked"}
    spec = bound(DOLLARS, click, mask="known", loss="huber")
    known = (np.arange(2400) % 3 > 0).astype("float32")
    spoilt = np.where(known, rows(unit=DOLLARS)["rating"], 1e9).astype("float32")  # in rows that do not count
    train = {**rows(unit=DOLLARS), "rating": spoilt, "rating__weight": known}
    valid = {**rows(600, 1, DOLLARS), "rating__weight": np.ones(600, "float32")}
    options = {"hidden_units": (16,), "task_weights": {"click": 0.5}}
    _, result = trained(spec, train, valid, model=SharedBottom, model_options=options, workdir=tmp_path)
    decides = [(row["val_click_auc"] + row["val_rating_r2"]) / 2 for row in result.history]
    assert result.best_epoch == int(np.argmax(decides))
    assert result.best["val_rating_r2"] > 0.5
    assert result.best["val_click_auc"] > 0.6
    assert (tmp_path / "curves.png").stat().st_size > 0


def test_a_validation_without_a_row_that_counts_leaves_the_choice_to_the_others() -> None:
    spec = bound(STARS, {"name": "click", "label": "clicked"}, mask="known")
    train = {**rows(), "rating__weight": np.ones(2400, "float32")}
    valid = {**rows(600, 1), "rating__weight": np.zeros(600, "float32")}
    _, result = trained(spec, train, valid, model=SharedBottom, epochs=1)
    assert np.isnan(result.best["val_rating_rmse"])
    assert result.best["val_rating_rows"] == 0


def test_answers_keep_their_digits_in_mixed_precision_and_on_disk(tmp_path: Path) -> None:
    """Half precision has three digits, of which 20,000 dollars would take all."""
    keras.utils.set_random_seed(1)
    spec = bound(LabelScale(mean=20_000, deviation=3), loss="huber")
    model = DNN(spec, embedding_dim=4, hidden_units=(8,), dtype="mixed_bfloat16")
    features = {name: rows(64)[name] for name in ("user", "item", "price")}
    answers = np.asarray(model(features))
    assert answers.dtype == np.float32
    assert np.abs(answers - 20_000).max() < 10
    assert len(np.unique(answers)) > 30
    model.compile(optimizer="sgd")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(features), answers)
    assert again.spec == spec
    assert (again.loss.deviation, again.loss.delta) == (3, 3)


def test_models_of_events_refuse_numbers() -> None:
    with pytest.raises(SpecError, match="ESMM predicts binary tasks, 'rating' is a regression task"):
        ESMM(bound(STARS, {"name": "click", "label": "clicked"}))
    with pytest.raises(SpecError, match="CreativeSurvival predicts survival tasks, 'rating' is a regression task"):
        CreativeSurvival(bound())

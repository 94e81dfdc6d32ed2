"""Trained on a share of the negatives, a model answers the probability of the whole log; weights count rows."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models.dnn import DNN
from tfctr.models.lr import LR
from tfctr.spec import BoundSpec, FeatureSpec, SpecError
from tfctr.training import FitConfig, evaluate, fit

ITEMS = 12
TRUE_PROBABILITY = np.concatenate([[0.0, 0.0], np.geomspace(0.01, 0.3, ITEMS)])  # ids 0 and 1: padding, OOV
RATE = 0.1


def spec(**task: object) -> BoundSpec:
    return FeatureSpec(
        name="ads",
        features=[{"kind": "categorical", "name": "item", "role": "item"}],
        tasks=[{"name": "click", "label": "clicked", **task}],
        meta={"time": "second"},
    ).bind({"item": ITEMS + 2})


def log(rows: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    item = rng.integers(2, ITEMS + 2, rows)
    return {"item": item, "click": (rng.random(rows) < TRUE_PROBABILITY[item]).astype(np.float32)}


def learned(bound: BoundSpec, arrays: dict[str, np.ndarray], valid: dict[str, np.ndarray]) -> LR:
    keras.utils.set_random_seed(1)
    model = LR(bound)
    config = FitConfig(epochs=6, learning_rate=0.3, rate_factor=0.3, monitor="logloss", patience=6)
    fit(model, ArrayPlan(arrays, bound, batch_size=2000), array_dataset(valid, bound, batch_size=5000), config)
    return model


def answers(model: keras.Model) -> np.ndarray:
    return np.asarray(model({"item": np.arange(2, ITEMS + 2)}))[:, 0]


def assert_calibrated(model: keras.Model, valid: dict[str, np.ndarray]) -> None:
    """Each item's answer within 25 % of its truth (about 3 standard errors of the rarest), the mean within 5 %."""
    truth = TRUE_PROBABILITY[2:]
    np.testing.assert_allclose(answers(model), truth, rtol=0.25)
    assert answers(model).mean() == pytest.approx(truth.mean(), rel=0.05)
    figures = evaluate(model, array_dataset(valid, model.spec, batch_size=5000))
    assert figures["calibration_ratio"] == pytest.approx(1, abs=0.06)
    assert figures["mean_label"] == pytest.approx(truth.mean(), rel=0.06)


def test_negatives_left_out_by_training() -> None:
    valid = log(40_000, 1)
    assert_calibrated(learned(spec(negative_rate=RATE), log(120_000, 0), valid), valid)


def test_negatives_left_out_of_the_log() -> None:
    def sampled(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        keep = (arrays["click"] > 0) | (np.random.default_rng(5).random(len(arrays["click"])) < RATE)
        return {name: array[keep] for name, array in arrays.items()}

    valid = sampled(log(120_000, 1))
    bound = spec(negative_rate=RATE, log_is_sampled=True)
    assert_calibrated(learned(bound, sampled(log(120_000, 0)), valid), valid)


def test_without_the_declaration_the_answers_are_too_high() -> None:
    """The control: the same sampled rows under a spec that does not tell."""
    arrays = log(120_000, 0)
    keep = (arrays["click"] > 0) | (np.random.default_rng(5).random(len(arrays["click"])) < RATE)
    arrays = {name: array[keep] for name, array in arrays.items()}
    model = learned(spec(), arrays, log(20_000, 1))
    assert answers(model).mean() > 3 * TRUE_PROBABILITY[2:].mean()


def test_the_correction_is_the_formula_outside_training_alone(tmp_path) -> None:
    plain, corrected = LR(spec()), LR(spec(negative_rate=RATE))
    rows = {"item": np.arange(ITEMS)}
    for model in (plain, corrected):
        model.build()
    weights = [np.random.default_rng(3).normal(size=w.shape) for w in plain.get_weights()]
    plain.set_weights(weights)
    corrected.set_weights(weights)
    p = np.asarray(plain(rows))
    np.testing.assert_allclose(np.asarray(corrected(rows)), p / (p + (1 - p) / RATE), rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(corrected(rows, training=True)), np.asarray(plain(rows, training=True)))
    corrected.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(again(rows)), np.asarray(corrected(rows)))


def test_training_cannot_leave_out_rows_that_other_tasks_need() -> None:
    tasks = [{"name": "click", "label": "clicked", "negative_rate": 0.5}, {"name": "buy", "label": "bought"}]
    features = [{"kind": "categorical", "name": "item", "role": "item"}]
    with pytest.raises((SpecError, ValueError), match="missing for the other tasks too: buy"):
        FeatureSpec(name="ads", features=features, tasks=tasks, meta={"time": "second"})


def test_a_weight_counts_a_row_that_often() -> None:
    """One step of SGD on weighted rows is the step on rows repeated as often; the mean divides by rows, not weights."""
    weights = np.array([0, 1, 2, 5], np.float32)
    rows = {"item": np.array([2, 3, 4, 5]), "click": np.array([1, 0, 1, 0], np.float32)}
    repeated = {name: np.repeat(array, weights.astype(int)) for name, array in rows.items()}
    found = []
    for bound, arrays, rate in (
        (spec(weight="importance"), {**rows, "click__weight": weights}, 1.0),
        (spec(), repeated, len(repeated["click"]) / len(weights)),
    ):
        keras.utils.set_random_seed(4)
        model = DNN(bound, embedding_dim=2, hidden_units=(3,))
        plan = ArrayPlan(arrays, bound, batch_size=100)
        valid = array_dataset(arrays, bound, batch_size=100)
        fit(model, plan, valid, FitConfig(epochs=1, optimizer="lazy_sgd", learning_rate=rate))
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)

"""Several tasks through the fit driver: masks, a task that nothing is known about, order, resume."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.planted_rows import ITEMS, SPEC, USERS, arrays
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import ESMM, CTRModel, MMoE, SharedBottom
from tfctr.spec import FeatureSpec
from tfctr.training import FitConfig, evaluate, fit


def two_tasks(**buy: Any) -> FeatureSpec:
    tasks = [{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought", **buy}]
    return FeatureSpec.model_validate({**SPEC.model_dump(), "tasks": tasks})


def rows(number: int = 2400, seed: int = 0, **changes: np.ndarray) -> dict[str, np.ndarray]:
    """The planted clicks, and purchases after half of the clicks on even items."""
    made = arrays(number, seed)
    luck = np.random.default_rng(seed + 50).random(number) < np.where(made["item"] % 2, 0.2, 0.8)
    return {**made, "buy": made["click"] * luck.astype("float32"), **changes}


def trained(model_class: type[CTRModel], spec: FeatureSpec, train: dict, valid: dict, **options: Any) -> Any:
    keras.utils.set_random_seed(3)
    workdir, callbacks = options.pop("workdir", None), options.pop("callbacks", ())
    hyperparameters = options.pop("model", {"hidden_units": (16,)})
    model = model_class(spec.bind({"user": USERS, "item": ITEMS}), embedding_dim=4, **hyperparameters)
    plan = ArrayPlan(train, spec, batch_size=128, seed=5)
    config = FitConfig(**{"epochs": 2, "learning_rate": 0.02, "patience": 5, **options})
    return model, fit(model, plan, array_dataset(valid, spec, batch_size=256), config, workdir, callbacks)


def test_figures_of_each_task_and_of_the_order() -> None:
    spec = two_tasks(after="click")
    model, result = trained(ESMM, spec, rows(), rows(600, 1), epochs=6)
    row = result.best
    assert {"loss", "click_loss", "buy_loss", "val_click_auc", "val_buy_auc", "val_buy_given_click_auc"} <= set(row)
    assert row["val_buy_given_click_auc"] > 0.6
    assert row["val_buy_given_click_rows"] == rows(600, 1)["click"].sum()
    means = [(r["val_click_auc"] + r["val_buy_auc"]) / 2 for r in result.history]
    assert result.best_epoch == int(np.argmax(means))  # figures given an earlier event decide nothing
    data = array_dataset(rows(600, 1), spec, batch_size=256)
    clicked = rows(600, 1)["click"] > 0
    answers = np.concatenate([model.conditional(features)["buy"] for features, _ in data])[clicked, 0]
    figures = evaluate(model, data)
    assert figures["buy_given_click_mean_prediction"] == pytest.approx(float(answers.mean()), rel=1e-4)


def test_a_task_masked_in_all_rows_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    spec = two_tasks(mask="known")
    unknown = {"buy__weight": np.zeros(2400, "float32")}
    with caplog.at_level(logging.WARNING, "tfctr.training._fit"):
        judged = rows(600, 1, buy__weight=np.zeros(600, "float32"))
        model, result = trained(SharedBottom, spec, rows(**unknown), judged)
    assert "auc of buy cannot be computed on the validation rows; the other tasks decide" in caplog.text
    assert np.isnan(result.best["val_buy_auc"])
    assert np.isfinite([row["val_click_auc"] for row in result.history]).all()
    assert result.history[-1]["click_loss"] < result.history[0]["click_loss"]
    assert all(row["buy_loss"] == 0 for row in result.history)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_masked_labels_have_no_effect() -> None:
    spec = two_tasks(mask="known")
    known = (np.arange(2400) % 3 == 0).astype("float32")
    made = []
    for wrong in (0.0, 1.0):
        labels = np.where(known > 0, rows()["buy"], wrong).astype("float32")
        valid = rows(600, 1, buy__weight=np.ones(600, "float32"))
        small = {"num_experts": 2, "expert_units": (8,), "tower_units": ()}
        model, _ = trained(MMoE, spec, rows(buy=labels, buy__weight=known), valid, model=small, epochs=1)
        made.append(model.get_weights())
    for one, other in zip(*made, strict=True):
        np.testing.assert_array_equal(one, other)


class StopAfter(keras.callbacks.Callback):
    """Break off after so many steps, as Ctrl-C would."""

    def __init__(self, steps: int):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_run_that_was_broken_off_ends_as_one_that_was_not(tmp_path: Path, precision: str) -> None:
    spec = two_tasks(after="click", mask="known")
    known = (np.arange(2400) % 3 > 0).astype("float32")
    train, valid = rows(buy__weight=known), rows(600, 1, buy__weight=np.ones(600, "float32"))
    options = {
        "model": {"hidden_units": (16,), "dropout_rate": 0.2, "task_weights": {"buy": 2.0}},
        "checkpoint_seconds": 0,
    }
    keras.config.set_dtype_policy(precision)
    try:
        whole, _ = trained(ESMM, spec, train, valid, **options)
        with pytest.raises(KeyboardInterrupt):
            trained(ESMM, spec, train, valid, workdir=tmp_path, callbacks=(StopAfter(25),), **options)
        resumed, result = trained(ESMM, spec, train, valid, workdir=tmp_path, **options)
    finally:
        keras.config.set_dtype_policy("float32")
    assert len(result.history) == 2
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)

"""Figures by domain through evaluation and the fit driver; without a domain all is as before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.planted_rows import ITEMS, SPEC, USERS, arrays, bound
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import LR, CreativeSurvival, SharedBottom
from tfctr.spec import FeatureSpec, LabelScale
from tfctr.training import FitConfig, evaluate, fit, predictions
from tfctr.training.metrics import evaluate_arrays, evaluate_regression, evaluate_survival, gauc

NAMES = {11: "shop", 12: "news"}
DOMAIN = {"meta": {"group": "user", "time": "second", "domain": "site"}}
WITH = FeatureSpec.model_validate({**SPEC.model_dump(), **DOMAIN})
MIXED = FeatureSpec.model_validate(
    {
        **WITH.model_dump(),
        "tasks": [{"name": "click", "label": "c"}, {"kind": "regression", "name": "paid", "label": "p", "mask": "m"}],
    }
)


LASTS = FeatureSpec.model_validate(
    {
        **WITH.model_dump(),
        "tasks": [{"kind": "survival", "name": "stop", "duration": "d", "event": "e", "cut_points": [1, 3, 9]}],
    }
)


def rows(count: int, seed: int) -> dict[str, np.ndarray]:
    """Planted rows of three domains; in the smallest nobody clicks, and of every fourth row no number is known."""
    made = arrays(count, seed)
    domain = np.random.default_rng(seed + 5).choice([11, 12, 13], count, p=[0.6, 0.35, 0.05])
    click = np.where(domain == 13, 0, made["click"]).astype("float32")
    known = (np.arange(count) % 4 > 0).astype("float32")
    return {**made, "click": click, "meta__domain": domain, "paid": 50 + 9 * click, "paid__weight": known}


def trained(workdir: Path | None = None, **options: Any) -> Any:
    keras.utils.set_random_seed(0)
    model = LR(WITH.bind({"user": USERS, "item": ITEMS}))
    data = array_dataset(rows(500, 1), WITH, batch_size=200)
    config = FitConfig(epochs=3, learning_rate=0.05, patience=9)
    plan = ArrayPlan(rows(1000, 0), WITH, batch_size=100)
    return model, data, fit(model, plan, data, config, workdir, domain_names=NAMES, **options)


def test_each_domain_has_the_figures_of_its_rows_alone() -> None:
    model, data, result = trained()
    found = evaluate(model, data, domain_names=NAMES)
    figures = found.domains["click"]
    assert figures.domains == ("shop", "news", "#000000000000000d")
    made, domain = predictions(model, data)["click"], rows(500, 1)["meta__domain"]
    for (name, told), key in zip(figures.rows(), (11, 12, 13), strict=True):
        alone = evaluate_arrays(made.labels[domain == key], made.probabilities[domain == key])
        assert told == pytest.approx({figure: alone[figure] for figure in told}, nan_ok=True), name
    assert np.isnan(figures.columns["auc"][2])  # one class only
    assert found["domain_auc"] == pytest.approx(gauc(made.labels, made.probabilities, domain).value)
    assert result.domains["click"].to_dict() == figures.to_dict()
    assert result.best["val_domain_auc"] == pytest.approx(found["domain_auc"])


def test_numbers_and_clicks_each_have_theirs() -> None:
    spec = MIXED.bind({"user": USERS, "item": ITEMS}, {"paid": LabelScale(mean=55, deviation=4)})
    model = SharedBottom(spec, embedding_dim=4, hidden_units=(4,), tower_units=())
    model.build()
    data = array_dataset(rows(300, 2), MIXED, batch_size=100)
    found = evaluate(model, data)
    assert set(found.domains) == {"click", "paid"}
    assert "click_domain_auc" in found
    assert "paid_domain_auc" not in found
    made, domain = predictions(model, data)["paid"], rows(300, 2)["meta__domain"]
    mine = domain == 11
    alone = evaluate_regression(made.labels[mine], made.probabilities[mine], made.weights[mine])
    told = dict(found.domains["paid"].rows())["#000000000000000b"]
    assert told == pytest.approx({figure: alone[figure] for figure in told})
    assert told["rows"] < mine.sum()  # rows without a number do not count


def test_durations_have_theirs() -> None:
    model = CreativeSurvival(LASTS.bind({"user": USERS, "item": ITEMS}), embedding_dim=4, hidden_units=(4,))
    model.build()
    made = rows(300, 3)
    made["stop"] = np.random.default_rng(3).exponential(4, 300).astype("float32") * np.where(made["click"], 1, -1)
    data = array_dataset(made, LASTS, batch_size=100)
    found = evaluate(model, data)
    assert "domain_auc" not in found
    answers, mine = predictions(model, data)["stop"], made["meta__domain"] == 11
    lives = np.abs(answers.labels[mine]), answers.labels[mine] > 0, answers.probabilities[mine]
    alone = evaluate_survival(*lives, (1, 3, 9))
    told = dict(found.domains["stop"].rows())["#000000000000000b"]
    assert told == pytest.approx({figure: alone[figure] for figure in told})


def test_the_file_holds_those_of_the_weights_that_are_kept(tmp_path: Path) -> None:
    model, data, _ = trained(tmp_path)
    told = json.loads((tmp_path / "domains.json").read_text())
    assert told == {"click": evaluate(model, data, domain_names=NAMES).domains["click"].to_dict()}
    again = trained(tmp_path)[2]  # over already: nothing is evaluated
    assert again.domains["click"].to_dict() == told["click"]
    last = trained(keep="last")[2]
    assert last.history[-1]["val_domain_auc"] == last.domains["click"].mean_auc


def test_without_a_domain_all_is_as_before(tmp_path: Path) -> None:
    model = LR(bound())
    data = array_dataset(arrays(300, 1), SPEC, batch_size=100)
    result = fit(model, ArrayPlan(arrays(300), SPEC, batch_size=100), data, FitConfig(epochs=1), tmp_path)
    found = evaluate(model, data)
    assert found.domains == result.domains == {}
    assert "domain_auc" not in found
    assert not (tmp_path / "domains.json").exists()

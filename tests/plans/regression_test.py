"""Plans that judge by predictions judge numbers by theirs."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.plans.searched import NOISE, OTHERS, rows
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import DNN, FM
from tfctr.plans import OptEmbed, output_statistics
from tfctr.plans.low_rank._factorable import factorable_parts
from tfctr.plans.low_rank._output_changes import output_changes, shift
from tfctr.spec import FeatureSpec, LabelScale
from tfctr.training import FitConfig, evaluate
from tfctr.training.evaluation import Predictions, order_of
from tfctr.training.metrics import auc, evaluate_survival, r2

SPEC = FeatureSpec(
    name="numbers",
    features=[{"kind": "categorical", "name": name, "role": "item"} for name in ("b", "noise")],
    tasks=[{"kind": "regression", "name": "paid", "label": "dollars"}],
    split={"by": "hash", "column": "row"},
)
BOUND = SPEC.bind({"b": 1 + OTHERS, "noise": 1 + NOISE}, {"paid": LabelScale(mean=900, deviation=50)})


def arrays(count: int, seed: int) -> dict[str, np.ndarray]:
    worth = np.random.default_rng(5).normal(900, 50, 1 + OTHERS)
    made = rows(count, seed)
    return {"b": made["b"], "noise": made["noise"], "paid": worth[made["b"]].astype("float32")}


VALID = array_dataset(arrays(500, 1), SPEC, batch_size=500)


def test_what_a_rank_is_worth_has_no_unit() -> None:
    keras.utils.set_random_seed(0)
    model = DNN(BOUND, embedding_dim=4, hidden_units=(6,))
    model.build()
    found = output_statistics(model, ArrayPlan(arrays(500, 0), SPEC, batch_size=250).epoch(0, 0))
    changes = output_changes(model, factorable_parts(model), found, VALID, "outputs")
    assert all(change.min() >= 0 and change[-1] == 0 for change in changes.values())
    table = next(part for part in factorable_parts(model) if part.key == "table.b")
    before = model.predict_on_batch(arrays(500, 1))
    assert changes[table.key][0] > 0
    assert shift(before, before + 50, 50).mean() == 0.5


def test_a_search_goes_by_r2(tmp_path: Path) -> None:
    settings = {"generations": 1, "population": 3, "parents": 2, "mutated": 1, "crossed": 1}
    plan = OptEmbed(FM, {"embedding_dim": 4}, FitConfig(epochs=2, learning_rate=0.1), **settings)
    model = plan.run(BOUND, ArrayPlan(arrays(1500, 0), SPEC, batch_size=150), VALID, tmp_path)
    reports = {report["stage"]: report for report in plan.reports(tmp_path)}
    assert reports["search"]["val_r2"] > 0.3
    assert reports["retrain"]["val_r2"] == pytest.approx(evaluate(model, VALID)["r2"], abs=1e-5)
    assert json.dumps(reports["supernet"]).count("val_rmse") == 1


def test_the_figure_of_order_is_that_of_the_kind() -> None:
    rng = np.random.default_rng(0)
    labels, predicted, weights = rng.integers(0, 2, 60).astype(float), rng.random(60), rng.integers(0, 3, 60) * 1.0
    click, paid = FeatureSpec.model_validate({**SPEC.model_dump(), "tasks": [{"name": "c", "label": "c"}]}), SPEC
    made = Predictions(labels, predicted, weights, groups=None)
    assert order_of(click.tasks[0], made) == auc(labels, predicted, weights)
    assert order_of(paid.tasks[0], made) == r2(labels, predicted, weights)
    stop = {"kind": "survival", "name": "s", "duration": "d", "event": "e", "cut_points": [1, 2]}
    task = FeatureSpec.model_validate({**SPEC.model_dump(), "tasks": [stop]}).tasks[0]
    curves = np.stack([predicted, predicted / 2], axis=1)
    lasting = Predictions(np.where(labels > 0, 1 + predicted, -predicted), curves, weights, groups=None)
    expected = evaluate_survival(np.abs(lasting.labels), lasting.labels > 0, curves, (1, 2), weights)
    assert order_of(task, lasting) == expected["c_index"]

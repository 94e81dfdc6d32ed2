"""A survival model from raw rows to served curves: transform, training, export, every signature."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pyarrow as pa
import pytest

from tests.serving.creatives import SPEC, make_log
from tfctr.data import signed_durations
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.layers.survival import expected_life, hazards, survival_curve
from tfctr.models import CreativeSurvival
from tfctr.serving import export_model, in_process
from tfctr.serving.savedmodel import InProcess
from tfctr.training import FitConfig, evaluate, fit
from tfctr.training.metrics import evaluate_survival
from tfctr.transform import TransformOutput, fit_transform, table_to_examples


class World(NamedTuple):
    """A trained and exported model with new rows."""

    transform: TransformOutput
    model: CreativeSurvival
    served: InProcess
    rows: pa.Table
    figures: dict[str, float]

    def answers(self) -> dict[str, np.ndarray]:
        """What the model itself answers."""
        tensors = self.transform.transform(self.rows)
        return self.model.predict_on_batch({info.name: tensors[info.name] for info in SPEC.inputs()})

    def examples(self) -> np.ndarray:
        examples = np.empty(self.rows.num_rows, object)
        examples[:] = list(table_to_examples(self.rows, SPEC, serving=True))
        return examples


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("survival")
    transform = fit_transform(SPEC, make_log(1_000, 0), folder / "transform")
    rows = make_log(300, 1)
    keras.utils.set_random_seed(0)
    model = CreativeSurvival(transform.bound_spec, embedding_dim=4, hidden_units=(8,))
    plan = ArrayPlan(transform.transform(make_log(1_000, 0)), transform.bound_spec, batch_size=128)
    valid = array_dataset(transform.transform(rows), transform.bound_spec, batch_size=100)
    fit(model, plan, valid, FitConfig(epochs=2, learning_rate=0.02))
    figures = evaluate(model, valid)
    served = in_process(export_model(model, transform, folder / "model" / "1", warmup_rows=rows))
    return World(transform, model, served, rows, figures)


def test_labels_are_signed_durations_and_quantiles_are_found(world: World) -> None:
    tensors = world.transform.transform(world.rows)
    expected = signed_durations(world.rows.column("days"), world.rows.column("stopped"))
    np.testing.assert_array_equal(tensors["short"], expected)
    np.testing.assert_array_equal(tensors["long"], expected)
    assert "short__weight" not in tensors
    np.testing.assert_array_equal(tensors["long__weight"], world.rows.column("ctr"))
    found = world.transform.bound_spec.spec.tasks[1]
    assert found.quantiles is None
    assert len(found.grid) == 3
    assert TransformOutput(world.transform.directory).spec.tasks[1].grid == found.grid


def test_evaluation_is_that_of_the_curves(world: World) -> None:
    answers = world.answers()
    for task in world.model.spec.spec.tasks:
        curves = np.exp(-np.cumsum(answers[task.name].astype("float64"), axis=1))
        weights = world.rows.column("ctr") if task.weighted else None
        expected = evaluate_survival(
            world.rows.column("days"), world.rows.column("stopped"), curves, task.grid, weights
        )
        for name, value in expected.items():
            assert world.figures[f"{task.name}_{name}"] == pytest.approx(value, rel=1e-5, nan_ok=True), name
    assert world.figures["short_c_index"] > 0.6


def test_signatures_return_curves_hazards_and_lives(world: World) -> None:
    answers = world.answers()
    served = world.served.call({"examples": world.examples()})
    for task in world.model.spec.spec.tasks:
        wanted, name = answers[task.name], task.name
        curve = served[name]
        np.testing.assert_allclose(curve, survival_curve(wanted), atol=1e-6)
        assert curve.shape == (300, len(task.grid))
        assert (np.diff(curve, axis=1) <= 0).all()
        np.testing.assert_allclose(served[f"{name}__ended"], 1 - curve, atol=1e-6)
        np.testing.assert_allclose(served[f"{name}__hazards"], hazards(wanted), atol=1e-6)
        np.testing.assert_allclose(served[f"{name}__life"], expected_life(wanted, task.grid), rtol=1e-5)


def test_other_signatures_take_one_number_a_row(world: World) -> None:
    served = world.served.call({"examples": world.examples()})
    classified = world.served.call({"inputs": world.examples()}, signature="classify")
    np.testing.assert_allclose(classified["scores"][:, 0], served["short__ended"][:, -1], atol=1e-6)
    life = world.served.call({"inputs": world.examples()}, signature="regress_long")["outputs"]
    np.testing.assert_allclose(life, served["long__life"], rtol=1e-6)


def test_a_saved_model_answers_the_same(world: World, tmp_path: Path) -> None:
    world.model.save(tmp_path / "model.keras")
    tensors = world.transform.transform(world.rows)
    again = keras.saving.load_model(tmp_path / "model.keras").predict_on_batch(
        {info.name: tensors[info.name] for info in SPEC.inputs()}
    )
    for name, values in world.answers().items():
        np.testing.assert_array_equal(again[name], values)


@pytest.mark.parametrize(("column", "value"), [("days", -1.0), ("stopped", 2.0), ("ctr", -0.5)])
def test_the_graph_refuses_what_slipped_through(world: World, column: str, value: float) -> None:
    index = world.rows.column_names.index(column)
    bad = world.rows.set_column(index, column, pa.array([value] * 300, pa.float32()))
    with pytest.raises(Exception, match=rf"column {column}"):
        world.transform.transform(bad)

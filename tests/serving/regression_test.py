"""A model of numbers from raw rows to served answers: every signature, in the label's unit."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tests.serving.ads import FEATURES, SPLIT
from tests.serving.ads import make_log as make_ads
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import TwoTower
from tfctr.serving import export_model, in_process
from tfctr.serving.savedmodel import InProcess
from tfctr.spec import FeatureSpec
from tfctr.training import FitConfig, fit
from tfctr.transform import TransformOutput, fit_transform, table_to_examples
from tfx_pipeline.parity_check import check_signatures, training_probabilities

SPEC = FeatureSpec(
    name="spending",
    features=FEATURES[:3],  # a user, a context and an item
    tasks=[{"kind": "regression", "name": "spent", "label": "dollars"}],
    split=SPLIT,
)


def make_log(rows: int, seed: int) -> pa.Table:
    """Prices of 20,000 and more, by the item."""
    log = make_ads(rows, seed).select(["user", "the site", "item"])
    worth = 20_000 + 900 * np.sin(log["item"].to_numpy())
    return log.append_column("dollars", pa.array(worth + np.random.default_rng(seed).normal(0, 50, rows), pa.float32()))


class World(NamedTuple):
    """A trained and exported model with new rows."""

    transform: TransformOutput
    model: TwoTower
    served: InProcess
    folder: Path
    rows: pa.Table

    def examples(self) -> np.ndarray:
        examples = np.empty(self.rows.num_rows, object)
        examples[:] = list(table_to_examples(self.rows, SPEC, serving=True))
        return examples


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("numbers")
    train, rows = make_log(800, 0), make_log(200, 1)
    transform = fit_transform(SPEC, train, folder / "transform")
    keras.utils.set_random_seed(0)
    model = TwoTower(transform.bound_spec, embedding_dim=4)
    plan = ArrayPlan(transform.transform(train), transform.bound_spec, batch_size=100)
    fit(model, plan, array_dataset(transform.transform(rows), SPEC, batch_size=200), FitConfig(epochs=1))
    exported = export_model(model, transform, folder / "model" / "1", warmup_rows=rows)
    return World(transform, model, in_process(exported), exported, rows)


def test_examples_are_answered_in_the_label_s_unit(world: World) -> None:
    tensors = world.transform.transform(world.rows)
    wanted = np.asarray(world.model({info.name: tensors[info.name] for info in SPEC.inputs()}, training=False))
    served = world.served.call({"examples": world.examples()})
    assert {name: values.shape for name, values in served.items()} == {"spent": (200, 1)}
    assert served["spent"].dtype == np.float32
    np.testing.assert_allclose(served["spent"], wanted, rtol=1e-6)
    assert np.abs(served["spent"].mean() - 20_000) < 1_000
    regressed = world.served.call({"inputs": world.examples()}, signature="regress")["outputs"]
    np.testing.assert_array_equal(regressed, served["spent"])


def test_a_number_has_no_class(world: World) -> None:
    asked = {"serving_default", "predict", "regress", "rank", "encode_user", "rank_with_state"}
    assert set(world.served.signatures) - {"__saved_model_init_op"} == asked


def test_every_way_of_asking_is_held_against_training_relative_to_the_answers(world: World) -> None:
    """Float32 has steps of 0.002 at 20,000: an absolute 1e-6 could never be kept."""
    expected = training_probabilities(world.model, world.transform, SPEC)
    functions = tf.saved_model.load(str(world.folder)).signatures
    compared = check_signatures(functions, expected, world.rows, SPEC, 1e-6)
    assert [one.signature for one in compared] == ["serving_default", "predict", "rank", "rank_with_state"]
    assert all(one.passed for one in compared), compared

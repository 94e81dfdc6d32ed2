"""AdaptDHM: what it equals, what trains, what is kept, and what a batch does to another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.specs import crossed_rows, crossed_spec
from tfctr.layers.domains import mixed_logit
from tfctr.models import DNN, AdaptDHM
from tfctr.spec import BoundSpec, FeatureSpec, LabelScale

pytestmark = pytest.mark.usefixtures("seed")

FEATURES, LABELS = crossed_rows(64, seed=3)
SMALL: dict[str, Any] = {"embedding_dim": 4, "hidden_units": (6,)}


def made(spec: BoundSpec | None = None, **options: Any) -> AdaptDHM:
    """A model whose towers differ."""
    model = AdaptDHM(spec or crossed_spec(), **{"clusters": 3, **SMALL, **options})
    model.build()
    rng = np.random.default_rng(0)
    for weight in model.towers.by_group:
        weight.assign(np.array(weight) + rng.normal(scale=0.3, size=weight.shape))
    return model


def trained(model: AdaptDHM) -> AdaptDHM:
    model.compile(optimizer=keras.optimizers.Adam(0.01), jit_compile=False, run_eagerly=True)
    for rows in (64, 17, 1):  # whole, last and single ones
        model.train_on_batch({name: ids[:rows] for name, ids in FEATURES.items()}, LABELS[:rows])
    return model


def weights_by_name(model: keras.Model) -> dict[str, Any]:
    return {weight.name: weight for weight in model.weights}


def test_one_cluster_is_a_dnn_with_the_products_as_weights() -> None:
    model, dnn = made(clusters=1), DNN(crossed_spec(), **SMALL)
    dnn.build()
    found = {name: np.array(weight) for name, weight in weights_by_name(model).items()}
    products = []
    for index in range(2):
        products.append(found[f"shared_kernel_{index}"] * found[f"own_kernel_{index}"][0])
        products.append(found[f"shared_bias_{index}"] + found[f"own_bias_{index}"][0])
    dnn.set_weights([found["embeddings"], *products])
    np.testing.assert_allclose(model(FEATURES), dnn(FEATURES), rtol=1e-5)
    np.testing.assert_array_equal(model.routed(FEATURES).coefficients, np.ones((64, 1)))


def test_parameters_are_embeddings_and_a_tower_more_than_clusters() -> None:
    model = made()
    tower = 16 * 6 + 6 + 6 + 1
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == 41 * 4 + (3 + 1) * tower
    assert not {"centres", "usage", "steps"} & {weight.name for weight in model.trainable_weights}


def test_gradients_reach_embeddings_shared_weights_and_the_towers_in_use() -> None:
    model = made()
    used = set(np.array(model.routed(FEATURES).clusters).tolist())
    few = np.isin(model.routed(FEATURES).clusters, list(used)[:1])
    features = {name: ids[few] for name, ids in FEATURES.items()}
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model.logits(features) ** 2)
    gradients = tape.gradient(total, [weight.value for weight in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        values = np.abs(tf.convert_to_tensor(gradient))
        assert values.max() > 0, weight.path
        if weight.name.startswith("own"):
            assert set(np.flatnonzero(values.reshape(3, -1).max(axis=1))) == set(list(used)[:1]), weight.path


def test_only_training_moves_the_centres() -> None:
    model = trained(made())
    before = model.get_weights()
    model.predict(FEATURES, verbose=0)
    model.evaluate(FEATURES, LABELS, verbose=0)
    model.predict({name: ids[:1] for name, ids in FEATURES.items()}, verbose=0)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    centres = np.array(model.routing.centres)
    trained(model)
    assert np.abs(np.array(model.routing.centres) - centres).max() > 1e-3
    np.testing.assert_allclose(np.linalg.norm(model.routing.centres, axis=1), np.ones(3), rtol=1e-5)


def test_answers_and_clusters_survive_saving(tmp_path: Path) -> None:
    model = trained(made(warm_up=2))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(FEATURES), model(FEATURES))
    for one, other in zip(loaded.routed(FEATURES), model.routed(FEATURES), strict=True):
        np.testing.assert_array_equal(one, other)
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "saved"))
    for rows in (1, 64):
        features = {name: ids[:rows] for name, ids in FEATURES.items()}
        answers = served.serve({name: tf.constant(ids) for name, ids in features.items()})
        np.testing.assert_allclose(answers, model(features), rtol=1e-5, atol=1e-6)


def test_the_first_steps_train_all_towers_mixed() -> None:
    model = made(warm_up=2)
    inputs = keras.ops.reshape(model.embedding(FEATURES).fields, (64, 16))
    for step in range(1, 4):
        logit = model.logits(FEATURES, training=True)
        routed, every = model.routed(FEATURES), model.towers.every(inputs)[..., 0]  # of the centres that just moved
        mixed = np.sum(np.array(routed.coefficients) / (1 + np.exp(-np.array(every))), axis=1, keepdims=True)
        own = np.take_along_axis(np.array(every), np.array(routed.clusters)[:, None], axis=1)
        expected = np.log(mixed / (1 - mixed)) if step <= 2 else own
        np.testing.assert_allclose(logit, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.logits(FEATURES), own, rtol=1e-5, atol=1e-6)  # answers are never mixed


def test_numbers_are_mixed_as_numbers() -> None:
    plain = crossed_spec()
    task = {"kind": "regression", "name": "paid", "label": "dollars"}
    spec = FeatureSpec.model_validate({**plain.spec.model_dump(), "tasks": [task]})
    model = made(spec.bind(plain.rows, {"paid": LabelScale(mean=900, deviation=50)}), warm_up=1)
    answers = model(FEATURES, training=True)
    inputs = keras.ops.reshape(model.embedding(FEATURES).fields, (64, 16))
    every = 900 + 50 * np.array(model.towers.every(inputs)[..., 0])
    expected = np.sum(np.array(model.routed(FEATURES).coefficients) * every, axis=1, keepdims=True)
    np.testing.assert_allclose(answers, expected, rtol=1e-5)


def test_while_mixed_every_tower_learns() -> None:
    model = made(warm_up=1, clusters=4)
    own = model.towers.by_group[0]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model.logits({name: ids[:1] for name, ids in FEATURES.items()}, training=True))
    gradient = np.abs(tf.convert_to_tensor(tape.gradient(total, own.value)))
    assert (gradient.reshape(4, -1).max(axis=1) > 0).all()


def test_a_mixture_far_out_keeps_its_digits() -> None:
    """Of two towers that are sure, one way or the other, and of a weight of nothing."""
    weights = np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
    found = mixed_logit(weights, np.array([[-40.0, -41.0], [60.0, 58.0], [2.0, -90.0]]))
    np.testing.assert_allclose(found[:, 0], [-40.379885, 58.566219, 2.0], rtol=1e-6)

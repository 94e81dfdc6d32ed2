"""Initializers, regularizers and constraints reach every kernel of every layer and model, and no two share numbers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.conformance.network_table import NETWORKS, RICH
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.interaction import CrossNetMixture, CrossNetV2
from tfctr.layers.multi_task import TaskTowers
from tfctr.layers.towers import MLP
from tfctr.models import DNN, CTRModel, DeepFM
from tfctr.testing._recipe import Recipe, call, symbolic
from tfctr.training.optimizers import LazyAdam

WITH_KERNELS = [d for d in NETWORKS if issubclass(d.cls, KernelLayer | CTRModel)]
ROWS = (
    "embeddings",
    "remainder",
    "quotient",
    "number_vectors",
    "context",
    "gaps",
    "pair_alpha",
    "own_gamma",
    "own_beta",
)
"""Ends of paths of weights with two axes that are rows of numbers and no maps."""


def made(descriptor: Recipe, **options: Any) -> Any:
    """A built layer or model of the table, with other options."""
    layer = descriptor.make()
    changed = type(layer).from_config({**layer.get_config(), **options})
    if isinstance(changed, keras.Model):
        changed.build()
    else:
        call(changed, symbolic(descriptor.inputs(2)))
    return changed


def kernels(layer: Any) -> list[keras.Variable]:
    """The maps; what `FeatureEmbedding` makes of vectors counts as embedding."""
    return [
        weight
        for weight in layer.trainable_weights
        if len(weight.shape) > 1
        and not weight.path.endswith((*ROWS, "bias"))
        and "/project_" not in weight.path
        and "/own_bias_" not in weight.path  # a bias for each group of rows
    ]


@pytest.mark.parametrize("descriptor", WITH_KERNELS, ids=lambda d: d.name)
def test_the_options_reach_every_kernel(descriptor: Recipe) -> None:
    options = {"kernel_initializer": keras.initializers.RandomNormal(seed=5), "kernel_regularizer": "l2"}
    layer = made(descriptor, **options)
    regularized = [weight.path for weight in layer.trainable_weights if weight.regularizer is not None]
    assert regularized == [weight.path for weight in kernels(layer)]
    drawn = [kernel for kernel in kernels(layer) if np.ptp(kernel)]  # what bends a shared map begins as ones
    for one, other in itertools.combinations(drawn, 2):
        size = min(np.size(one), np.size(other))
        assert size < 2 or not np.array_equal(np.ravel(one)[:size], np.ravel(other)[:size]), (one.path, other.path)


@pytest.mark.parametrize("given", ["he_normal", keras.initializers.HeNormal(), {"class_name": "HeNormal"}])
def test_a_name_an_object_and_a_configuration_are_one(given: Any) -> None:
    config = {"class_name": "HeNormal", "config": {}} if isinstance(given, dict) else given
    keras.utils.set_random_seed(1)
    named = MLP((4, 3), kernel_initializer="he_normal")
    named.build((None, 5))
    keras.utils.set_random_seed(1)
    mlp = MLP((4, 3), kernel_initializer=config)
    mlp.build((None, 5))
    assert isinstance(mlp.kernel_initializer, keras.initializers.HeNormal)
    assert mlp.get_config()["kernel_initializer"] == named.get_config()["kernel_initializer"]
    for one, other in zip(mlp.get_weights(), named.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_object_without_a_seed_draws_other_numbers_for_each_weight() -> None:
    towers = TaskTowers(("click", "buy"), (5, 5), kernel_initializer=keras.initializers.GlorotUniform())
    towers.build((None, 5))
    drawn = [np.asarray(weight).tobytes() for weight in kernels(towers)]
    assert len(drawn) == len(set(drawn)) == 6


def test_a_seed_is_a_seed() -> None:
    mlps = [MLP((4, 4), kernel_initializer=keras.initializers.HeNormal(seed=3)) for _ in range(2)]
    for mlp in mlps:
        mlp.build((None, 4))
    for one, other in zip(mlps[0].get_weights(), mlps[1].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_between_change_no_drawn_number() -> None:
    """A seeded run starts as it did before, whatever hands the options down."""
    keras.utils.set_random_seed(2)
    towers = TaskTowers(("click",), (4,))
    towers.build((None, 3))
    keras.utils.set_random_seed(2)
    tower = MLP((4,), output_units=1)
    tower.build((None, 3))
    for one, other in zip(towers.get_weights(), tower.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_biases_have_options_of_their_own() -> None:
    options = {"bias_initializer": "ones", "bias_regularizer": keras.regularizers.L1(0.5), "bias_constraint": "non_neg"}
    for layer in (CrossNetV2(2, **options), CrossNetMixture(2, rank=2, **options), MLP((3, 4), **options)):
        layer.build((None, 4))
        biases = [weight for weight in layer.trainable_weights if "bias" in weight.name]
        assert len(biases) == 2
        assert all(np.all(np.asarray(bias) == 1) and bias.constraint is not None for bias in biases)
        assert float(sum(layer.losses)) == pytest.approx(0.5 * sum(np.size(bias) for bias in biases))


def trained(steps: int = 8, **options: Any) -> DNN:
    keras.utils.set_random_seed(4)
    model = DNN(RICH, embedding_dim=4, hidden_units=(6,), **options)
    model.compile(optimizer=LazyAdam(0.05), jit_compile=False)
    descriptor = next(d for d in NETWORKS if d.name == "DNN")
    features, labels = descriptor.inputs(8)["features"], (np.arange(8) % 2)[:, None]
    for _ in range(steps):
        model.train_on_batch(features, labels)
    return model


def test_a_regularizer_adds_its_loss_and_changes_training() -> None:
    both = {"kernel_regularizer": keras.regularizers.L2(0.05), "bias_regularizer": keras.regularizers.L2(0.05)}
    model, plain = trained(**both), trained()
    weights = model.mlp.trainable_weights
    assert len(model.losses) == len(weights) == 4
    squares = sum(float(np.square(np.asarray(weight)).sum()) for weight in weights)
    assert float(sum(model.losses)) == pytest.approx(0.05 * squares, rel=1e-5)
    held, free = (sum(float(np.square(np.asarray(w)).sum()) for w in kernels(m)) for m in (model, plain))
    assert held < 0.9 * free


def test_a_row_wise_optimizer_keeps_a_constraint() -> None:
    mlp = MLP((3,), output_units=1, kernel_constraint=keras.constraints.MaxNorm(0.1))
    model = keras.Sequential([mlp])
    model.compile(optimizer=LazyAdam(0.1), loss="mse", jit_compile=False)
    model.train_on_batch(np.ones((4, 2)), np.ones((4, 1)))
    assert all(np.linalg.norm(np.asarray(kernel), axis=0).max() <= 0.1 + 1e-6 for kernel in kernels(mlp))


def test_seeded_embeddings_differ_by_table() -> None:
    model = DeepFM(RICH, embedding_dim=1, embedding_initializer=keras.initializers.RandomNormal(stddev=0.2, seed=3))
    model.build()
    first, second = [np.asarray(w) for w in model.trainable_weights if w.path.endswith("embeddings")]
    assert first.shape == second.shape
    assert not np.array_equal(first, second)
    assert np.std(first) == pytest.approx(0.2, rel=0.5)


def test_saved_loaded_and_cloned_it_has_the_same_options(tmp_path: Path) -> None:
    model = DNN(
        RICH,
        hidden_units=(4,),
        kernel_initializer=keras.initializers.HeNormal(seed=1),
        kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2),
        embedding_initializer="ones",
    )
    model.build()
    model.save(tmp_path / "model.keras")
    for again in (keras.saving.load_model(tmp_path / "model.keras"), keras.models.clone_model(model)):
        assert again.get_config() == model.get_config()
        again.set_weights(model.get_weights())
        assert float(sum(again.losses)) == pytest.approx(float(sum(model.losses))) != 0


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="regularizer"):
        DNN(RICH, kernel_regularizer="l3")

"""Vocabularies that learn slower, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.models.specs import categorical, make_spec, sequence
from tests.training.planted import bound, train_plan, valid_data
from tests.training.planted_rows import USERS
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FeatureEmbedding, FullTable, HashedTable, QuotientRemainderTable, TableL2
from tfctr.models import DNN, FM
from tfctr.training import FitConfig, fit
from tfctr.training.optimizers import DenseAdam, LazyAdagrad, LazyAdam, LazyFtrl, LazySGD

SPEC = make_spec(
    categorical("item"),
    categorical("user", "user"),
    sequence("seen", "item", 3),
    {"kind": "numeric", "name": "price", "role": "item"},
    {"kind": "numeric", "name": "age", "role": "user"},
    {"kind": "vector", "name": "image", "role": "item", "width": 2},
    rows={"item": 9, "user": 7},
)
RULES = {"adam": LazyAdam, "adagrad": LazyAdagrad, "ftrl": LazyFtrl, "sgd": LazySGD, "dense": DenseAdam}


def batch(rows: int = 12) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    features = {
        "item": rng.integers(0, 9, rows),
        "user": 1 + np.arange(rows) % 6,
        "seen": rng.integers(0, 9, (rows, 3)),
        "price": rng.normal(size=rows).astype("float32"),
        "age": rng.normal(size=rows).astype("float32"),
        "image": rng.normal(size=(rows, 2)).astype("float32"),
    }
    return features, rng.integers(0, 2, (rows, 1)).astype("float32")


def embeddings_of(model: keras.Model) -> FeatureEmbedding:
    return layers_of(model, FeatureEmbedding)[0]


def state(model: keras.Model) -> dict[str, np.ndarray]:
    """Rows by feature: items 1..8 and users 1..6 of the fused table, vectors of numbers and of the image."""
    layer = embeddings_of(model)
    table = np.array(layer.lookups[0].fused_table.embeddings)
    numbers = np.array(layer.number_vectors)
    image = np.array(layer.projections["image"].kernel)
    return {
        "padding": table[:1],
        "item": table[1:9],
        "user": table[9:],
        "price": numbers[:1],
        "age": numbers[1:],
        "image": image,
    }


def trained(rule: str, steps: int, rates: dict[str, float] | None, **options: Any) -> tuple[dict, dict]:
    keras.utils.set_random_seed(1)
    model = DNN(SPEC, embedding_dim=4, hidden_units=(8,), learning_rates=rates, **options)
    model.build()
    model.compile(optimizer=RULES[rule](learning_rate=0.1), jit_compile=False)
    before = state(model)
    for _ in range(steps):
        model.train_on_batch(*batch())
    return before, state(model)


@pytest.mark.parametrize("rule", RULES)
def test_frozen_rows_never_move_and_others_do(rule: str) -> None:
    frozen = dict.fromkeys(("item", "price", "image"), 0.0)
    before, after = trained(rule, 3, frozen)
    for name in ("padding", "item", "price", "image"):
        np.testing.assert_array_equal(after[name], before[name])
    for name in ("user", "age"):
        assert np.all(np.any(after[name] != before[name], axis=1)), name


@pytest.mark.parametrize("rule", ["adam", "adagrad", "sgd", "dense"])
def test_a_rate_scales_the_update(rule: str) -> None:
    before, plain = trained(rule, 1, None)
    _, scaled = trained(rule, 1, {"user": 0.25, "age": 2.0})
    for name, factor in {"item": 1.0, "user": 0.25, "age": 2.0, "price": 1.0}.items():
        np.testing.assert_allclose(scaled[name] - before[name], factor * (plain[name] - before[name]), atol=1e-6)
        assert np.abs(plain[name] - before[name]).max() > 1e-4


def test_a_rate_of_ftrl_is_the_rule_with_that_rate() -> None:
    _, slow = trained("ftrl", 1, {"user": 0.5})
    keras.utils.set_random_seed(1)
    model = DNN(SPEC, embedding_dim=4, hidden_units=(8,))
    model.build()
    model.compile(optimizer=LazyFtrl(learning_rate=0.05), jit_compile=False)
    model.train_on_batch(*batch())
    np.testing.assert_allclose(slow["user"], state(model)["user"], rtol=1e-5)


def test_a_penalty_on_the_whole_table_does_not_move_frozen_rows() -> None:
    before, after = trained("adam", 2, {"item": 0.0}, embedding_l2=TableL2(0.1))  # its gradient is dense
    np.testing.assert_array_equal(after["item"], before["item"])
    assert np.any(after["user"] != before["user"])


def test_a_table_of_its_own_freezes_whole() -> None:
    keras.utils.set_random_seed(1)
    tables = {"item": QuotientRemainderTable(compression=3)}
    model = FM(SPEC, embedding_dim=4, tables=tables, learning_rates={"item": 0.0})
    model.build()
    model.compile(optimizer=LazyAdam(0.1), jit_compile=False)
    own = [lookup for embedding in layers_of(model, FeatureEmbedding) for lookup in embedding.lookups]
    own = [lookup for lookup in own if "item" in lookup.vocabularies]
    assert len(own) == 2  # the vectors, and the linear weights
    weights = [weight for lookup in own for weight in lookup.fused_table.trainable_weights]
    before = [np.array(weight) for weight in weights]
    model.train_on_batch(*batch())
    for old, weight in zip(before, weights, strict=True):
        np.testing.assert_array_equal(np.array(weight), old)


def test_rates_are_saved(tmp_path: Path) -> None:
    model = DNN(SPEC, embedding_dim=4, hidden_units=(8,), learning_rates={"item": 0.0})
    model.build()
    model.compile(optimizer=LazyAdam(0.1), jit_compile=False)
    model.train_on_batch(*batch())
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    before = state(again)
    again.train_on_batch(*batch())
    np.testing.assert_array_equal(state(again)["item"], before["item"])
    assert np.any(state(again)["user"] != before["user"])


class BreakOff(keras.callbacks.Callback):
    """Ends a run in the middle of its first epoch."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if batch == 6:
            raise KeyboardInterrupt


def test_rates_hold_in_a_run_that_is_resumed(tmp_path: Path) -> None:
    def run(folder: Path, *callbacks: keras.callbacks.Callback) -> tuple[np.ndarray, np.ndarray]:
        keras.utils.set_random_seed(1)
        model = DNN(bound(), embedding_dim=4, hidden_units=(8,), learning_rates={"item": 0.0, "user": 0.5})
        model.build()
        table = embeddings_of(model).lookups[0].fused_table.embeddings
        before = np.array(table)
        fit(model, train_plan(), valid_data(), FitConfig(epochs=1, checkpoint_seconds=0), folder, callbacks)
        return before, np.array(table)

    before, whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", BreakOff())
    np.testing.assert_array_equal(run(tmp_path / "broken")[1], whole)
    assert np.all(np.any(whole[1:USERS] != before[1:USERS], axis=1))
    np.testing.assert_array_equal(whole[USERS:], before[USERS:])


@pytest.mark.parametrize(
    ("rates", "message"),
    [({"nope": 1.0}, "no rows"), ({"seen": 0.5}, "shares the rows of 'item'"), ({"item": -1.0}, "at least 0")],
)
def test_wrong_rates_are_refused(rates: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DNN(SPEC, learning_rates=rates)


def test_vocabularies_that_are_hashed_together_cannot_differ() -> None:
    with pytest.raises(ValueError, match="a table of their own"):
        DNN(SPEC, table=HashedTable(), learning_rates={"item": 0.0})
    DNN(SPEC, table=FullTable(), tables={"item": HashedTable()}, learning_rates={"item": 0.0})


def test_an_optimizer_that_does_not_follow_rates_is_refused() -> None:
    model = DNN(SPEC, hidden_units=(4,), learning_rates={"item": 0.0})
    with pytest.raises(ValueError, match="LazyAdam"):
        model.compile("adam")
    model.build()
    with pytest.raises(ValueError, match="weight_decay"):
        LazyAdam(0.1, weight_decay=0.01).build(model.trainable_variables)

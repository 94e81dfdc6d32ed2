"""Row-wise optimizers against Keras' dense ones, and against a table too long to touch."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.initializers import RandomNormal

from tests.training.planted import bound, train_plan, valid_data
from tfctr.layers.embedding import FullTable
from tfctr.models.dnn import DNN
from tfctr.training import FitConfig, fit
from tfctr.training.optimizers import DenseAdam, LazyAdagrad, LazyAdam, LazyFtrl, LazySGD

PAIRS = [
    (LazyAdam, keras.optimizers.Adam, {}),
    (lambda **k: LazyAdam(decay_missed=True, **k), keras.optimizers.Adam, {}),
    (LazyAdagrad, keras.optimizers.Adagrad, {}),
    (LazySGD, keras.optimizers.SGD, {}),
    (LazyFtrl, keras.optimizers.Ftrl, {"l1_regularization_strength": 0.01, "l2_regularization_strength": 0.02}),
    (LazyAdam, keras.optimizers.Adam, {"global_clipnorm": 0.5}),
    (LazyAdam, keras.optimizers.Adam, {"clipnorm": 0.2}),
    (LazyAdam, keras.optimizers.Adam, {"clipvalue": 0.05}),
]
ROWS, DIM = 6, 3


def steps(optimizer: keras.optimizers.Optimizer, ids: list[list[int]], *, sparse: bool) -> np.ndarray:
    """Run one step for each list of ids, with gradients that depend on step and position; return the table."""
    table = keras.Variable(np.linspace(-1, 1, ROWS * DIM).reshape(ROWS, DIM), dtype="float32", name="table")
    optimizer.build([table])
    rng = np.random.default_rng(0)
    for batch in ids:
        values = rng.normal(size=(len(batch), DIM)).astype(np.float32)
        slices = tf.IndexedSlices(tf.constant(values), tf.constant(batch), tf.constant([ROWS, DIM]))
        gradient = slices if sparse else tf.convert_to_tensor(slices)
        optimizer.apply([gradient], [table])
    return keras.ops.convert_to_numpy(table)


@pytest.mark.parametrize(("lazy", "dense", "options"), PAIRS)
def test_equal_to_the_dense_rule_when_every_row_is_touched(lazy, dense, options) -> None:
    batches = [[0, 1, 2, 3, 4, 5, 2, 2], [5, 4, 3, 2, 1, 0], [0, 0, 1, 2, 3, 4, 5, 5]]
    found = steps(lazy(learning_rate=0.1, **options), batches, sparse=True)
    wanted = steps(dense(learning_rate=0.1, **options), batches, sparse=False)
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("lazy", [LazyAdam, LazyAdagrad, LazyFtrl, LazySGD])
def test_untouched_rows_do_not_move(lazy) -> None:
    start = np.linspace(-1, 1, ROWS * DIM).reshape(ROWS, DIM).astype(np.float32)
    found = steps(lazy(learning_rate=0.1), [[1, 1], [1, 3]], sparse=True)
    moved = np.any(found != start, axis=1)
    assert moved.tolist() == [False, True, False, True, False, False]


def test_dense_adam_sums_the_parts_of_a_repeated_id_first() -> None:
    batches = [[1, 1, 1, 3], [0, 1], [5, 5]]
    found = steps(DenseAdam(0.1), batches, sparse=True)
    wanted = steps(keras.optimizers.Adam(0.1), batches, sparse=False)
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-7)


def test_adagrad_equals_dense_with_untouched_rows_too() -> None:
    batches = [[0, 1], [1, 2], [0, 0]]
    np.testing.assert_allclose(
        steps(LazyAdagrad(0.1), batches, sparse=True),
        steps(keras.optimizers.Adagrad(0.1), batches, sparse=False),
        rtol=2e-6,
    )


def test_missed_steps_decay_the_moments() -> None:
    """By hand: one row, gradient 1 at step 1, nothing at step 2, gradient 1 at step 3."""
    momentum = 0.9 * (0.9 * 0.1) + 0.1
    velocity = 0.999 * (0.999 * 0.001) + 0.001
    table = keras.Variable(np.zeros((2, 1)), dtype="float32")
    optimizer = LazyAdam(learning_rate=0.1, decay_missed=True)
    optimizer.build([table])
    for row in (0, 1, 0):
        optimizer.apply([tf.IndexedSlices(tf.ones((1, 1)), tf.constant([row]), tf.constant([2, 1]))], [table])
    slots = {v.path.split("/")[-1]: keras.ops.convert_to_numpy(v) for v in optimizer.variables}
    found = [float(v[0, 0]) for name, v in slots.items() if v.shape == (2, 1)]
    np.testing.assert_allclose(sorted(found), sorted([momentum, velocity]), rtol=1e-5)


@pytest.mark.parametrize("sparse", [True, False])
def test_one_accumulator_a_row_is_the_mean_square(sparse: bool) -> None:
    """Against a loop over steps and rows; a row that comes twice in a batch is one gradient, the sum."""
    batches, rate, start = [[0, 1, 1], [1, 4, 2], [5, 5, 0]], 0.1, 0.2
    options = {"initial_accumulator_value": start, "epsilon": 1e-7}
    found = steps(LazyAdagrad(rate, one_per_row=True, **options), batches, sparse=sparse)
    table, accumulators = np.linspace(-1, 1, ROWS * DIM).reshape(ROWS, DIM), np.full(ROWS, start)
    rng = np.random.default_rng(0)
    for batch in batches:
        gradients = np.zeros((ROWS, DIM))
        for row, values in zip(batch, rng.normal(size=(len(batch), DIM)), strict=True):
            gradients[row] += values
        for row in range(ROWS):
            accumulators[row] += np.mean(gradients[row] ** 2)
            table[row] -= rate * gradients[row] / np.sqrt(accumulators[row] + 1e-7)
    np.testing.assert_allclose(found, table, rtol=2e-6, atol=2e-7)


def test_one_accumulator_a_row_keeps_nothing_larger() -> None:
    weights = [keras.Variable(np.zeros(shape), name=name) for name, shape in (("table", (1000, 16)), ("bias", (16,)))]
    optimizer = LazyAdagrad(one_per_row=True)
    optimizer.build(weights)
    assert [tuple(v.shape) for v in optimizer.variables if len(v.shape)] == [(1000, 1), (16,)]
    full = LazyAdagrad()
    full.build(weights)
    assert [tuple(v.shape) for v in full.variables if len(v.shape)] == [(1000, 16), (16,)]


@pytest.mark.parametrize("name", ["lazy_adam", "lazy_adagrad", "lazy_sgd", "adam"])
def test_every_optimizer_learns_in_fit(name: str) -> None:
    keras.utils.set_random_seed(2)
    rate = {"lazy_sgd": 1.0, "lazy_adagrad": 0.1}.get(name, 0.02)
    config = FitConfig(epochs=8, optimizer=name, learning_rate=rate, patience=8, rate_factor=1.0)
    model = DNN(bound(), embedding_dim=4, hidden_units=(16,), table=FullTable(initializer=RandomNormal(stddev=0.5)))
    result = fit(model, train_plan(), valid_data(), config)
    assert result.history[-1]["loss"] < result.history[0]["loss"] - 0.005


def test_config_round_trip() -> None:
    optimizer = LazyAdam(learning_rate=0.3, decay_missed=True, global_clipnorm=2.0)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, LazyAdam)
    assert again.get_config() == optimizer.get_config()


def test_amsgrad_and_momentum_are_refused() -> None:
    with pytest.raises(ValueError, match="amsgrad"):
        LazyAdam(amsgrad=True)
    with pytest.raises(ValueError, match="momentum"):
        LazySGD(momentum=0.9)


def test_compiles_in_plain_keras_and_saves(tmp_path) -> None:
    model = DNN(bound(), embedding_dim=4, hidden_units=(8,))
    model.build()
    model.compile(optimizer=LazyAdam(0.01))
    model.fit(train_plan().epoch(0), verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.optimizer, LazyAdam)
    for mine, theirs in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(mine), keras.ops.convert_to_numpy(theirs))


RULES = {
    "lazy_adam": lambda: LazyAdam(0.01, global_clipnorm=1.0),
    "decay_missed": lambda: LazyAdam(0.01, decay_missed=True),
    "lazy_adagrad": lambda: LazyAdagrad(0.01),
    "one_per_row": lambda: LazyAdagrad(0.01, one_per_row=True),
    "lazy_ftrl": lambda: LazyFtrl(0.01),
    "lazy_sgd": lambda: LazySGD(0.01),
    "adam": lambda: DenseAdam(0.01),
}


@pytest.mark.parametrize("compile_first", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_a_model_saved_before_its_first_step_is_loaded_and_trains_the_same(
    name: str, compile_first: bool, tmp_path
) -> None:
    model = DNN(bound(), embedding_dim=2, hidden_units=(4,))
    for step in (model.build, lambda: model.compile(RULES[name](), jit_compile=False))[:: -1 if compile_first else 1]:
        step()
    model.optimizer.learning_rate = 0.02
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    rows, labels = next(iter(train_plan().epoch(0)))[:2]
    for each in (model, again):
        each.train_on_batch(rows, labels)
    for mine, theirs in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(mine), keras.ops.convert_to_numpy(theirs))

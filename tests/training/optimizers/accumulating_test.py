"""Gradients of several batches as one step: equal to one large batch, and sparse all the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.training.optimizers import LazyAdagrad, LazyAdam, LazyFtrl, LazySGD

ROWS, DIM = 1234, 3
MAKERS: dict[str, Callable[..., Any]] = {
    "adam": LazyAdam,
    "adam, missed steps": lambda **k: LazyAdam(decay_missed=True, **k),
    "adam, clipped": lambda **k: LazyAdam(global_clipnorm=0.5, **k),
    "adam, weight decay": lambda **k: LazyAdam(weight_decay=0.01, **k),
    "adagrad": LazyAdagrad,
    "adagrad, one a row": lambda **k: LazyAdagrad(one_per_row=True, **k),
    "ftrl": LazyFtrl,
    "sgd": LazySGD,
}
BATCHES = ([1, 1, 7], [7, 900], [3, 3, 3, 1233], [0, 1])


def weights() -> list[keras.Variable]:
    table = np.linspace(-1, 1, ROWS * DIM).reshape(ROWS, DIM)
    return [
        keras.Variable(table, dtype="float32", name="table"),
        keras.Variable(np.ones((4, 2)), dtype="float32", name="kernel"),
    ]


def gradients(batch: int) -> list[Any]:
    """Of the table, sparse, and of the kernel, dense."""
    rng, rows = np.random.default_rng(batch), BATCHES[batch]
    values = rng.normal(size=(len(rows), DIM)).astype(np.float32)
    slices = tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant([ROWS, DIM]))
    return [slices, tf.constant(rng.normal(size=(4, 2)).astype(np.float32))]


def joint(batches: list[int]) -> list[Any]:
    """The mean of their gradients, as one large batch would give it."""
    tables, kernels = zip(*map(gradients, batches), strict=True)
    values = tf.concat([table.values for table in tables], axis=0) / len(batches)
    indices = tf.concat([table.indices for table in tables], axis=0)
    return [tf.IndexedSlices(values, indices, tables[0].dense_shape), tf.add_n(kernels) / len(batches)]


def run(optimizer: Any, steps: list[list[Any]]) -> list[np.ndarray]:
    """Apply gradients in a compiled function; return the weights."""
    found = weights()
    optimizer.build(found)
    apply = tf.function(lambda *grads: optimizer.apply(list(grads), found), reduce_retracing=True)
    for grads in steps:
        apply(*grads)
    return [keras.ops.convert_to_numpy(weight) for weight in found]


@pytest.mark.parametrize("name", MAKERS)
def test_two_batches_are_one_of_both(name: str) -> None:
    found = run(MAKERS[name](learning_rate=0.1, gradient_accumulation_steps=2), [gradients(i) for i in range(4)])
    wanted = run(MAKERS[name](learning_rate=0.1), [joint([0, 1]), joint([2, 3])])
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=2e-7)


def test_it_is_keras_own_accumulation_but_for_rows_that_no_batch_touched() -> None:
    found = run(LazyAdagrad(0.1, gradient_accumulation_steps=4), [gradients(i) for i in range(4)])
    dense = [[tf.convert_to_tensor(gradient) for gradient in gradients(i)] for i in range(4)]
    wanted = run(keras.optimizers.Adagrad(0.1, gradient_accumulation_steps=4), dense)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=2e-7)


def test_nothing_moves_before_the_last_batch_and_nothing_is_left_after_it() -> None:
    optimizer = LazyAdam(0.1, gradient_accumulation_steps=3)
    start = [keras.ops.convert_to_numpy(weight) for weight in weights()]
    for weight, before in zip(run(optimizer, [gradients(0), gradients(1)]), start, strict=True):
        np.testing.assert_array_equal(weight, before)
    assert any(np.any(keras.ops.convert_to_numpy(variable)) for variable in optimizer.unfinished())
    optimizer = LazyAdam(0.1, gradient_accumulation_steps=3)
    table, _ = run(optimizer, [gradients(i) for i in range(3)])
    assert np.flatnonzero(np.any(table != start[0], axis=1)).tolist() == [1, 3, 7, 900, 1233]
    for variable in optimizer.unfinished():
        if not variable.name.endswith("_touched"):  # old entries behind the count
            assert not np.any(keras.ops.convert_to_numpy(variable)), variable.name


def test_no_operation_has_as_many_rows_as_the_table() -> None:
    """So that neither a batch nor a step costs more when the table is longer."""
    found = weights()
    optimizer = LazyAdam(0.1, gradient_accumulation_steps=2, decay_missed=True, global_clipnorm=1.0)
    optimizer.build(found)
    graph = tf.function(lambda *grads: optimizer.apply(list(grads), found)).get_concrete_function(*gradients(0)).graph
    branches = [op.get_attr(branch).name for op in graph.get_operations() if op.type in ("If", "StatelessIf")
                for branch in ("then_branch", "else_branch")]  # fmt: skip
    assert branches, "the step is in a branch of its own"
    graphs = [graph, *(graph._get_function(name).graph for name in branches)]
    operations = [op for one in graphs for op in one.get_operations()]
    assert any(op.type == "ResourceScatterUpdate" for op in operations)
    for op in operations:
        for output in op.outputs:
            assert output.dtype == tf.resource or ROWS not in output.shape.as_list(), op.name


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ValueError, match="gradient_accumulation_steps and use_ema do not go together"):
        LazyAdam(gradient_accumulation_steps=2, use_ema=True).build(weights())
    with (
        tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope(),
        pytest.raises(ValueError, match="gradient_accumulation_steps is for one replica"),
    ):
        LazyAdam(gradient_accumulation_steps=2).build(weights())

"""A step touches the rows it looks up, never the whole table."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.embedding import DoubleHashedTable, EmbeddingTable, FullTable, HashedTable, QuotientRemainderTable
from tfctr.layers.embedding._gather import gather_rows

ROWS, DIM = 1000, 4
TABLES = [FullTable(), HashedTable(), DoubleHashedTable(), QuotientRemainderTable()]


def ops_on_weights(table: EmbeddingTable) -> set[str]:
    """Types of the graph's operations that take one of the table's weights."""

    @tf.function
    def step(ids: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.cast(table(ids), tf.float32))
        return tape.gradient(loss, [weight.value for weight in table.trainable_weights])

    graph = step.get_concrete_function(tf.TensorSpec((None, 3), tf.int64)).graph
    handles = {inside.name for _, inside in graph.captures}
    return {operation.type for operation in graph.get_operations() if {i.name for i in operation.inputs} & handles}


@pytest.mark.parametrize("template", TABLES, ids=lambda table: type(table).__name__)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_no_operation_reads_or_casts_a_whole_table(template: EmbeddingTable, policy: str) -> None:
    table = type(template).from_config(
        {**template.get_config(), "rows": ROWS, "dim": DIM, "name": "table", "dtype": policy}
    )
    table.build()
    assert ops_on_weights(table) <= {"ResourceGather", "VariableShape"}


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_gradients_are_sparse_and_vectors_in_the_compute_dtype(policy: str) -> None:
    table = FullTable(rows=ROWS, dim=DIM, dtype=policy)
    table.build()
    with tf.GradientTape() as tape:
        vectors = table(np.array([[1, 5], [5, 0]]))
        loss = tf.reduce_sum(tf.cast(vectors, tf.float32))
    gradient = tape.gradient(loss, table.embeddings.value)
    assert isinstance(gradient, tf.IndexedSlices)
    assert gradient.values.dtype == tf.float32
    assert keras.backend.standardize_dtype(vectors.dtype) == table.compute_dtype
    np.testing.assert_array_equal(tf.convert_to_tensor(gradient)[5], np.full(DIM, 2.0))


def test_rows_of_a_mirrored_variable() -> None:
    """A variable with copies on several devices has no way to read single rows; the rows are the same."""
    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    with strategy.scope():
        weight = keras.Variable(np.arange(8.0).reshape(4, 2), autocast=False)
    assert hasattr(weight.value, "values")
    rows = strategy.run(tf.function(lambda: gather_rows(weight, tf.constant([3, 1]))))
    np.testing.assert_array_equal(rows, [[6.0, 7.0], [2.0, 3.0]])

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.embedding import FullTable, MiniBatchAware

# Ids 1, 2, 3 carry the rows (1,2), (3,0), (0,2) with training counts 10, 2, 1; id 4 is in no batch.
ROWS = np.array([[9, 9], [1, 2], [3, 0], [0, 2], [5, 5]], "float32")
COUNTS = np.array([7, 10, 2, 1, 3])
IDS = np.array([[1, 2], [1, 0], [3, 3]])  # 0 is padding


def table(coefficient: float) -> FullTable:
    made = FullTable(rows=5, dim=2, penalty=MiniBatchAware(coefficient))
    made.build()
    made.embeddings.assign(ROWS)
    made.set_counts(COUNTS)
    return made


def test_value_by_hand() -> None:
    # 5/10 + 9/2 + 4/1 = 9: a repeated id counts once, padding and absent rows not at all.
    made = table(1.0)
    made(IDS)
    np.testing.assert_allclose(float(made.losses[0]), 0.5 * 9.0, rtol=1e-6)


@pytest.mark.parametrize("jit", [False, True])
def test_one_step_shrinks_the_rows_of_the_batch_by_their_share(jit: bool) -> None:
    made = table(0.3)

    @tf.function(jit_compile=jit)
    def gradient(ids: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            made(ids)
            penalty = tf.add_n(made.losses)
        return tf.convert_to_tensor(tape.gradient(penalty, made.embeddings.value))

    shrunk = ROWS - 0.1 * gradient(tf.constant(IDS)).numpy()
    factor = np.array([1.0, 1 - 0.1 * 0.3 / 10, 1 - 0.1 * 0.3 / 2, 1 - 0.1 * 0.3 / 1, 1.0])
    np.testing.assert_allclose(shrunk, ROWS * factor[:, None], rtol=1e-5)


def test_the_gradient_stays_sparse() -> None:
    made = table(0.3)
    with tf.GradientTape() as tape:
        out = made(IDS)
        loss = tf.reduce_sum(out) + made.losses[0]
    gradient = tape.gradient(loss, made.embeddings.value)
    assert isinstance(gradient, tf.IndexedSlices)
    assert gradient.indices.shape[0] == IDS.size


def test_an_empty_batch_costs_nothing() -> None:
    made = table(1.0)
    made(np.zeros((0, 2), "int64"))
    assert float(made.losses[0]) == 0.0


def test_unknown_counts_are_one_and_settings_survive() -> None:
    made = FullTable(rows=5, dim=2, penalty=MiniBatchAware(0.5))
    made.build()
    assert made.counts.numpy().tolist() == [1.0] * 5
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert again.penalty.coefficient == 0.5
    with pytest.raises(ValueError, match="-1"):
        MiniBatchAware(-1)

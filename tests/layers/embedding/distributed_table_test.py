"""The table of keras-rs on the default device, and what is refused where it would lose rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfctr.layers.embedding import BatchL2, DistributedTable, FullTable, FusedLookup, TableL2
from tfctr.models import DNN
from tfctr.spec import FeatureSpec

ROWS, DIM = 9, 4
IDS = np.array([[0, 1, 1], [3, 8, 0]])
WIDE = keras.initializers.RandomNormal(stddev=1.0, seed=1)


def built(**settings) -> DistributedTable:
    table = DistributedTable(rows=ROWS, dim=DIM, initializer=WIDE, **settings)
    table.build()
    return table


def full_of(table: DistributedTable) -> FullTable:
    full = FullTable(rows=ROWS, dim=DIM, penalty=table.penalty)
    full.build()
    full.set_weights(table.get_weights())
    return full


@pytest.mark.parametrize("settings", [{}, {"lookups": IDS.size}, {"placement": "default_device"}])
@pytest.mark.parametrize("ids", [IDS, IDS[:, 0], np.zeros((0, 3), int)], ids=lambda ids: str(ids.shape))
def test_it_answers_as_a_full_table_of_these_rows(settings, ids) -> None:
    table = built(**settings)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(table(ids)), ops.convert_to_numpy(full_of(table)(ids)), strict=True
    )


@pytest.mark.parametrize("penalty", [None, BatchL2(0.5)])
def test_gradients_are_sparse_and_those_of_a_full_table(penalty) -> None:
    table = built(penalty=penalty)
    gradients = []
    for layer in (table, full_of(table)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(layer(IDS))) + sum(layer.losses)
        gradients.append(tape.gradient(loss, layer.embeddings.value))
    assert all(isinstance(gradient, tf.IndexedSlices) for gradient in gradients)
    dense = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
    np.testing.assert_allclose(dense[0], dense[1], rtol=1e-6)
    assert np.abs(dense[0]).max(axis=1).nonzero()[0].tolist() == [1, 3, 8]  # not the padding, 0


def test_the_rows_are_the_only_weight_and_all_know_its_size() -> None:
    table = built()
    assert [(weight.name, tuple(weight.shape)) for weight in table.weights] == [("embeddings", (ROWS, DIM))]
    assert table.weight_shapes() == {"embeddings": (ROWS, DIM)}
    assert table.serving_bytes() == ROWS * DIM * 4
    np.testing.assert_array_equal(table.all_rows(), table.get_weights()[0])


def ads() -> FeatureSpec:
    return FeatureSpec(
        name="ads",
        features=[
            {"kind": "categorical", "name": "site", "role": "context"},
            {"kind": "categorical", "name": "ad", "role": "item"},
        ],
        tasks=[{"name": "click", "label": "clicked"}],
        split={"by": "hash", "column": "site"},
    )


def test_a_model_trains_its_rows_and_is_saved(tmp_path: Path) -> None:
    model = DNN(ads().bind({"site": 6, "ad": 5}), embedding_dim=DIM, hidden_units=(8,), table=DistributedTable())
    model.build()
    (before,) = [weight.numpy() for weight in model.weights if weight.name == "embeddings"]
    model.compile(keras.optimizers.SGD(10.0))
    features = {"site": np.array([1, 0, 3, 3]), "ad": np.array([2, 2, 0, 1])}
    model.fit(features, np.array([[1.0], [0.0], [1.0], [0.0]]), batch_size=4, verbose=0)
    (after,) = [weight.numpy() for weight in model.weights if weight.name == "embeddings"]
    # Ad i stands behind the five rows of the sites.
    assert (before != after).any(axis=1).nonzero()[0].tolist() == [1, 3, 6, 7]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(features), model(features))


def test_the_first_table_of_a_process_starts_like_the_next() -> None:
    """Importing keras-rs draws random numbers, which must not move the first values of weights made after it."""
    lines = [
        "import keras",
        "from tfctr.layers.embedding import DistributedTable, FullTable",
        "for _ in range(2):",
        "    keras.utils.set_random_seed(3)",
        "    DistributedTable(rows=4, dim=2, name='rows').build()",
        "    table = FullTable(rows=4, dim=2, name='table')",
        "    table.build()",
        "    print('VALUES', keras.ops.convert_to_numpy(table.embeddings).tolist())",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    first, second = (line for line in done.stdout.splitlines() if line.startswith("VALUES"))
    assert first == second


def test_a_saved_file_is_that_of_a_full_table(tmp_path: Path) -> None:
    """What was trained through keras-rs is served without it."""
    inputs = {"item": keras.Input((3,), dtype="int64", name="item")}
    trained, served = (
        keras.Model(inputs, FusedLookup({"item": ROWS}, {"item": "item"}, DIM, table=template)(inputs))
        for template in (DistributedTable(), FullTable())
    )
    trained.save_weights(tmp_path / "rows.weights.h5")
    served.load_weights(tmp_path / "rows.weights.h5")
    np.testing.assert_array_equal(served({"item": IDS})["item"], trained({"item": IDS})["item"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: DistributedTable(placement="gpu"),
        lambda: DistributedTable(optimizer="rmsprop"),
        lambda: DistributedTable(placement="sparsecore"),
    ],
)
def test_bad_arguments(make) -> None:
    with pytest.raises(ValueError, match="Received"):
        make()


def test_a_sparsecore_that_is_not_there_is_said() -> None:
    with pytest.raises(ValueError, match="TPU strategy"):
        built(placement="sparsecore", lookups=6)


def test_without_keras_rs_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras_rs.layers", None)
    with pytest.raises(ImportError, match=r"tfctr\[accelerators\]"):
        built()


def test_rows_outside_the_weights_are_neither_overwritten_nor_penalised() -> None:
    """No SparseCore here: a built table is told that it has one."""
    table = built(penalty=TableL2(0.5))
    table.has_external_rows = True
    with pytest.raises(ValueError, match="BatchL2 can"):
        table(IDS)
    with pytest.raises(ValueError, match="once they are trained"):
        table.load_own_variables({})
    store: dict[str, np.ndarray] = {}
    table.save_own_variables(store)
    np.testing.assert_array_equal(store["0"], table.all_rows())


def test_rows_outside_the_weights_have_no_learning_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup = FusedLookup({"item": 8}, {"item": "item"}, DIM, rates={"item": 0.5})
    monkeypatch.setattr(FullTable, "has_external_rows", True)
    with pytest.raises(ValueError, match="cannot have learning rates"):
        lookup.build()

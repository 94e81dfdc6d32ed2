"""The whole example through one fused table."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfctr.layers.embedding import FeatureEmbedding, FirstOrder, FullTable, FusedLookup, HashedTable
from tfctr.layers.embedding.feature_embedding import pooled
from tfctr.spec import BoundSpec, FeatureSpec

SPEC = FeatureSpec(
    name="ads",
    features=[
        {"kind": "categorical", "name": "item", "role": "item"},
        {"kind": "multi", "name": "tags", "role": "item", "max_length": 3},
        {"kind": "sequence", "name": "seen", "role": "user", "shares": "item", "times": "seen_at", "max_length": 4},
        {"kind": "numeric", "name": "age", "role": "user", "scale": "quantile"},
        {"kind": "numeric", "name": "price", "role": "item"},
        {"kind": "vector", "name": "image", "role": "item", "width": 2},
    ],
    tasks=[{"name": "click", "label": "clicked"}],
    meta={"time": "second"},
)
BOUND = SPEC.bind({"item": 10, "tags": 5, "age": 4})
DIM = 3


def batch(**changes) -> dict[str, np.ndarray]:
    features = {
        "item": np.array([1, 9]),
        "tags": np.array([[1, 4, 0], [0, 0, 0]]),
        "seen": np.array([[9, 1, 0, 0], [0, 0, 0, 0]]),
        "seen__times": np.array([[5, 6, 0, 0], [0, 0, 0, 0]]),
        "age": np.array([1, 3]),
        "price": np.array([0.0, 2.0], np.float32),
        "image": np.array([[1, 0], [0, 1]], np.float32),
    }
    return {**features, **changes}


def embedding(bound: BoundSpec = BOUND, **options) -> FeatureEmbedding:
    keras.utils.set_random_seed(0)
    layer = FeatureEmbedding(bound, DIM, table=FullTable(initializer="normal"), **options)
    layer.build()
    return layer


def numpy(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def test_shapes_and_names() -> None:
    layer = embedding()
    out = layer(batch())
    assert layer.field_names == ("item", "tags", "seen", "age", "price", "image")
    assert out.fields.shape == (2, 6, DIM)
    assert out.sequences["seen"].shape == (2, 4, DIM)
    assert numpy(out.masks["seen"]).tolist() == [[True, True, False, False], [False] * 4]
    assert numpy(out.times["seen"])[0].tolist() == [5, 6, 0, 0]
    assert out.vectors["image"].shape == (2, 2)
    assert embedding(pool_sequences=False).field_names == ("item", "tags", "age", "price", "image")


def test_one_table_holds_every_vocabulary_and_sharing_is_by_reference() -> None:
    layer = embedding()
    (lookup,) = layer.lookups
    assert lookup.rows == 1 + 9 + 4 + 3
    out = layer(batch())
    item = numpy(out.fields)[:, layer.field_index("item")]
    seen = numpy(out.sequences["seen"])
    np.testing.assert_array_equal(seen[0, 0], item[1])  # both are item 9
    np.testing.assert_array_equal(seen[0, 1], item[0])  # both are item 1


def test_fields_by_hand() -> None:
    layer = embedding()
    out = layer(batch())
    table = numpy(layer.lookups[0].fused_table.embeddings)
    fields = numpy(out.fields)
    np.testing.assert_allclose(fields[0, 1], (table[10] + table[13]) / 2, rtol=1e-6)  # tags start at row 10
    np.testing.assert_array_equal(fields[1, 1], 0)  # an empty bag
    np.testing.assert_allclose(fields[:, 3], table[[14, 16]])  # ages start at row 14
    vector = numpy(layer.number_vectors)[0]
    np.testing.assert_allclose(fields[:, 4], [0 * vector, 2 * vector], rtol=1e-6)


def test_an_id_out_of_range_becomes_oov_and_never_another_features_row() -> None:
    layer = embedding()
    table = numpy(layer.lookups[0].fused_table.embeddings)
    fields = numpy(layer(batch(item=np.array([10, -3]))).fields)
    np.testing.assert_array_equal(fields[:, 0], table[[1, 1]])


def test_padded_positions_do_not_train_and_gradients_are_sparse() -> None:
    layer = embedding()
    with tf.GradientTape() as tape:
        out = layer(batch())
        loss = ops.sum(out.fields) + ops.sum(out.sequences["seen"])
    gradient = tape.gradient(loss, layer.lookups[0].fused_table.embeddings.value)
    assert isinstance(gradient, tf.IndexedSlices)
    dense = tf.convert_to_tensor(gradient).numpy()
    assert not dense[0].any()
    touched = set(np.nonzero(dense.any(axis=1))[0])
    assert touched == {1, 9, 10, 13, 14, 16}


def test_a_vocabulary_with_a_table_of_its_own() -> None:
    layer = embedding(tables={"item": HashedTable(compression=3)})
    assert [type(lookup.fused_table).__name__ for lookup in layer.lookups] == ["HashedTable", "FullTable"]
    out = layer(batch())
    np.testing.assert_array_equal(numpy(out.sequences["seen"])[0, 1], numpy(out.fields)[0, 0])


@pytest.mark.parametrize("options", [{"only": ("nope",)}, {"tables": {"nope": FullTable()}}, {"only": ()}])
def test_unknown_names_are_refused(options) -> None:
    with pytest.raises(ValueError, match=r"no features|no vocabularies|nothing to embed"):
        FeatureEmbedding(BOUND, DIM, **options)


def test_an_unbound_spec_is_refused() -> None:
    with pytest.raises(TypeError, match="bound spec"):
        FeatureEmbedding(SPEC, DIM)


@pytest.mark.parametrize(("pooling", "expected"), [("mean", [2.0, 0.0]), ("sum", [4.0, 0.0]), ("max", [3.0, 0.0])])
def test_pooling_by_hand(pooling: str, expected: list[float]) -> None:
    vectors = np.array([[[1.0], [3.0], [9.0]], [[5.0], [6.0], [7.0]]], np.float32)
    mask = np.array([[True, True, False], [False, False, False]])
    assert numpy(pooled(ops.convert_to_tensor(vectors), mask, pooling)).ravel().tolist() == expected


def test_first_order_by_hand() -> None:
    layer = FirstOrder(BOUND)
    layer.build()
    (lookup,) = layer.weights_of_features.lookups
    lookup.fused_table.embeddings.assign(np.arange(17.0)[:, None])
    layer.weights_of_features.number_vectors.assign([[0.5]])
    layer.weights_of_features.projections["image"].kernel.assign([[100.0], [200.0]])
    layer.bias.assign([1000.0])
    # bias + item + mean tags + mean seen + age + price + image
    expected = [1000 + 1 + (10 + 13) / 2 + (9 + 1) / 2 + 14 + 0 + 100, 1000 + 9 + 0 + 0 + 16 + 1 + 200]
    assert numpy(layer(batch())).ravel().tolist() == expected


def test_counts_reach_the_rows_they_belong_to() -> None:
    class NeedsCounts(keras.layers.Layer):
        needs_counts = True

    lookup = FusedLookup({"a": 3, "b": 4}, {"a": "a", "b": "b"}, 2)
    lookup.fused_table.penalty = NeedsCounts()
    lookup.build()
    lookup.set_counts({"b": np.array([0, 7, 8, 0]), "a": np.array([0, 5, 6])})
    assert numpy(lookup.fused_table.counts).tolist() == [1, 5, 6, 7, 8, 1]


def test_saved_and_loaded(tmp_path) -> None:
    inputs = {info.name: keras.Input(info.shape, dtype=info.dtype, name=info.name) for info in SPEC.inputs()}
    outputs = embedding(tables={"item": HashedTable(compression=3)})(inputs)
    model = keras.Model(inputs, [outputs.fields, outputs.sequences["seen"]])
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    for mine, theirs in zip(model(batch()), again(batch()), strict=True):
        np.testing.assert_array_equal(numpy(mine), numpy(theirs))


def interleaved(numbers: tuple[str, ...] = ()) -> BoundSpec:
    """Ids a to d, each number right after the id of its letter."""
    features: list[dict] = []
    for name in "abcd":
        features.append({"kind": "categorical", "name": name, "role": "item"})
        features += [{"kind": "numeric", "name": n, "role": "item"} for n in numbers if n.startswith(name)]
    tasks = [{"name": "click", "label": "clicked"}]
    split = {"by": "hash", "column": "a"}
    return FeatureSpec(name="wide", features=features, tasks=tasks, split=split).bind(dict.fromkeys("abcd", 5))


def test_fields_keep_their_order_where_numbers_stand_between_ids() -> None:
    layer = embedding(interleaved(numbers=("b1", "b2", "c1")))
    values = {"a": 1, "b": 2, "b1": 3.0, "b2": 5.0, "c": 3, "c1": 7.0, "d": 4}
    batch = {name: np.full(2, value, "float32" if len(name) > 1 else "int64") for name, value in values.items()}
    fields = numpy(layer(batch).fields)
    rows = layer.lookups[0](batch)
    for place, name in enumerate(layer.field_names):
        number = {"b1": 0, "b2": 1, "c1": 2}.get(name)
        expected = numpy(rows[name]) if number is None else numpy(layer.number_vectors)[[number]] * values[name]
        np.testing.assert_array_equal(fields[:, place], np.broadcast_to(expected, (2, DIM)), err_msg=name)


def test_neighbouring_ids_are_not_taken_apart() -> None:
    layer = embedding(interleaved())
    traced = tf.function(lambda batch: layer(batch).fields)
    graph = traced.get_concrete_function({name: tf.TensorSpec((None,), tf.int64) for name in "abcd"}).graph
    moved = {op.type for op in graph.get_operations() if any(t.dtype == tf.float32 for t in op.outputs)}
    assert not moved & {"Split", "SplitV", "Unpack", "Pack", "ConcatV2", "StridedSlice"}

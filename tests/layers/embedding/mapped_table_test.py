"""A table by a map: numbers by hand, cold ids, maps that fit no table."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tfctr.layers.embedding import FeatureEmbedding, FullTable, IdMap, MappedTable
from tfctr.layers.embedding._hashing import hashed_rows
from tfctr.models import DNN, DeepFM
from tfctr.spec import BoundSpec, FeatureSpec

SPEC = FeatureSpec(
    name="ads",
    features=[
        {"kind": "categorical", "name": "user", "role": "user"},
        {"kind": "categorical", "name": "item", "role": "item"},
        {"kind": "sequence", "name": "past", "role": "user", "shares": "item", "max_length": 3},
    ],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "user"},
).bind({"user": 6, "item": 7})
GROUPS = [-1, -1, 7, 7, 3, -1]
SHARED = IdMap.grouped(GROUPS)


def numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


def built(mapping: IdMap, dim: int = 4) -> MappedTable:
    wide = keras.initializers.RandomNormal(stddev=1.0, seed=1)
    table = MappedTable(rows=mapping.ids, dim=dim, mapping=mapping, initializer=wide)
    table.build()
    return table


def test_groups_share_rows_and_the_unknown_have_the_oov_row() -> None:
    assert SHARED.row_indices[:, 0].tolist() == [0, 1, 3, 3, 2, 1]
    assert SHARED.rows == 4
    table = built(SHARED)
    vectors, rows = numpy(table(np.arange(6))), numpy(table.embeddings)
    assert not vectors[0].any()
    assert (vectors[1:] == rows[[1, 3, 3, 2, 1]]).all()


def test_several_oov_rows_stay_apart() -> None:
    mapping = IdMap.grouped([-1, -1, -1, -1, 5, 5, -1], reserved=4)
    assert mapping.row_indices[:, 0].tolist() == [0, 1, 2, 3, 4, 4, 1]


def test_the_second_code_is_added() -> None:
    """T[c] + T[h]; ids of a group differ unless their hashes collide; ids without a group keep their one row."""
    groups = np.r_[-1, -1, np.arange(200) % 20, -1]
    single, double = IdMap.grouped(groups), IdMap.grouped(groups).doubled()
    table = built(double)
    vectors, rows = numpy(table(np.arange(203))), numpy(table.embeddings)
    hashed = 2 + numpy(hashed_rows(np.arange(203), 20))
    np.testing.assert_allclose(vectors[2:202], rows[single.row_indices[2:202, 0]] + rows[hashed[2:202]], rtol=1e-6)
    assert (vectors[[1, 202]] == rows[[1, 1]]).all()
    pairs = {(min(c, h), max(c, h)) for c, h in zip(single.row_indices[2:202, 0], hashed[2:202], strict=True)}
    assert len(np.unique(vectors[2:202].round(5), axis=0)) == len(pairs) > 100
    assert double.rows == single.rows


def test_baselines_have_the_same_rows() -> None:
    modulo = IdMap.modulo(12, 4)
    assert modulo.row_indices[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 2, 3]
    assert modulo.rows == 6
    mapping = IdMap.grouped(np.r_[-1, -1, np.arange(500) // 50])
    other = mapping.shuffled(seed=3)
    assert other.rows == mapping.rows
    assert (np.bincount(other.row_indices[:, 0]) == np.bincount(mapping.row_indices[:, 0])).all()
    assert (other.row_indices[2:] == mapping.row_indices[2:]).mean() < 0.3
    assert (other.row_indices[:2] == mapping.row_indices[:2]).all()


def test_a_map_survives_its_plain_form() -> None:
    double = SHARED.doubled(salt=2)
    again = IdMap.coerce(double.to_config())
    assert (again.row_indices == double.row_indices).all()
    assert again.rows == double.rows
    assert MappedTable(mapping=double).sized(6, 3, "t").get_config()["mapping"] == double.to_config()


def test_the_bytes_count_the_map() -> None:
    mapping = IdMap.grouped(np.r_[-1, -1, np.arange(1000) % 10])
    table = built(mapping, dim=16)
    assert table.serving_bytes() == 12 * 16 * 4 + 1002 * 4
    assert table.weight_shapes() == {"embeddings": (12, 16)}
    assert built(mapping.doubled(), dim=16).serving_bytes() == 12 * 16 * 4 + 1002 * 8


def test_only_rows_of_known_ids_train() -> None:
    table = built(SHARED)
    assert [weight.name for weight in table.trainable_weights] == ["embeddings"]
    assert [weight.name for weight in table.non_trainable_weights] == ["places"]


def tables() -> dict:
    item = IdMap.grouped([-1, -1, 0, 1, 0, 1, -1]).doubled()
    return {"user": MappedTable(mapping=SHARED), "item": MappedTable(mapping=item)}


def test_a_model_is_saved_with_its_maps(tmp_path: Path) -> None:
    model = DeepFM(SPEC, embedding_dim=4, hidden_units=(8,), tables=tables(), embedding_l2=0.1)
    model.build()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    features = {
        "user": np.array([2, 3, 5, 1]),
        "item": np.array([2, 4, 6, 1]),
        "past": np.array([[2, 3, 0], [4, 3, 0], [6, 0, 0], [1, 0, 0]]),
    }
    np.testing.assert_array_equal(numpy(loaded(features)), numpy(model(features)))


def test_cold_ids_are_answered_alike() -> None:
    """An id without a group, the out-of-vocabulary id, and one that no vocabulary ever had."""
    embedding = FeatureEmbedding(SPEC, 4, tables={"user": MappedTable(mapping=SHARED)})
    users = np.array([1, 5, 99, -7])
    fields = embedding({"user": users, "item": np.ones(4, int), "past": np.zeros((4, 3), int)}).fields
    assert np.abs(numpy(fields)[0, 0]).sum() > 0
    assert (numpy(fields)[1:, 0] == numpy(fields)[0, 0]).all()


def test_a_map_fits_one_vocabulary() -> None:
    with pytest.raises(ValueError, match="the map is of 6 ids, the table has 7"):
        FeatureEmbedding(SPEC, 4, tables={"item": MappedTable(mapping=SHARED)})
    with pytest.raises(ValueError, match="give its table by the vocabulary's name"):
        FeatureEmbedding(SPEC, 4, table=MappedTable(mapping=SHARED))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IdMap(np.zeros((3, 1), int), 2), r"row_indices lie in \[1, 2\)"),
        (lambda: IdMap(np.array([[0], [2]]), 2), "row_indices lie in"),
        (lambda: IdMap(np.array([0, 1]), 2), "row_indices are integers"),
        (lambda: IdMap.grouped([-1, -1]), "reserved ids are padding"),
        (lambda: IdMap.grouped([-1, -1, 4], reserved=1), "reserved ids are padding"),
        (lambda: IdMap.modulo(9, 0), "at least one row"),
    ],
)
def test_what_is_no_map_is_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_one_group_for_all_is_the_smallest_map() -> None:
    table = built(IdMap.grouped([-1, -1, 4, 4, 4]))
    assert table.weight_shapes()["embeddings"][0] == 3
    assert built(IdMap.grouped([-1, -1, -1])).weight_shapes()["embeddings"][0] == 2


def test_a_row_an_id_is_the_full_table() -> None:
    bound = BoundSpec.coerce(SPEC.to_config())
    mapping = IdMap.grouped(np.r_[-1, -1, np.arange(4)])
    mapped, full = built(mapping), FullTable(rows=bound.rows["user"], dim=4)
    full.build()
    full.embeddings.assign(mapped.embeddings)
    np.testing.assert_array_equal(numpy(mapped(np.arange(6))), numpy(full(np.arange(6))))


def test_the_file_is_smaller_by_about_the_rows_saved(tmp_path: Path) -> None:
    """The map is counted: 4 bytes an id beside a row's 128, once as a weight and once, packed, among the settings."""
    ids, dim = 5_000, 32
    spec = FeatureSpec(
        name="ads",
        features=[{"kind": "categorical", "name": "user", "role": "user"}],
        tasks=[{"name": "click", "label": "clicked"}],
        split={"by": "hash", "column": "user"},
    ).bind({"user": ids})
    mapping = IdMap.grouped(np.r_[-1, -1, np.random.default_rng(0).integers(0, 250, ids - 2)])
    sizes = []
    for chosen in ({}, {"user": MappedTable(mapping=mapping)}):
        model = DNN(spec, embedding_dim=dim, hidden_units=(4,), tables=chosen)
        model.build()
        model.save(tmp_path / "model.keras")
        sizes.append((tmp_path / "model.keras").stat().st_size)
    saved = (ids - mapping.rows) * dim * 4 - ids * 4
    assert 0.95 * saved < sizes[0] - sizes[1] < saved

"""Retrieval: drawn negatives, figures by hand, communities that are found, an index that answers like the model."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tests.models.specs import categorical, make_spec
from tfctr.data import DataError
from tfctr.data.batches import ArrayPlan, DrawnNegatives, catalogue, item_tensors
from tfctr.data.graph import InteractionGraph, cluster
from tfctr.layers.embedding import EmbeddingTable, IdMap, MappedTable
from tfctr.models import TwoTower
from tfctr.serving import export_index
from tfctr.spec import FeatureSpec, SpecError
from tfctr.training import FitConfig, evaluate_retrieval, fit
from tfctr.transform import fit_transform

USERS, ITEMS, COMMUNITIES = 240, 200, 8
SPEC = make_spec(categorical("user", "user"), categorical("item"), rows={"user": USERS + 2, "item": ITEMS + 2})
SIDES = {"user": "user", "item": "item"}


def meetings(seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Train and test rows: nine in ten meet an item of their own drawn community, no pair comes twice."""
    generator = np.random.default_rng(seed)
    of_user, of_item = (generator.integers(0, COMMUNITIES, count) for count in (USERS, ITEMS))
    likely = np.where(of_user[:, None] == of_item[None], 0.35, 0.006)
    user, item = np.nonzero(generator.random((USERS, ITEMS)) < likely)
    order = generator.permutation(len(user))
    rows = {"user": 2 + user[order], "item": 2 + item[order], "click": np.ones(len(user), np.float32)}
    cut = len(user) * 2 // 3
    return {name: v[:cut] for name, v in rows.items()}, {name: v[cut:] for name, v in rows.items()}


ALL_ITEMS = {"item": np.arange(2, ITEMS + 2)}


def maps(train: dict[str, np.ndarray]) -> dict[str, IdMap]:
    found = cluster(InteractionGraph.from_pairs(train["user"] - 2, train["item"] - 2, (USERS, ITEMS)))
    return {"user": IdMap.grouped(np.r_[-1, -1, found.users]), "item": IdMap.grouped(np.r_[-1, -1, found.items])}


def recall(seed: int, train: dict, test: dict, tables: dict[str, EmbeddingTable]) -> float:
    keras.utils.set_random_seed(seed)
    model = TwoTower(SPEC, embedding_dim=8, tables=tables)
    plan, valid = (
        DrawnNegatives(ArrayPlan(rows, SPEC, batch_size=256, seed=seed), ALL_ITEMS, SPEC.spec, negatives=4)
        for rows in (train, test)
    )
    fit(model, plan, valid.epoch(0), FitConfig(epochs=5, learning_rate=0.05, patience=5, seed=seed))
    return evaluate_retrieval(model, test, ALL_ITEMS, **SIDES, seen=train, ks=(20,))["recall_20"]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_communities_are_retrieved_by_their_rows_alone(seed: int) -> None:
    train, test = meetings(seed)
    graph = maps(train)
    found = {
        name: recall(seed, train, test, {side: MappedTable(mapping=one) for side, one in chosen.items()})
        for name, chosen in (
            ("graph", graph),
            ("modulo", {side: IdMap.modulo(one.ids, one.rows - 2) for side, one in graph.items()}),
        )
    }
    assert found["graph"] > 0.5
    assert found["graph"] - found["modulo"] >= 0.2


def by_hand(users: list[list[float]], items: list[list[float]]) -> TwoTower:
    spec = make_spec(categorical("user", "user"), categorical("item"), rows={"user": 6, "item": 6})
    model = TwoTower(spec, embedding_dim=2)
    model.build()
    for embedding, vectors in ((model.user_embedding, users), (model.item_embedding, items)):
        weight = embedding.trainable_weights[0]
        values = np.zeros(weight.shape, np.float32)
        values[2 : 2 + len(vectors)] = np.reshape(vectors, (-1, 2))
        weight.assign(values)
    return model


def test_figures_by_hand() -> None:
    """User 2 ranks items 2, 3, 4, 5; user 3 the other way round."""
    model = by_hand([[1, 0], [-1, 0]], [[4, 0], [3, 0], [2, 0], [1, 0]])
    items = {"item": np.array([2, 3, 4, 5])}
    rows = {"user": np.array([2, 2, 3]), "item": np.array([2, 5, 3])}
    found = evaluate_retrieval(model, rows, items, **SIDES, ks=(1, 3))
    assert found["top_1"] == pytest.approx(1 / 3)
    assert found["top_3"] == pytest.approx(2 / 3)
    assert found["recall_1"] == pytest.approx((1 / 1 + 0) / 2)
    assert found["recall_3"] == pytest.approx((1 / 2 + 1) / 2)
    ideal = 1 + 1 / np.log2(3)
    assert found["ndcg_3"] == pytest.approx((1 / ideal + 0.5) / 2)
    seen = {"user": np.array([2, 3, 3]), "item": np.array([2, 5, 4])}
    masked = evaluate_retrieval(model, rows, items, **SIDES, ks=(1, 3), seen=seen)
    assert masked["recall_3"] == pytest.approx((1 + 1) / 2)  # item 2 is no longer wanted of user 2, 5 comes third
    assert masked["ndcg_1"] == pytest.approx((0 + 1) / 2)
    unknown = {"user": np.array([2, 2, 3, 4]), "item": np.array([2, 5, 3, 1])}  # user 4 met what is in no catalogue
    with_unknown = evaluate_retrieval(model, unknown, items, **SIDES, ks=(1, 3))
    assert with_unknown == pytest.approx({**found, "top_1": 1 / 4, "top_3": 2 / 4})


def test_ties_win_nothing() -> None:
    """Where all items are alike, one in four comes first by chance, whatever their ids."""
    model = by_hand([[1, 0]], [[1, 0]] * 4)
    items = {"item": np.array([2, 3, 4, 5])}
    rows = {"user": np.array([2]), "item": np.array([2])}
    found = [evaluate_retrieval(model, rows, items, **SIDES, ks=(1,), seed=seed) for seed in range(40)]
    assert 0.05 < np.mean([one["recall_1"] for one in found]) < 0.5
    assert 0.05 < np.mean([one["top_1"] for one in found]) < 0.5


@pytest.mark.parametrize("ks", [(0,), (5,)])
def test_lists_are_no_longer_than_the_catalogue(ks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="lists of 1 to 4 items"):
        evaluate_retrieval(by_hand([], []), {"user": np.array([2])}, {"item": np.arange(2, 6)}, **SIDES, ks=ks)


def test_negatives_are_drawn_beside_each_row() -> None:
    train, _ = meetings(0)
    plan = ArrayPlan(train, SPEC, batch_size=100, seed=1)
    drawn = DrawnNegatives(plan, ALL_ITEMS, SPEC.spec, negatives=3, seed=5)
    assert (drawn.batch_size, drawn.steps_per_epoch) == (400, plan.steps_per_epoch)
    whole = list(drawn.epoch(2))
    features, labels = whole[0]
    assert labels.numpy()[:, 0].tolist() == [1.0] * 100 + [0.0] * 300
    users = features["user"].numpy()
    assert (users[100:] == np.repeat(users[:100], 3)).all()
    assert set(features["item"].numpy()[100:]) <= set(ALL_ITEMS["item"])
    assert len(set(features["item"].numpy()[100:])) > 100
    (again, _), (other, _) = next(iter(drawn.epoch(2, start_step=1))), next(iter(drawn.epoch(3, start_step=1)))
    assert (again["item"] == whole[1][0]["item"]).numpy().all()
    assert not (other["item"].numpy()[100:] == again["item"].numpy()[100:]).all()


def test_bad_catalogues_are_refused() -> None:
    plan = ArrayPlan(meetings(0)[0], SPEC, batch_size=100)
    with pytest.raises(DataError, match="has no rows of"):
        DrawnNegatives(plan, {}, SPEC.spec)
    number = {"kind": "regression", "name": "stars", "label": "stars"}
    with pytest.raises(DataError, match="negatives are rows of a yes/no task, and 'stars' is a regression task"):
        DrawnNegatives(plan, ALL_ITEMS, FeatureSpec.model_validate({**SPEC.spec.model_dump(), "tasks": [number]}))
    with pytest.raises(DataError, match="has no rows of"):
        DrawnNegatives(plan, {"item": np.zeros(0, int)}, SPEC.spec)
    with pytest.raises(ValueError, match="negatives is at least 1"):
        DrawnNegatives(plan, ALL_ITEMS, SPEC.spec, negatives=0)


def test_a_cross_of_user_and_item_goes_with_neither_side() -> None:
    """Which value a drawn item would have with this user cannot be known from transformed rows."""
    crossed = SPEC.spec.with_crosses(["user", "item"])
    with pytest.raises(DataError, match="user_x_item cross an item with its user"):
        DrawnNegatives(ArrayPlan(meetings(0)[0], SPEC, batch_size=100), ALL_ITEMS, crossed)
    with pytest.raises(SpecError, match="keeps its sides apart, and the cross 'user_x_item' needs both"):
        TwoTower(crossed.bind({**SPEC.rows, "user_x_item": 9}))


def test_both_sides_need_a_feature() -> None:
    with pytest.raises(SpecError, match="TwoTower needs a feature with the role user or context"):
        TwoTower(make_spec(categorical("item"), rows={"item": 5}))
    with pytest.raises(SpecError, match="TwoTower needs a feature with the role item"):
        TwoTower(make_spec(categorical("user", "user"), rows={"user": 5}))


SHOP = FeatureSpec(
    name="shop",
    features=[
        {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
        {"kind": "categorical", "name": "hour", "role": "context", "type": "int"},
        {"kind": "categorical", "name": "item", "role": "item"},
        {"kind": "numeric", "name": "price", "role": "item"},
    ],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "user"},
)


@pytest.mark.parametrize("hidden_units", [(), (6,)])
def test_the_index_answers_like_the_model(hidden_units: tuple[int, ...], tmp_path: Path) -> None:
    items = pa.table({"item": [f"i{n}" for n in range(12)], "price": np.linspace(1, 3, 12).astype(np.float32)})
    users = pa.table({"user": np.arange(12) % 5, "hour": np.arange(12) % 3, "clicked": np.arange(12) % 2})
    log = users.append_column("item", items["item"]).append_column("price", items["price"])
    transform = fit_transform(SHOP, log, tmp_path / "transform")
    wide = keras.initializers.RandomNormal(stddev=1.0, seed=2)
    groups = IdMap.grouped(np.r_[-1, -1, np.arange(12) // 2]).doubled()
    tables = {"item": MappedTable(mapping=groups, initializer=wide)}
    model = TwoTower(transform.bound_spec, embedding_dim=4, hidden_units=hidden_units, tables=tables)
    model.build()
    folder = export_index(model, transform, items, tmp_path / "index" / "1", item="item", k=5)
    served = tf.saved_model.load(str(folder)).signatures
    answer = served["retrieve"](user=tf.constant([3, 999], tf.int64), hour=tf.constant([1, 1], tf.int64))
    example = tf.train.Example()
    example.features.feature["user"].int64_list.value.append(3)
    example.features.feature["hour"].int64_list.value.append(1)
    parsed = served["serving_default"](examples=tf.constant([example.SerializeToString()]))
    assert (parsed["items"][0] == answer["items"][0]).numpy().all()
    for number, user in enumerate((3, 999)):
        pairs = pa.table({"user": [user] * 12, "hour": [1] * 12, "item": items["item"], "price": items["price"]})
        probability = np.asarray(model(transform.transform(pairs)))[:, 0]
        best = np.argsort(-probability, kind="stable")[:5]
        assert answer["items"][number].numpy().tolist() == [f"i{n}".encode() for n in best]
    with pytest.raises(FileExistsError, match="is not empty"):
        export_index(model, transform, items, folder, item="item")
    with pytest.raises(ValueError, match="comes twice"):
        export_index(model, transform, pa.concat_tables([items, items]), tmp_path / "other", item="item")


def test_the_catalogue_has_each_item_once() -> None:
    spec = make_spec(
        categorical("user", "user"), categorical("item"), categorical("shop"), rows={"user": 3, "item": 9, "shop": 4}
    ).spec
    assert item_tensors(spec) == ("item", "shop")
    rows = {"user": np.array([1, 2, 1]), "item": np.array([7, 3, 7]), "shop": np.array([2, 3, 2])}
    found = catalogue(rows, spec, "item")
    assert {name: values.tolist() for name, values in found.items()} == {"item": [3, 7], "shop": [3, 2]}

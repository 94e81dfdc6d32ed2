"""Groups of the ids of a raw log: by value, from training rows, in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import adjusted_rand_score

from tests.data.graph.planted import planted_edges
from tfctr.data import DataError, load_split, prepare
from tfctr.data.graph import IdClusters, cluster_ids, read_clusters
from tfctr.spec import FeatureSpec

SPEC = FeatureSpec(
    name="shop",
    features=[
        {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
        {"kind": "categorical", "name": "item", "role": "item"},
        {"kind": "categorical", "name": "seen", "column": "item", "role": "item", "shares": "item"},
        {"kind": "categorical", "name": "page", "role": "context", "hash_buckets": 8},
        {"kind": "numeric", "name": "price", "role": "item"},
    ],
    tasks=[{"name": "like", "label": "stars", "at_least": 4}],
    split={"by": "time"},
    meta={"time": "when"},
)
SIDES = {"user": "user", "item": "item"}


def log(seed: int = 0) -> pa.Table:
    users, items = planted_edges(seed=seed)
    rows = len(users)
    return pa.table(
        {
            "user": users,
            "item": [f"i {item}" for item in items],
            "page": ["home"] * rows,
            "price": np.ones(rows, np.float32),
            "stars": np.where(np.arange(rows) % 3 == 0, 2.0, 5.0).astype(np.float32),
            "when": np.random.default_rng(seed).permutation(rows),
        }
    )


def test_groups_are_known_by_value() -> None:
    found = cluster_ids(SPEC, log(), **SIDES)
    assert found.about["user_groups"] == found.about["item_groups"] == 4
    assert found.about["edges"] == log().num_rows
    users = found.groups_of("user", [str(n) for n in range(200)])
    assert users[:2].tolist() == [-1, -1]
    assert adjusted_rand_score(np.arange(200) % 4, users[2:]) == 1
    items = found.groups_of("item", [f"i {n}" for n in range(160)], before=4)
    assert items[:4].tolist() == [-1] * 4
    assert (items[4:] == users[2:162]).all()  # one community, one number on both sides


def test_a_value_that_was_not_there_has_no_group() -> None:
    assert cluster_ids(SPEC, log(), **SIDES).groups_of("item", ["i 3", "new"])[2:].tolist()[1] == -1


def test_a_file_keeps_everything(tmp_path: Path) -> None:
    found = cluster_ids(SPEC, log(), **SIDES, resolution=2.0)
    again = read_clusters(found.write(tmp_path / "deep" / "clusters.parquet"))
    assert again.groups == found.groups
    assert again.about == found.about
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["clusters.parquet"]


def test_rows_without_an_id_make_no_edge() -> None:
    whole = log().slice(0, 3)
    holes = whole.set_column(0, "user", pa.array([1, None, 2])).set_column(1, "item", pa.array(["a", "b", ""]))
    found = cluster_ids(SPEC, holes, **SIDES)
    assert {name: list(known) for name, known in found.groups.items()} == {"user": ["1"], "item": ["a"]}


def test_positive_rows_alone_make_edges_when_asked() -> None:
    few = cluster_ids(SPEC, log(), **SIDES, positives_of="like")
    assert few.about["edges"] == np.count_nonzero(log().column("stars").to_numpy() >= 4)


def test_a_budget_of_rows_is_kept() -> None:
    about = cluster_ids(SPEC, log(), **SIDES, rows=60).about
    assert 30 < about["user_groups"] + about["item_groups"] <= 60


def test_no_later_row_has_a_say(tmp_path: Path) -> None:
    """Groups from the training part are those of a log that ends there."""
    prepared = prepare(SPEC, log(), tmp_path / "data")
    train = load_split(prepared.train)
    cut = log().filter(pa.array(log().column("when").to_numpy() <= train.column("when").to_numpy().max()))
    assert train.num_rows == cut.num_rows < log().num_rows
    assert cluster_ids(SPEC, train, **SIDES).about == cluster_ids(SPEC, cut, **SIDES).about


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user": "usr", "item": "item"}, "'usr' is no categorical feature of the spec.*'user'"),
        ({"user": "price", "item": "item"}, "'price' is no categorical feature"),
        ({"user": "page", "item": "item"}, "'page' has hash buckets"),
        ({"user": "seen", "item": "item"}, "a graph has two sides"),
        ({**SIDES, "positives_of": "likes"}, "there is no binary task 'likes'"),
    ],
)
def test_what_cannot_be_grouped_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        cluster_ids(SPEC, log(), **options)


def test_a_log_without_edges_is_refused() -> None:
    with pytest.raises(DataError, match="the graph has no edges"):
        cluster_ids(SPEC, log().slice(0, 0), **SIDES)


def test_groups_of_another_log_are_refused(tmp_path: Path) -> None:
    found = IdClusters({"user": {"1": 0}}, {})
    with pytest.raises(DataError, match="none of the 2 values of 'user' has a group"):
        found.groups_of("user", ["8", "9"])
    with pytest.raises(DataError, match="no groups of 'item'"):
        found.groups_of("item", ["1"])
    pq.write_table(pa.table({"feature": ["user"]}), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="holds no groups of ids"):
        read_clusters(tmp_path / "other.parquet")

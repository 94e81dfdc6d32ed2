"""From a raw log to a served model whose ids share rows by groups: the same answers everywhere, cold ids too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tests.data.graph.planted import planted_edges
from tfctr.data import DataError
from tfctr.data.graph import IdClusters, cluster_ids
from tfctr.layers.embedding import MappedTable
from tfctr.models import CTRModel, DeepFM
from tfctr.serving import export_model
from tfctr.spec import FeatureSpec
from tfctr.training import clustered_tables
from tfctr.transform import TransformOutput, fit_transform

SPEC = FeatureSpec(
    name="shop",
    features=[
        {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
        {"kind": "categorical", "name": "item", "role": "item", "vocabulary": {"oov_buckets": 2}},
        {"kind": "multi", "name": "beside", "role": "context", "shares": "item", "max_length": 2},
    ],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "user"},
)


def log() -> pa.Table:
    users, items = planted_edges(users=40, items=30, inside=0.6, outside=0.02)
    names = [f"film {item}" for item in items]
    beside = [[name] for name in names]
    clicked = np.arange(len(users)) % 2
    return pa.table({"user": users, "item": names, "beside": beside, "clicked": clicked})


@pytest.fixture(scope="module")
def transform(tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    return fit_transform(SPEC, log(), tmp_path_factory.mktemp("transform"))


@pytest.fixture(scope="module")
def clusters() -> IdClusters:
    return cluster_ids(SPEC, log(), user="user", item="item")


def made(clusters: IdClusters, transform: TransformOutput, **options: bool) -> CTRModel:
    tables = clustered_tables(clusters, transform, **options)
    model = DeepFM(transform.bound_spec, embedding_dim=4, hidden_units=(6,), tables=tables)
    model.build()
    return model


def test_every_value_of_the_log_has_its_group(transform: TransformOutput, clusters: IdClusters) -> None:
    tables = clustered_tables(clusters, transform)
    for name, reserved in (("user", 2), ("item", 3)):
        table = tables[name]
        assert isinstance(table, MappedTable)
        assert table.mapping.rows == reserved + clusters.about[f"{name}_groups"] == reserved + 4
        assert (table.mapping.row_indices[reserved:] >= reserved).all()
        values = transform.vocabulary(name)
        rows = dict(zip(values, table.mapping.row_indices[reserved:, 0].tolist(), strict=True))
        groups = clusters.groups[name]
        assert len({(rows[value], groups[value]) for value in values}) == 4


@pytest.mark.parametrize("doubled", [False, True])
def test_served_it_answers_as_trained(
    transform: TransformOutput, clusters: IdClusters, doubled: bool, tmp_path: Path
) -> None:
    model = made(clusters, transform, doubled=doubled)
    rows = log().slice(0, 20)
    expected = np.asarray(model(transform.transform(rows.drop_columns(["clicked"]))))
    served = tf.saved_model.load(str(export_model(model, transform, tmp_path / "1"))).signatures["predict"]
    given = {
        "user": tf.constant(rows.column("user").to_numpy()),
        "item": tf.constant(rows.column("item").to_pylist()),
        "beside": tf.constant(rows.column("beside").to_pylist()),
    }
    np.testing.assert_allclose(served(**given)["click"], expected, rtol=1e-6)
    new = tf.constant(["new", "new"])
    cold = {"user": tf.constant([-5, 999], tf.int64), "item": new, "beside": new[:, None]}
    answers = served(**cold)["click"].numpy()
    assert np.isfinite(answers).all()
    assert answers[0] == answers[1]  # nobody's row but the one of what was never seen


def test_a_value_that_came_after_the_groups_is_cold(transform: TransformOutput, clusters: IdClusters) -> None:
    forgotten = transform.vocabulary("user")[3]
    known = {value: group for value, group in clusters.groups["user"].items() if value != forgotten}
    older = IdClusters({**clusters.groups, "user": known}, clusters.about)
    assert clustered_tables(older, transform)["user"].mapping.row_indices[2 + 3, 0] == 1  # type: ignore[attr-defined]


def test_groups_of_another_log_are_refused(transform: TransformOutput) -> None:
    with pytest.raises(DataError, match="none of the 40 values of 'user' has a group"):
        clustered_tables(IdClusters({"user": {"x": 0}}, {}), transform)

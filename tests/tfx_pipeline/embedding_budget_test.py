"""A budget among the settings becomes tables that keep it, and the log says which."""

from __future__ import annotations

import logging
from pathlib import Path

import keras
import numpy as np
import pytest

from tfctr.data import prepare_table
from tfctr.data.simulator import SimulatedLog
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FeatureEmbedding
from tfctr.models import CTRModel
from tfctr.transform import TransformOutput, fit_transform
from tfx_pipeline.modules.trainer_module import make_model

OPTIONS = {"embedding_dim": 8, "hidden_units": [8]}


@pytest.fixture(scope="module")
def transform(log: SimulatedLog, tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    return fit_transform(log.spec, prepare_table(log.table, log.spec)["train"], tmp_path_factory.mktemp("t") / "out")


def table_bytes(model: CTRModel) -> int:
    layers = layers_of(model, FeatureEmbedding)
    return sum(lookup.fused_table.serving_bytes() for layer in layers for lookup in layer.lookups)


def test_the_tables_keep_the_budget_and_the_log_tells_them(
    transform: TransformOutput, log: SimulatedLog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = table_bytes(make_model("DNN", OPTIONS, transform, seed=0))
    with caplog.at_level(logging.INFO, "tfx_pipeline"):
        model = make_model("DNN", {**OPTIONS, "embedding_budget": f"{full // 2} B"}, transform, seed=0)
    assert 0 < table_bytes(model) <= full // 2
    assert "embedding budget" in caplog.text
    for table in transform.spec.tables:
        assert f"\n{table} " in caplog.text
    rows = transform.transform(prepare_table(log.table.slice(0, 200), log.spec)["train"])
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "m.keras")(rows), model(rows))


def test_a_budget_with_room_to_spare_changes_nothing(transform: TransformOutput) -> None:
    plain = make_model("DNN", OPTIONS, transform, seed=0)
    same = make_model("DNN", {**OPTIONS, "embedding_budget": "1 GB"}, transform, seed=0)
    for mine, theirs in zip(plain.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_budget_that_cannot_be_kept_says_the_least(transform: TransformOutput) -> None:
    with pytest.raises(ValueError, match="need at least"):
        make_model("DNN", {**OPTIONS, "embedding_budget": "100 B"}, transform, seed=0)

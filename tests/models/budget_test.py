"""A budget for a whole model: a linear part's weights count too."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tests.models.specs import categorical, make_spec
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FeatureEmbedding
from tfctr.models import FM, LR
from tfctr.models._budget import numbers_per_id, plan_model

SPEC = make_spec(categorical("a"), categorical("b"), rows={"a": 5_000, "b": 50})
COUNTS = {"a": 1_000_000 / np.arange(1, 5_001), "b": np.full(50, 100.0)}


def table_bytes(model: keras.Model) -> int:
    embeddings = layers_of(model, FeatureEmbedding)
    return sum(lookup.fused_table.serving_bytes() for layer in embeddings for lookup in layer.lookups)


def test_all_embeddings_of_a_model_are_counted() -> None:
    assert numbers_per_id(FM(SPEC, embedding_dim=4)) == {"a": 5, "b": 5}
    assert numbers_per_id(LR(SPEC)) == {"a": 1, "b": 1}


def test_a_model_keeps_its_budget_trains_and_is_saved(tmp_path: Path) -> None:
    options = {"embedding_dim": 4, "embedding_l2": 1e-4}
    plan = plan_model(FM, SPEC, COUNTS, "30 kB", options)
    model = FM(SPEC, tables=plan.tables, **options)
    model.build()
    assert table_bytes(model) <= 30_000 < plan.bytes_before
    rng = np.random.default_rng(0)
    features = {"a": rng.integers(0, 5_000, 64), "b": rng.integers(0, 50, 64)}
    model.compile("adam", jit_compile=False)
    model.train_on_batch(features, rng.integers(0, 2, (64, 1)).astype("float32"))
    model(features)
    assert len(model.losses) == 4  # two tables in each of two embeddings have the penalty
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(features), model(features))


def test_a_budget_below_the_least_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        plan_model(FM, SPEC, COUNTS, "100 B", {"embedding_dim": 4})

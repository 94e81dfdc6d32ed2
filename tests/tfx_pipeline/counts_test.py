"""What the transform has counted arrives at the penalties, on every way by which a model is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.training.growth import days
from tfctr.benchmark.trial import Splits, make_model
from tfctr.layers.embedding import FusedLookup, MiniBatchAware
from tfctr.models import DIN, CTRModel
from tfctr.plans.low_rank._output_statistics import output_statistics
from tfctr.plans.low_rank.surgery import compress
from tfctr.transform import TransformOutput, fit_transform
from tfx_pipeline.modules import trainer_module

SMALL: dict[str, Any] = {"embedding_dim": 4, "hidden_units": (8,), "attention_units": (4,)}
COUNTED = {**SMALL, "mini_batch_aware": 0.01}
DAY = days.day(0, 12, seed=1)


@pytest.fixture(scope="module")
def transform(tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    return fit_transform(days.SPEC, DAY, tmp_path_factory.mktemp("day") / "transform")


def assert_counted(model: CTRModel, transform: TransformOutput) -> None:
    """Every table that counts has the counts of its vocabularies, seen in the log itself."""
    users = np.unique(DAY["user"].to_numpy(zero_copy_only=False), return_counts=True)[1]
    assert sorted(transform.vocabulary_counts("user")[-len(users) :]) == sorted(users)
    lookups = [layer for layer in model._flatten_layers() if isinstance(layer, FusedLookup)]
    vocabularies = [(lookup, name) for lookup in lookups for name in lookup.vocabularies]
    assert {name for _, name in vocabularies} == {"user", "item", "site"}
    for lookup, name in vocabularies:
        start, counts = lookup.offsets[name] + 1, transform.vocabulary_counts(name)
        found = np.array(lookup.fused_table.counts)[start : start + len(counts) - 1]
        np.testing.assert_array_equal(found, np.maximum(counts[1:], 1))
        assert found.max() > 1


def test_in_the_pipeline(transform: TransformOutput) -> None:
    assert_counted(trainer_module.make_model("DIN", COUNTED, transform, seed=0), transform)


def test_in_a_benchmark(transform: TransformOutput) -> None:
    splits = Splits(transform.bound_spec, {}, {}, {}, transform)
    assert_counted(make_model(splits, "DIN", COUNTED, "float32", seed=0), transform)


def test_in_a_model_that_is_made_smaller(transform: TransformOutput) -> None:
    """Its counts are those of the rows it was looked at with; tables that are cut have them too."""
    model = DIN(transform.bound_spec, **SMALL, embedding_l2=MiniBatchAware(0.01))
    model.build()
    rows = transform.transform(DAY)
    features = {info.name: rows[info.name] for info in transform.bound_spec.spec.inputs()}
    seen = np.bincount(rows["user"], minlength=transform.bound_spec.rows["user"])
    small = compress(model, output_statistics(model, [(features,)]), [(features, rows["click"][:, None])], 1.3)
    lookup = next(x for x in small._flatten_layers() if isinstance(x, FusedLookup) and "user" in x.vocabularies)
    start = lookup.offsets["user"] + 1
    np.testing.assert_array_equal(
        np.array(lookup.fused_table.counts)[start : start + len(seen) - 1], np.maximum(seen[1:], 1)
    )

"""The matrix for models of scikit-learn, column by column; baselines that it feeds."""

from __future__ import annotations

import numpy as np
import pytest

from tfctr.benchmark.ads._design import DesignMatrix
from tfctr.benchmark.ads._package_models import settings_for
from tfctr.benchmark.ads.config import StudyConfig
from tfctr.spec import BoundSpec, FeatureSpec


def bound(*left_out: str) -> BoundSpec:
    features = [
        {"kind": "categorical", "name": "category", "role": "item"},
        {"kind": "numeric", "name": "openness", "role": "user"},
        {"kind": "numeric", "name": "price", "role": "item"},
        {"kind": "multi", "name": "music", "role": "user", "max_length": 3},
        {"kind": "vector", "name": "ad_vector", "role": "item", "width": 2},
        {"kind": "numeric", "name": "age", "role": "user", "scale": "quantile", "buckets": 4},
    ]
    spec = FeatureSpec.model_validate(
        {
            "name": "ads",
            "features": [one for one in features if one["name"] not in left_out],
            "tasks": [{"name": "click", "label": "click"}],
            "split": {"by": "random"},
        }
    )
    return spec.bind(dict.fromkeys(spec.tables, 5))


ARRAYS = {
    "category": np.array([2, 4]),
    "openness": np.array([0.5, -1.5], np.float32),
    "price": np.array([3.0, 4.0], np.float32),
    "music": np.array([[1, 3, 0], [0, 0, 0]]),
    "ad_vector": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32),
    "age": np.array([1, 2]),
}


@pytest.mark.parametrize("crossed", [False, True])
def test_columns(crossed: bool) -> None:
    found = DesignMatrix(bound(), crossed=crossed)(ARRAYS).toarray()
    category = np.eye(5)[ARRAYS["category"]]
    parts = [
        category,
        ARRAYS["openness"][:, None],
        ARRAYS["price"][:, None],
        [[0, 0.5, 0, 0.5, 0], [0, 0, 0, 0, 0]],
        ARRAYS["ad_vector"],
        np.eye(5)[ARRAYS["age"]],
    ]
    if crossed:  # numbers of the user alone: neither the price nor the bucket of the age
        parts.append(category * ARRAYS["openness"][:, None])
    np.testing.assert_allclose(found, np.hstack(parts), atol=1e-7)


def test_what_can_be_crossed() -> None:
    assert DesignMatrix.can_cross(bound().spec)
    assert not DesignMatrix.can_cross(bound("category").spec)
    assert not DesignMatrix.can_cross(bound("openness").spec)


def test_settings_are_the_small_ones_then_those_of_the_study() -> None:
    plain = settings_for("DCNv2", StudyConfig())
    assert (plain["embedding_dim"], plain["num_cross_layers"], plain["fit"]["epochs"]) == (8, 2, 20)
    chosen = {"all": {"fit": {"epochs": 3}}, "DCNv2": {"embedding_dim": 4, "batch_size": 64}}
    own = settings_for("DCNv2", StudyConfig(settings=chosen))
    assert (own["embedding_dim"], own["batch_size"], own["fit"]["epochs"]) == (4, 64, 3)
    assert own["fit"]["patience"] == plain["fit"]["patience"]

"""The baselines of the demo, by hand."""

import warnings

import numpy as np
import pyarrow as pa
import pytest

with warnings.catch_warnings():  # third parties warn while they are imported
    warnings.simplefilter("ignore")
    from examples.baselines import labels_of, popularity

from tfctr.spec import FeatureSpec
from tfctr.training._baselines import Popularity
from tfctr.training.metrics import logloss

SPEC = FeatureSpec(
    name="films",
    split={"by": "hash", "column": "user"},
    features=[{"kind": "categorical", "name": "film", "role": "item"}],
    tasks=[{"name": "like", "label": "stars", "at_least": 4}],
)


def rows(films: list[str], stars: list[float]) -> pa.Table:
    return pa.table({"film": films, "stars": pa.array(stars, pa.float32())})


def test_labels_follow_the_spec() -> None:
    assert labels_of(rows(["a", "b"], [4.0, 3.9]), SPEC).tolist() == [1.0, 0.0]


def test_popularity_is_the_smoothed_share_of_likes() -> None:
    train = rows(["a", "a", "a", "b"], [5, 5, 1, 1])  # average 0.5; a: 2 of 3, b: 0 of 1
    test = rows(["a", "b", "never seen"], [5, 1, 5])
    prior = Popularity().smoothing
    expected = [(2 + prior * 0.5) / (3 + prior), prior * 0.5 / (1 + prior), 0.5]
    found = popularity(train, test, SPEC, "film")
    assert found.logloss == pytest.approx(logloss(np.array([1.0, 0, 1]), np.array(expected)))
    assert found.auc == pytest.approx(1.0)

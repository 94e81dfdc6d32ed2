"""Errors of ratings, of rows and of users, as values, streams and intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from tests.training.metrics.loops import by_group, mean_of_defined
from tests.training.metrics.rated_rows import rated
from tfctr.training import metrics
from tfctr.training.metrics import GroupStream, SumStream, rating_metrics

FUNCTIONS = {"mae": metrics.mae, "mse": metrics.mse, "rmse": metrics.rmse, "nmae": metrics.nmae, "r2": metrics.r2}


def by_definition(name: str, y: list[float], p: list[float], w: list[float] | None = None) -> float:
    weights = np.ones(len(y)) if w is None else np.asarray(w)
    y, p = np.asarray(y)[weights > 0], np.asarray(p)[weights > 0]
    weights = weights[weights > 0]
    if not len(y):
        return math.nan
    mean = sum(weights * y) / sum(weights)
    spread, squares = sum(weights * (y - mean) ** 2), sum(weights * (y - p) ** 2)
    absolute = sum(weights * abs(y - p)) / sum(weights)
    return float(
        {
            "mae": absolute,
            "nmae": absolute / 4,
            "mse": squares / sum(weights),
            "rmse": math.sqrt(squares / sum(weights)),
            "r2": 1 - squares / spread if spread > 1e-9 else math.nan,
        }[name]
    )


@settings(max_examples=15)
@given(rated())
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_value_is_what_it_is_defined_as(name, rows):
    y, p, w, _ = rows
    assert FUNCTIONS[name](y, p, w) == pytest.approx(by_definition(name, y, p, w), abs=1e-8, rel=1e-8, nan_ok=True)


@settings(max_examples=15)
@given(rated())
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_mean_over_users_leaves_out_those_without_a_figure(name, rows):
    y, p, _, g = rows
    values = by_group(lambda a, b: by_definition(name, a, b), g, y, p)
    found = rating_metrics()[name].by_group(y, p, g)
    assert found.value == pytest.approx(mean_of_defined(values), abs=1e-8, rel=1e-8, nan_ok=True)
    assert (found.groups, found.used_groups) == (len(values), sum(not math.isnan(v) for v in values.values()))


@settings(max_examples=15)
@given(rated(), st.integers(0, 24))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_stream_equals_the_value_however_it_is_cut(name, rows, cut):
    y, p, w, g = rows
    metric = rating_metrics()[name]
    parts = [slice(None, cut), slice(cut, None)]
    stream = SumStream(metric).add(y[parts[0]], p[parts[0]], w[parts[0]])
    other = SumStream(metric).restore(SumStream(metric).add(y[parts[1]], p[parts[1]], w[parts[1]]).state())
    assert stream.merge(other).result() == pytest.approx(metric.value(y, p, w), rel=1e-9, abs=1e-9, nan_ok=True)
    users = GroupStream(metric)
    for group in np.unique(g):
        users.merge(GroupStream(metric).add(y[g == group], p[g == group], g[g == group]))
    assert users.result().value == pytest.approx(metric.by_group(y, p, g).value, rel=1e-9, abs=1e-9, nan_ok=True)


def test_r2_equals_scikit_learn():
    rng = np.random.default_rng(0)
    y, p, w = rng.normal(size=50), rng.normal(size=50), rng.random(50)
    assert metrics.r2(y, p, w) == pytest.approx(r2_score(y, p, sample_weight=w), abs=1e-12)


def test_nothing_and_nan():
    for name, function in FUNCTIONS.items():
        assert math.isnan(function([], []))
        assert math.isnan(function([1, 2], [1, math.nan]))
        assert math.isnan(rating_metrics()[name].by_group([1, 2, 3, 4], [1, math.nan, 3, 4], [0, 0, 1, 1]).value)
        assert math.isnan(SumStream(rating_metrics()[name]).result())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.mae([1, math.nan], [1, 1]), r"labels must be finite numbers. Received: nan \(1 such rows\)"),
        (lambda: metrics.mae([1], [1, 1]), "same number of rows"),
        (lambda: metrics.mae([1], [1], [-1]), "weights must be finite and at least 0"),
        (lambda: metrics.nmae([1], [1], lowest=5, highest=1), "highest must be above lowest"),
        (lambda: rating_metrics()["mae"].by_group([1], [1], ["a"], weighting="clicks"), "needs labels of 0 and 1"),
        (lambda: rating_metrics()["mae"].by_group([1], [1], ["a"], weighting="rows"), "weighting must be one of"),
        (lambda: SumStream(rating_metrics()["mae"]).merge(SumStream(rating_metrics()["mse"])), "one metric merge"),
    ],
)
def test_bad_input_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()

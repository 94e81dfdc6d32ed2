"""Agreement of two orders against loops over pairs, and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from tests.training.metrics import loops
from tests.training.metrics.rated_rows import rated
from tfctr.training import metrics
from tfctr.training.metrics import GroupStream, agreement_metrics
from tfctr.training.metrics._pair_counts import pair_counts
from tfctr.training.metrics.metric_inputs import Rows

DEFINITIONS = {
    "kendall_tau": loops.kendall,
    "ndpm": loops.ndpm,
    "spearman": lambda y, p: loops.correlation(loops.ranks(y), loops.ranks(p)),
    "pearson": loops.correlation,
}


@settings(max_examples=15)
@given(rated())
@pytest.mark.parametrize("name", DEFINITIONS)
def test_of_each_user_and_of_all_rows(name, rows):
    y, p, w, g = rows
    metric = agreement_metrics()[name]
    assert metric.result(y, p).value == pytest.approx(DEFINITIONS[name](y, p), nan_ok=True, abs=1e-9)
    kept = w > 0
    users = loops.by_group(DEFINITIONS[name], g[kept], y[kept], p[kept])
    found = metric.result(y, p, g, w)
    assert found.value == pytest.approx(loops.mean_of_defined(users), nan_ok=True, abs=1e-9)
    assert (found.groups, found.used_groups) == (len(users), sum(not math.isnan(v) for v in users.values()))
    stream = GroupStream(metric)
    for group in np.unique(g):
        stream.add(y[g == group], p[g == group], g[g == group], w[g == group])
    assert stream.result().value == pytest.approx(found.value, nan_ok=True, abs=1e-9)


@given(rated(min_rows=2))
def test_pairs_are_counted(rows):
    y, p, _, _ = rows
    found = pair_counts(np.zeros(len(y), np.int64), Rows(y, p, np.ones(len(y))))
    assert [float(count[0]) for count in found] == list(loops.pairs(y, p).values())


def test_many_rows_equal_scipy():
    rng = np.random.default_rng(0)
    y, p = rng.integers(1, 6, 3000).astype(float), rng.normal(size=3000).round(2)
    assert metrics.kendall_tau(y, p).value == pytest.approx(stats.kendalltau(y, p).statistic, abs=1e-12)
    assert metrics.spearman(y, p).value == pytest.approx(stats.spearmanr(y, p).statistic, abs=1e-12)
    assert metrics.pearson(y, p).value == pytest.approx(stats.pearsonr(y, p).statistic, abs=1e-12)


def test_equal_numbers_that_rounding_makes_unequal_are_equal():
    assert math.isnan(metrics.pearson([1, 2, 3], [0.1 + 0.2, 0.1 + 0.2, 0.1 + 0.2]).value)
    assert math.isnan(metrics.kendall_tau([2, 2], [0.3, 0.1]).value)


def test_worst_best_and_chance():
    assert metrics.ndpm([1, 2, 3], [3, 2, 1]).value == 1
    assert metrics.ndpm([1, 2, 3], [1, 2, 3]).value == 0
    assert metrics.ndpm([1, 2, 3], [1, 1, 1]).value == 0.5

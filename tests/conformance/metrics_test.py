"""What every metric must stand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conformance.metric_table import METRICS
from tests.conformance.recipe import MetricDescriptor

LABELS = np.array([1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1])
PROBABILITIES = np.array([0.9, 0.2, 0.95, 0.1, 0.4, 0.3, 0.05, 0.5, 0.6, 0.5, 0.45, 0.7])
GROUPS = np.array([1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3])

over_the_table = pytest.mark.parametrize("metric", METRICS, ids=lambda d: d.name)


@over_the_table
def test_defined_rows_give_finite_figures(metric: MetricDescriptor) -> None:
    assert np.isfinite(metric.figures(LABELS, PROBABILITIES, GROUPS)).all()


@over_the_table
def test_the_order_of_rows_does_not_matter(metric: MetricDescriptor) -> None:
    order = np.random.default_rng(0).permutation(len(LABELS))
    if metric.ordered:
        order = order[np.argsort(GROUPS[order], kind="stable")]
    plain = metric.figures(LABELS, PROBABILITIES, GROUPS)
    shuffled = metric.figures(LABELS[order], PROBABILITIES[order], GROUPS[order])
    np.testing.assert_allclose(shuffled, plain, rtol=1e-6)


@over_the_table
@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_give_a_figure_or_nan_and_never_crash(metric: MetricDescriptor, rows: int) -> None:
    figures = metric.figures(LABELS[:rows], PROBABILITIES[:rows], GROUPS[:rows])
    assert not np.isinf(np.asarray(figures, "float64")).any()

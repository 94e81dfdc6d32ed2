"""What every metric of labels and probabilities must stand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfctr.testing._recipe import MetricRecipe

LABELS = np.array([1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1])
PROBABILITIES = np.array([0.9, 0.2, 0.95, 0.1, 0.4, 0.3, 0.05, 0.5, 0.6, 0.5, 0.45, 0.7])
GROUPS = np.array([1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3])


def check_finite(metric: MetricRecipe) -> None:
    """Rows of which a figure can be told give a finite one."""
    figures = metric.figures(LABELS, PROBABILITIES, GROUPS)
    assert np.isfinite(figures).all(), f"figures of plain rows: {figures}"


def check_order(metric: MetricRecipe) -> None:
    """The order of rows does not matter (that of groups may, where the recipe says `ordered`)."""
    order = np.random.default_rng(0).permutation(len(LABELS))
    if metric.ordered:
        order = order[np.argsort(GROUPS[order], kind="stable")]
    plain = metric.figures(LABELS, PROBABILITIES, GROUPS)
    shuffled = metric.figures(LABELS[order], PROBABILITIES[order], GROUPS[order])
    np.testing.assert_allclose(shuffled, plain, rtol=1e-6, err_msg="rows in another order")


def check_few_rows(metric: MetricRecipe) -> None:
    """No row, or one, gives a figure or NaN, never an infinite one or an error."""
    for rows in (0, 1):
        figures = metric.figures(LABELS[:rows], PROBABILITIES[:rows], GROUPS[:rows])
        assert not np.isinf(np.asarray(figures, "float64")).any(), f"figures of {rows} rows: {figures}"


METRIC_CHECKS: tuple[Callable[[MetricRecipe], None], ...] = (check_finite, check_order, check_few_rows)
"""All of them."""

"""What every metric must stand: the checks of `tfctr.testing` over the whole table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.metric_table import METRICS
from tfctr.testing import METRIC_CHECKS, MetricRecipe


@pytest.mark.parametrize("check", METRIC_CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_stands(check: Callable[[MetricRecipe], None], metric: MetricRecipe) -> None:
    check(metric)

"""The one table of everything public: each layer, model, feature kind and metric once, with a recipe to make it.

To add something: write it, add its line to `network_table` or `metric_table`, then, for a network,
`python -m tests.conformance.regenerate_goldens NAME`. `coverage_test.py` fails until it stands in the table.
"""

from tests.conformance.metric_table import METRICS
from tests.conformance.network_table import NETWORKS
from tfctr.testing._recipe import MetricRecipe, Recipe

DESCRIPTORS: tuple[Recipe | MetricRecipe, ...] = (*NETWORKS, *METRICS)
"""The whole table."""

__all__ = ["DESCRIPTORS", "METRICS", "NETWORKS"]

"""The conformance suite, for layers, tables, models, plans and metrics of one's own.

Each ``check_…`` runs a list of checks and raises `AssertionError` with what went wrong, so that one line makes a test.
The suite of tfctr itself runs the same lists over everything that is registered.

Example:
    >>> import keras
    >>> from tfctr.testing import check_layer
    >>> @keras.saving.register_keras_serializable(package="my_package")
    ... class Doubled(keras.layers.Layer):
    ...     "Twice the fields."
    ...     def call(self, fields):
    ...         return 2 * fields
    >>> check_layer(Doubled, {"fields": (3, 4)})

- `_check`: the functions below. `_recipe`: what is checked, and how it is made, filled and called.
- `_layer_checks`, `_table_checks`, `_model_checks`, `_plan_checks`, `_metric_checks`: the checks themselves.
- `_examples`: specs with every kind of feature, and inputs. `_example_log`: a raw log for a spec.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfctr.testing._example_log import example_log
from tfctr.testing._examples import EXAMPLE_SPECS, example, example_spec
from tfctr.testing._layer_checks import LAYER_CHECKS
from tfctr.testing._metric_checks import METRIC_CHECKS
from tfctr.testing._model_checks import MODEL_CHECKS, model_recipe
from tfctr.testing._recipe import MetricRecipe, Recipe
from tfctr.testing._table_checks import TABLE_CHECKS, table_recipe

if TYPE_CHECKING:
    from tfctr.testing._check import check_layer, check_metric, check_model, check_plan, check_table
    from tfctr.testing._plan_checks import PLAN_CHECKS, PlanRecipe

__all__ = [
    "EXAMPLE_SPECS",
    "LAYER_CHECKS",
    "METRIC_CHECKS",
    "MODEL_CHECKS",
    "PLAN_CHECKS",
    "TABLE_CHECKS",
    "MetricRecipe",
    "PlanRecipe",
    "Recipe",
    "check_layer",
    "check_metric",
    "check_model",
    "check_plan",
    "check_table",
    "example",
    "example_log",
    "example_spec",
    "model_recipe",
    "table_recipe",
]

# Plans train, and training needs TensorFlow; the rest runs on JAX too.
_HOMES = {
    **dict.fromkeys(("PLAN_CHECKS", "PlanRecipe"), "tfctr.testing._plan_checks"),
    **dict.fromkeys(
        ("check_layer", "check_metric", "check_model", "check_plan", "check_table"), "tfctr.testing._check"
    ),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

"""One call for each kind of thing: every check that it must stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfctr.layers.embedding import EmbeddingTable
from tfctr.models import MODELS, CTRModel
from tfctr.plans import PLAN_ENTRIES, Plan
from tfctr.spec import BoundSpec
from tfctr.testing._examples import numbers
from tfctr.testing._layer_checks import LAYER_CHECKS
from tfctr.testing._metric_checks import METRIC_CHECKS
from tfctr.testing._model_checks import MODEL_CHECKS, model_recipe
from tfctr.testing._plan_checks import PLAN_CHECKS, PlanRecipe
from tfctr.testing._recipe import Inputs, MetricRecipe, Recipe
from tfctr.testing._table_checks import TABLE_CHECKS, table_recipe

AnyInputs = Mapping[str, tuple[int, ...]] | Callable[[int], Inputs]


def check_layer(
    make: Callable[[], Any], inputs: AnyInputs, *, untrained: Mapping[str, str] | None = None, by_position: bool = False
) -> None:
    """Check a layer: configuration, shapes, saving, export, jit, precision, batches of any size, padding, gradients.

    Args:
        make: Returns a fresh, small layer without dropout; its class, where that needs no arguments.
        inputs: Argument of the call -> shape of a row of numbers, the first one given by position. Where other inputs
            than numbers are wanted, such as ids or a mask, a function: rows -> arrays by argument. Its row i must be
            the same whatever the number of rows.
        untrained: End of a weight's path -> why no gradient can reach it.
        by_position: Whether the layer answers each position of a sequence by itself, padded ones too.

    Raises:
        AssertionError: With the first thing that is wrong.
    """
    made = inputs if callable(inputs) else _numbers_of(inputs)
    recipe = Recipe(type(make()), make, made, untrained=untrained or {}, by_position=by_position)
    for check in LAYER_CHECKS:
        check(recipe)


def check_table(table: type[EmbeddingTable], **settings: Any) -> None:
    """Check an embedding table: all of `check_layer`, and the contract of `EmbeddingTable`.

    Args:
        table: Its class.
        **settings: Arguments of its constructor, `rows` and `dim` apart.

    Raises:
        AssertionError: With the first thing that is wrong.

    Example:
        >>> from tfctr.layers.embedding import HashedTable
        >>> check_table(HashedTable, compression=2)
    """
    recipe = table_recipe(table, **settings)
    for check in TABLE_CHECKS:
        check(recipe)


def check_model(model: type[CTRModel], *, spec: BoundSpec | None = None, **hyperparameters: Any) -> None:
    """Check a model: all of `check_layer`, and that Keras' own `fit`, `evaluate` and `predict` work.

    Args:
        model: Its class.
        spec: Bound spec, whose inputs `example` gives; the first example spec that the model accepts when None.
        **hyperparameters: Of a small one, each of its parts in use; those of its registration when left out.

    Raises:
        AssertionError: With the first thing that is wrong.

    Example:
        >>> from tfctr.models import FM
        >>> check_model(FM, embedding_dim=4)
    """
    recipe = model_recipe(model, hyperparameters or None, spec)
    for check in MODEL_CHECKS:
        check(recipe)


def check_plan(
    plan: type[Plan],
    model: type[CTRModel] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    **settings: Any,
) -> None:
    """Check a plan: it ends with a model, and interrupted in any stage and started again it ends with the same one.

    Args:
        plan: Its class.
        model: Class of the model it works with; that of its registration when None.
        hyperparameters: Of the model; those of the registration when None.
        **settings: The plan's settings that keep a run short; those of the registration when left out.

    Raises:
        AssertionError: With the first thing that is wrong.
    """
    recipe = plan_recipe(plan, model, hyperparameters, settings)
    for check in PLAN_CHECKS:
        check(recipe)


def plan_recipe(
    plan: type[Plan],
    model: type[CTRModel] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> PlanRecipe:
    """Return the recipe of a plan; what is not given is taken from its registration."""
    entry = PLAN_ENTRIES.get(plan.__name__)
    return PlanRecipe(
        plan,
        model or MODELS[entry.model if entry else "DNN"],
        (entry.hyperparameters if entry else {}) if hyperparameters is None else hyperparameters,
        settings or (entry.settings if entry else {}),
    )


def check_metric(figures: Callable[..., Any], *, ordered: bool = False) -> None:
    """Check a metric: finite for plain rows, blind to their order, never infinite for few.

    Args:
        figures: ``(labels, probabilities, groups) -> number or array``.
        ordered: Whether rows must come sorted by group.

    Raises:
        AssertionError: With the first thing that is wrong.

    Example:
        >>> from tfctr.training.metrics import logloss
        >>> check_metric(lambda labels, probabilities, groups: logloss(labels, probabilities))
    """
    recipe = MetricRecipe(figures, lambda *rows: np.atleast_1d(figures(*rows)), ordered=ordered)
    for check in METRIC_CHECKS:
        check(recipe)


def _numbers_of(shapes: Mapping[str, tuple[int, ...]]) -> Callable[[int], Inputs]:
    def inputs(batch: int) -> dict[str, NDArray[np.float32]]:
        return {
            name: numbers(batch, *shape, speed=1.7 - 0.3 * place) for place, (name, shape) in enumerate(shapes.items())
        }

    return inputs

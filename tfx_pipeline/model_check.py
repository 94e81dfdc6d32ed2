"""Do model, plan, their settings and the spec fit together? Asked before any work is done."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tfctr.layers.embedding import parse_bytes
from tfctr.models import MODELS, CTRModel
from tfctr.plans import PLANS, Fit, Plan
from tfctr.spec import FeatureSpec, Problem, SpecError, suggest
from tfctr.training import FitConfig
from tfx_pipeline.config import PipelineConfig

BUDGET = "embedding_budget"
"""The hyper-parameter that is no argument of a model: bytes its embeddings may have, see `modules.embedding_budget`."""


def check_settings(config: PipelineConfig, spec: FeatureSpec) -> None:
    """Compare all settings that training will be given with those that it takes.

    Raises:
        SpecError: With every problem found.
    """
    model = model_class(config.model, spec)
    arguments = _arguments(model)
    known = arguments.keys() | {BUDGET}
    problems = [
        Problem(f"{config.model} has no such hyperparameter{suggest(name, known)}", f"hyperparameters.{name}")
        for name in config.hyperparameters
        if name not in known
    ]
    problems += _list_problems(config.hyperparameters, arguments)
    problems += model.option_problems(spec, config.hyperparameters)
    if config.hyperparameters.get(BUDGET) is not None:
        problems += _budget_problems(config.hyperparameters)
    plan = plan_class(config.plan, model, spec)
    problems += [
        Problem(f"{config.plan} itself chooses the model's {own}; leave it out", f"hyperparameters.{name}")
        for own, name in [*((own, own) for own in plan.OWN), ("tables", BUDGET)]
        if own in plan.OWN and config.hyperparameters.get(name) is not None
    ]
    problems += _wrong_fields(FitConfig, config.fit, "fit")
    wrong = _wrong_fields(plan.Settings, config.plan_settings, "plan_settings")
    problems += wrong or plan.settings_problems(plan.Settings(**config.plan_settings), spec)
    if config.warm_start and plan is not Fit:
        message = f"only the plan Fit goes on from yesterday's model, {config.plan} does not"
        problems.append(Problem(message, "warm_start"))
    if problems:
        raise SpecError(problems)


def _budget_problems(hyperparameters: Mapping[str, Any]) -> list[Problem]:
    """Whether the budget can be read; whether it can be kept is known once the vocabularies are."""
    key = f"hyperparameters.{BUDGET}"
    if "tables" in hyperparameters:
        return [Problem("the budget chooses the tables; give it or `tables`, not both", key)]
    try:
        parse_bytes(hyperparameters[BUDGET])
    except ValueError as error:
        return [Problem(str(error), key)]
    return []


def model_class(name: str, spec: FeatureSpec) -> type[CTRModel]:
    """Return the model of this name.

    Raises:
        SpecError: For an unknown name, and for everything the model needs and the spec lacks.
    """
    if name not in MODELS:
        raise SpecError([Problem(f"unknown model {name!r}{suggest(name, MODELS)}", "model")])
    problems = MODELS[name].problems(spec)
    if problems:
        raise SpecError(problems)
    return MODELS[name]


def plan_class(name: str, model: type[CTRModel], spec: FeatureSpec) -> type[Plan]:
    """Return the plan of this name.

    Raises:
        SpecError: For an unknown name, and for everything the plan needs and the model or the spec lacks.
    """
    if name not in PLANS:
        raise SpecError([Problem(f"unknown plan {name!r}{suggest(name, PLANS)}", "plan")])
    if problems := PLANS[name].problems(model, spec):
        raise SpecError(problems)
    return PLANS[name]


def _wrong_fields(settings: type[BaseModel], values: dict[str, Any], key: str) -> list[Problem]:
    """Problems of the values that fields of `settings` are given."""
    try:
        settings.model_validate(values)
    except ValidationError as error:
        return [_problem(settings, details, key) for details in error.errors()]
    return []


def _problem(settings: type[BaseModel], details: ErrorDetails, key: str) -> Problem:
    name = ".".join(map(str, details["loc"]))
    unknown = details["type"] == "extra_forbidden"
    message = f"no such setting{suggest(name, settings.model_fields)}" if unknown else details["msg"]
    return Problem(message, f"{key}.{name}" if name else key)


def _list_problems(hyperparameters: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[Problem]:
    """What is no list where the constructor takes one, such as the widths of a tower."""
    return [
        Problem(f"takes a list, as in '{name}=[{value}]'; received {value!r}", f"hyperparameters.{name}")
        for name, value in hyperparameters.items()
        if isinstance(arguments.get(name), tuple) and isinstance(value, str | int | float)
    ]


def _arguments(model: type[CTRModel]) -> dict[str, Any]:
    """Arguments that the constructors of a model and of its base take, and their defaults."""
    found: dict[str, Any] = {}
    for base in model.__mro__[: model.__mro__.index(CTRModel) + 1]:
        if "__init__" in vars(base):
            found = {name: p.default for name, p in inspect.signature(base).parameters.items()} | found
    return {name: default for name, default in found.items() if name not in ("spec", "kwargs")}

"""Do model, hyperparameters, training settings and spec fit together? Asked before any work is done."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tfctr.layers.embedding import parse_bytes
from tfctr.models import MODELS, CTRModel
from tfctr.spec import FeatureSpec, Problem, SpecError, suggest
from tfctr.training import FitConfig
from tfx_pipeline.config import PipelineConfig

BUDGET = "embedding_budget"
"""The hyper-parameter that is no argument of a model: bytes its embeddings may have, see `modules.embedding_budget`."""


def check_settings(config: PipelineConfig, spec: FeatureSpec) -> None:
    """Compare everything that training will be told with what it takes.

    Raises:
        SpecError: With every problem found.
    """
    model = model_class(config.model, spec)
    known = _parameters(model) | {BUDGET}
    problems = [
        Problem(f"{config.model} has no such hyperparameter{suggest(name, known)}", f"hyperparameters.{name}")
        for name in config.hyperparameters
        if name not in known
    ]
    if config.hyperparameters.get(BUDGET) is not None:
        problems += _budget_problems(config.hyperparameters)
    try:
        FitConfig.model_validate(config.fit)
    except ValidationError as error:
        for details in error.errors():
            name = ".".join(map(str, details["loc"]))
            unknown = details["type"] == "extra_forbidden"
            message = f"no such setting{suggest(name, FitConfig.model_fields)}" if unknown else details["msg"]
            problems.append(Problem(message, f"fit.{name}"))
    if problems:
        raise SpecError(problems)


def _budget_problems(hyperparameters: Mapping[str, Any]) -> list[Problem]:
    """Whether the budget can be read; whether it can be kept is known once the vocabularies are."""
    place = f"hyperparameters.{BUDGET}"
    if "tables" in hyperparameters:
        return [Problem("the budget chooses the tables; give it or `tables`, not both", place)]
    try:
        parse_bytes(hyperparameters[BUDGET])
    except ValueError as error:
        return [Problem(str(error), place)]
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


def _parameters(model: type[CTRModel]) -> set[str]:
    """Names that the constructors of a model and of its base take."""
    names: set[str] = set()
    for base in model.__mro__[: model.__mro__.index(CTRModel) + 1]:
        if "__init__" in vars(base):
            names |= set(inspect.signature(base).parameters)
    return names - {"spec", "kwargs"}

"""What every plan must stand: the checks of `tfctr.testing` over all that are registered."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tfctr.models import MODELS
from tfctr.plans import PLAN_ENTRIES, PLANS
from tfctr.testing import PLAN_CHECKS, PlanRecipe


@cache
def recipe_of(name: str) -> PlanRecipe:
    entry = PLAN_ENTRIES[name]
    return PlanRecipe(PLANS[name], MODELS[entry.model], dict(entry.hyperparameters), dict(entry.settings))


@pytest.mark.parametrize("check", PLAN_CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("name", PLANS)
def test_a_plan_stands(name: str, check: Callable[[PlanRecipe], None]) -> None:
    check(recipe_of(name))

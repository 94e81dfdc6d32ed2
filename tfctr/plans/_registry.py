"""What registers a plan: one decorator, from which every list of plans follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tfctr._registered import add
from tfctr.plans.plan import Plan

AnyPlan = TypeVar("AnyPlan", bound=type[Plan])

PLANS: dict[str, type[Plan]] = {}
"""Every plan by the name that commands and files use."""


@dataclass(frozen=True)
class PlanEntry:
    """What a plan's registration says.

    Args:
        paper: Authors, venue and year; empty for what no paper describes.
        model: Name of a model that the plan works with.
        hyperparameters: Of a small one, plain enough for JSON.
        settings: The plan's settings that keep a run short.
    """

    paper: str
    model: str
    hyperparameters: Mapping[str, Any]
    settings: Mapping[str, Any]


PLAN_ENTRIES: dict[str, PlanEntry] = {}
"""Name of a plan -> its registration."""


def register_plan(
    *,
    paper: str = "",
    model: str = "DNN",
    hyperparameters: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Callable[[AnyPlan], AnyPlan]:
    """Register a plan: it can be named in commands, and the conformance suite runs over it.

    Args:
        paper: Authors, venue and year.
        model: Name of a model that the plan works with, for the suite.
        hyperparameters: Of a small one.
        settings: The plan's settings that keep a run short. Names of features are those of the suite's example spec,
            such as ``user`` and ``item``.

    Raises:
        ValueError: When another class has the name already.
    """

    def register(cls: AnyPlan) -> AnyPlan:
        add(PLANS, cls)
        PLAN_ENTRIES[cls.__name__] = PlanEntry(paper, model, dict(hyperparameters or {}), dict(settings or {}))
        return cls

    return register

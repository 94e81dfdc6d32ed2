"""The plan with one stage: a model is fitted."""

from __future__ import annotations

from typing import ClassVar

from tfctr.models import CTRModel
from tfctr.plans._registry import register_plan
from tfctr.plans.plan import Plan
from tfctr.plans.stage import Stage


@register_plan(model="LR")
class Fit(Plan):
    """Fit the model; see `Plan` for the arguments. The plan of every model that needs no other."""

    STAGES: ClassVar[tuple[str, ...]] = ("fit",)

    def fit(self, stage: Stage) -> CTRModel:
        """Train and keep the best epoch."""
        model = stage.model()
        stage.fit(model)
        return model

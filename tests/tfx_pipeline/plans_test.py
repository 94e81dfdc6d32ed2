"""What is wrong with the settings of a plan is said before any work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.plans.toy import Toy
from tfctr.plans import PLANS
from tfctr.spec import SpecError, load_spec
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.model_check import check_settings


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"plan": "Fti"}, "unknown plan 'Fti' (did you mean 'Fit'?)"),
        ({"plan_settings": {"epochs": 3}}, "plan_settings.epochs: no such setting"),
        ({"plan": "GraphHash"}, "plan_settings.user: Field required"),
        (
            {"plan": "GraphHash", "plan_settings": {"user": "user", "item": "item_id"}},
            "plan_settings.user: 'user' is no categorical feature of the spec (did you mean 'user_id'?)",
        ),
        (
            {"plan": "OptEmbed", "model": "FM", "hyperparameters": {"embedding_budget": "1 MB"}},
            "embedding_budget: OptEm",
        ),
        ({"plan": "Toy", "warm_start": True}, "warm_start: only the plan Fit goes on from yesterday's model, Toy does"),
    ],
)
def test_mistakes(
    settings: Callable[..., PipelineConfig], changes: dict[str, Any], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLANS, "Toy", Toy)
    config = settings(**changes)
    with pytest.raises(SpecError) as error:
        check_settings(config, load_spec(config.spec))
    assert problem in str(error.value)

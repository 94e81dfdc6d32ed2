"""Every plan goes through a short pipeline: trained, gated, compared with what is served, pushed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.plans.toy import Toy
from tests.tfx_pipeline.conftest import FAST
from tfctr.plans import PLANS
from tfctr.spec import SpecError, load_spec
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.model_check import check_settings
from tfx_pipeline.runner import run

SHORT: dict[str, dict[str, Any]] = {
    "Fit": {"model": "LR"},
    "GraphHash": {
        "model": "DNN",
        "hyperparameters": {"hidden_units": (8,)},
        "plan_settings": {"user": "user_id", "item": "item_id", "doubled": True},
    },
    "LowRank": {
        "model": "DNN",
        "hyperparameters": {"hidden_units": (16, 16)},
        "plan_settings": {"ratio": 2, "tuning_epochs": 1},
    },
    "OptEmbed": {
        "model": "FM",
        "hyperparameters": {"embedding_dim": 4},
        "plan_settings": {"generations": 1, "population": 3, "mutated": 2, "crossed": 2, "table_l2": 1e-4},
    },
}
"""Plan -> what a run over the small world is told: its model, settings that keep it short."""


@pytest.fixture(scope="module")
def lenient(world: Path) -> Path:
    """Bounds that let one plan follow another: each is judged alone."""
    gates = {"auc_min": 0.5, "auc_drop_max": None, "logloss_rise_max": None}
    (world / "lenient.yaml").write_text(yaml.safe_dump(gates))
    return world / "lenient.yaml"


def test_every_plan_is_in_the_table() -> None:
    assert set(SHORT) == set(PLANS)


@pytest.mark.end_to_end
@pytest.mark.parametrize("plan", SHORT)
def test_a_plan_is_trained_gated_and_pushed(
    plan: str, settings: Callable[..., PipelineConfig], world: Path, lenient: Path
) -> None:
    told = {"plan": plan, "fit": FAST, **SHORT[plan]}
    report = run(settings(workdir=world / "plans", gates=lenient, **told))
    assert report.results is not None
    assert report.results.verdict.blessed
    assert report.results.parity["passed"]
    assert (report.results.pushed_to / "saved_model.pb").exists()
    stages = json.loads((report.results.model_run / "stages.json").read_text())
    assert [stage["stage"] for stage in stages] == list(PLANS[plan].STAGES)
    assert report.results.history


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

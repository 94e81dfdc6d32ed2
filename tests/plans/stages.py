"""A stage by itself, to run one method of a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfctr.plans import Plan, Stage


def stage_of(plan: Plan, name: str, folder: Path, spec: Any, train: Any, valid: Any) -> Stage:
    """A stage as `Plan.run` makes it."""
    folders = plan.folders(folder)
    earlier = {stage: place for stage, place in folders.items() if stage != name}
    return Stage(
        name,
        folders[name],
        earlier,
        spec=spec,
        train=train,
        valid=valid,
        config=plan.config,
        make_model=lambda **changes: plan.make_model(spec, **changes),
    )

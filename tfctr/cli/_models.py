"""`tfctr models`: what can be named by --model and --plan."""

from __future__ import annotations

from tfctr.cli._table import print_table


def models() -> None:
    """List the models that --model names and the plans that --plan names, with their papers."""
    from tfctr.models import ENTRIES, MODELS, MultiTaskModel
    from tfctr.plans import PLAN_ENTRIES

    rows = [
        (
            name,
            ("several " if issubclass(MODELS[name], MultiTaskModel) else "") + " and ".join(MODELS[name].task_kinds),
            entry.paper,
        )
        for name, entry in sorted(ENTRIES.items())
    ]
    print_table(("model", "tasks", "paper"), rows)
    print()
    print_table(("plan", "paper"), [(name, entry.paper) for name, entry in sorted(PLAN_ENTRIES.items())])

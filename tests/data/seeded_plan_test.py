"""The options that all plans share."""

from __future__ import annotations

import inspect

from tfctr.data.batches._seeded_plan import PlanOptions, SeededPlan


def test_the_typed_options_are_the_constructors() -> None:
    parameters = inspect.signature(SeededPlan).parameters.values()
    keywords = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert keywords == set(PlanOptions.__annotations__)

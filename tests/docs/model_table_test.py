"""The README's table of models follows from their registrations and from the results."""

from __future__ import annotations

import model_table

from tests.house.tree import PROJECT

RESULTS = (PROJECT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_the_table_is_what_the_tool_writes() -> None:
    assert model_table.with_table(README, RESULTS) == README, "type `make tables`"


def test_another_result_changes_it() -> None:
    auc, _, _ = model_table.figures(RESULTS, "Accuracy on frappe")["FinalMLP"].partition(" ")
    assert model_table.with_table(README, RESULTS.replace(auc, "0.9999")) != README

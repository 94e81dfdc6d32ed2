"""What is answered to malformed logs: the table in the results is what the code says today."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.malformed_logs import CASES, COMMAND, table

RESULTS = Path("benchmarks/RESULTS.md").read_text("utf-8")
HEADING = "### What is answered to malformed input"
TABLE = table()
ANSWERS = {line.split(" | ")[0].removeprefix("| "): line for line in TABLE.splitlines()[4:]}


def test_the_table_in_the_results_is_what_is_answered() -> None:
    section = RESULTS.split(HEADING)[1].split("\n## ")[0]
    assert TABLE in section, f"write what `{COMMAND}` prints under {HEADING!r}"


@pytest.mark.parametrize("kind", [kind for kind, _, _ in CASES])
def test_an_answer_is_rows_or_what_to_do(kind: str) -> None:
    """Nothing ends in another error, and what is refused names the file or its rows."""
    _, read, inferred = ANSWERS[kind].removesuffix(" |").split(" | ")
    for answer in (read, inferred):
        assert answer.startswith("refused: ") or " rows" in answer
        assert not answer.startswith("refused: ") or "log." in answer or "rows" in answer

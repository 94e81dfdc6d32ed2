"""The benchmark of long histories runs, and tells every model and length."""

from __future__ import annotations

from typer.testing import CliRunner

from benchmarks.long_sequences import app


def test_every_table_is_told() -> None:
    arguments = ["--lengths", "4,60", "--models", "SDIM,SIM", "--batch", "4", "--candidates", "3", "--repeats", "1"]
    answer = CliRunner().invoke(app, [*arguments, "--no-write"])
    assert answer.exit_code == 0, answer.output
    lines = [line for line in answer.output.splitlines() if line.startswith("| SDIM, 16") or line.startswith("| SIM")]
    assert [line.count("|") for line in lines] == [4] * 4
    assert "3 candidates from the state" in answer.output

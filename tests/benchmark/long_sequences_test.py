"""The benchmark of long histories runs, and tells every model and length."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import long_sequences
from benchmarks.long_sequences import app


def test_every_table_is_told_and_nothing_is_measured_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--lengths", "4,60", "--models", "SDIM,SIM", "--batch", "4", "--candidates", "3", "--repeats", "1"]
    arguments += ["--threads", "0", "--no-write", "--workdir", str(tmp_path)]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 0, answer.output
    lines = [line for line in answer.output.splitlines() if line.startswith("| SDIM, 16") or line.startswith("| SIM")]
    assert [line.count("|") for line in lines] == [4] * 4
    assert "3 candidates from the state" in answer.output
    monkeypatch.setattr(long_sequences, "seconds", lambda call, repeats: 1 / 0)
    again = CliRunner().invoke(app, arguments)
    assert (again.exit_code, again.output) == (0, answer.output)

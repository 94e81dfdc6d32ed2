"""The audit of the pins: a known weakness fails, no data does not, and a lock is asked about once a day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import audit_pins
import pytest

PASSED = {"name": "thing", "version": "1.0", "vulns": []}
WEAK = {"name": "thing", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """What the database answers, to be filled in; the lock holds one pin, and the stamp lies in a folder of its own."""
    found: list[dict[str, Any]] = []
    (tmp_path / "requirements.txt").write_text("# a lock\nthing==1.0  # via other\n", encoding="utf-8")
    monkeypatch.setattr(audit_pins, "LOCK", tmp_path / "requirements.txt")
    monkeypatch.setattr(audit_pins, "STAMP", tmp_path / "tools" / "audited")
    monkeypatch.setattr(audit_pins, "ask", lambda pins, seconds: found if list(pins) == ["thing==1.0"] else [])
    return found


def test_a_known_weakness_fails_until_it_is_accepted(
    answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    answers.append(WEAK)
    assert audit_pins.main() == 1
    assert "thing 1.0: PYSEC-1, mended in 1.1" in capsys.readouterr().out
    monkeypatch.setitem(audit_pins.ACCEPTED, "PYSEC-1", "we never call it")
    assert audit_pins.main() == 0


def test_without_data_one_line_says_so(answers: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]):
    assert audit_pins.main() == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert not audit_pins.STAMP.exists()


def test_a_lock_that_passed_today_is_not_asked_about_again(answers: list[dict[str, Any]]):
    answers.append(PASSED)
    assert audit_pins.main() == 0
    answers[:] = [WEAK]
    assert audit_pins.main() == 0
    with audit_pins.LOCK.open("a", encoding="utf-8") as file:
        file.write("# another lock\n")
    assert audit_pins.main() == 1

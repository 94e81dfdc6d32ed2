"""The last line of `make test` counts what pytest ran."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from closing_line import closing_line

TESTS = """\
import pytest

def test_good(): pass
def test_bad(): assert False
def test_broken(no_such_fixture): pass
@pytest.mark.skip
def test_later(): pass
@pytest.mark.parametrize("n", range(3))
def test_many(n): pass
"""


def test_line_counts_what_pytest_ran(tmp_path: Path):
    (tmp_path / "some_test.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").touch()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=report.xml", "some_test.py"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    line = closing_line(tmp_path / "report.xml", 125)
    assert line == "make test: 1 failed, 1 broken, 4 passed, 1 skipped; lint and tests took 2 min 5 s"


def test_line_says_when_no_test_ran(tmp_path: Path):
    assert closing_line(tmp_path / "report.xml", 9) == "make test: no test ran, for the reason above (9 s)"

"""The environments at both ends of setup.py's ranges: an interpreter is found or the remedy is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import range_environments
from setup_commands import SetupError


def shim(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)


def test_the_first_version_that_runs_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    for version in ("313", "312", "311"):
        monkeypatch.delenv(f"PYTHON{version}", raising=False)
    shim(tmp_path / "python3.13", "exit 127")  # a version manager's, of a version that is not chosen
    shim(tmp_path / "python3.12", f'exec {sys.executable} "$@"')  # another version behind the name
    monkeypatch.setenv("PYTHON311", sys.executable)
    found = range_environments.find_python(("3.13", "3.12", "3.11"))
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("Python 3.11.")


def test_without_an_interpreter_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    with pytest.raises(SetupError, match=r"no Python 9\.9 found.*PYTHON99="):
        range_environments.find_python(("9.9",))

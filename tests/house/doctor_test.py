"""The doctor looks, tells and never raises."""

from __future__ import annotations

import builtins
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfctr.cli import doctor


def test_this_environment_is_sound():
    checks = {check.name: check for check in doctor.run_doctor()}
    assert [name for name, check in checks.items() if check.status == "fail"] == []
    assert checks["tensorflow"].found == doctor.locked_versions()["tensorflow"]


def test_every_trouble_comes_with_something_to_do():
    checks = [
        doctor.check_python((3, 14, 0)),
        doctor.check_glibc(())[0],
        doctor.check_glibc((2, 36))[0],
        doctor.check_memory(2**30),
        doctor.check_package("keras", {"keras": "1.0"}, fix="", needed=True),
        doctor.check_package("no-such-package", {}, fix="pip install it", needed=True),
    ]
    assert [check.status for check in checks] == ["fail", "fail", "warn", "warn", "warn", "fail"]
    assert all(check.fix for check in checks)


def test_accelerators_are_listed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "list_gpus", lambda: ["NVIDIA H100, 81559 MiB, 550.54"])
    found = doctor.check_accelerators({"TPU_NAME": "local"})
    assert [(check.name, check.found) for check in found] == [
        ("GPU", "NVIDIA H100, 81559 MiB, 550.54"),
        ("TPU", "local"),
    ]


def test_report_names_the_remedy_below(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    checks = [doctor.Check("glibc", "warn", "2.36", "make [setup]")]
    doctor.print_checks(checks)
    with_rich = capsys.readouterr().out
    real_import = builtins.__import__

    def without_rich(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("rich"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_rich)
    doctor.print_checks(checks)
    assert capsys.readouterr().out == with_rich
    assert with_rich.splitlines()[1].strip() == "-> make [setup]"


def test_exit_status_tells_whether_tfctr_can_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "run_doctor", lambda: [doctor.Check("Python", "fail", "3.9", "use 3.11")])
    assert doctor.main() == 1
    monkeypatch.setattr(doctor, "run_doctor", lambda: [doctor.Check("glibc", "warn", "2.36", "make setup")])
    assert doctor.main() == 0


def test_runs_on_the_standard_library_alone(tmp_path: Path):
    """As on a machine where nothing else is installed."""
    package = Path(doctor.__file__).parents[1]
    (tmp_path / "tfctr" / "cli").mkdir(parents=True)
    for name in ("__init__.py", "_version.py", "cli/__init__.py", "cli/doctor.py"):
        shutil.copy(package / name, tmp_path / "tfctr" / name)
    command = [sys.executable, "-S", "-E", "-m", "tfctr.cli.doctor"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "tensorflow                  not installed" in done.stdout

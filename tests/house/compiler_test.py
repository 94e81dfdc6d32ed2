"""A machine with Python 3.11 and no more: a compiler, headers and pip are fetched, or the remedy is said."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import setup_commands
import setup_environment
from old_glibc import compiler, private_apt, private_runtime

from tests.house.tree import PROJECT


@pytest.fixture
def without_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty PATH, and nobody names a compiler; return the empty folder."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    return empty


@pytest.fixture
def fake_compiler(without_compiler: Path) -> Path:
    """A `clang` and a `clang++` that accept anything, alone on PATH."""
    for name in ("clang", "clang++"):
        script = without_compiler / name
        script.write_text("#!/bin/sh\n", encoding="utf-8")
        script.chmod(0o755)
    return without_compiler


def refuse(*args: object, **kwargs: object) -> str:
    raise setup_commands.SetupError("no network")


def test_compiler_that_lacks_its_headers_does_not_count(fake_compiler: Path, tmp_path: Path):
    assert compiler.system_compiler(tmp_path / "tools") == ("clang", "clang++")
    (fake_compiler / "clang++").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert compiler.system_compiler(tmp_path / "tools") is None


def test_compiler_of_another_name_is_handed_to_setuptools(
    fake_compiler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    variables = compiler.build_environment(tmp_path / "tools", Path(sys.executable), log=tmp_path / "log")
    assert variables == {"CC": "clang", "CXX": "clang++", "LDSHARED": "clang -shared", "LDCXXSHARED": "clang++ -shared"}


def test_without_a_compiler_zig_is_used(without_compiler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    commands: list[list[str]] = []
    monkeypatch.setattr(compiler, "run", lambda command, **kwargs: commands.append([str(word) for word in command]))
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "Python.h").touch()
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / "include"))
    # Stands in for the interpreter that has Zig: it shows what it was called with.
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$ZIG_GLOBAL_CACHE_DIR|$*"\n', encoding="utf-8")
    python.chmod(0o755)
    tools = tmp_path / "tools"
    variables = compiler.build_environment(tools, python, log=tmp_path / "log")
    assert [command[-1] for command in commands] == [compiler.ZIG]
    assert variables["CXX"] == "zig-c++"
    script = shutil.which(variables["CXX"], path=variables["PATH"])
    assert script is not None
    shown = subprocess.run([script, "-c", "a b.cc"], capture_output=True, text=True, check=True).stdout
    assert shown == f"{tools}/zig-cache|-m ziglang c++ -target x86_64-linux-gnu.2.17 -c a b.cc\n"
    headers = [Path(folder) for folder in variables["CPATH"].split(os.pathsep)]
    assert any((folder / "Python.h").exists() for folder in headers)
    assert not any((folder / "stdio.h").exists() for folder in headers)  # Zig brings its own C library


def test_without_compiler_and_zig_the_remedy_is_said(
    without_compiler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(compiler, "run", refuse)
    with pytest.raises(setup_commands.SetupError, match=r"(?s)apt-get install build-essential.*no network"):
        compiler.build_environment(tmp_path, Path(sys.executable), log=tmp_path / "log")


def test_missing_headers_are_fetched_once(fake_compiler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[list[str]] = []

    def unpack(packages: list[str], folder: Path, **kwargs: object) -> None:
        asked.append(packages)
        (folder / "usr/include/python3.11").mkdir(parents=True)
        (folder / "usr/include/python3.11/Python.h").touch()

    monkeypatch.setattr(sysconfig, "get_path", lambda name: "/nowhere")
    monkeypatch.setattr(private_apt, "is_available", lambda: True)
    monkeypatch.setattr(private_apt, "unpack", unpack)
    for _ in range(2):
        variables = compiler.build_environment(tmp_path, Path(sys.executable), log=tmp_path / "log")
    assert asked == [["libpython3.11-dev"]]
    assert Path(variables["CPATH"].split(os.pathsep)[0], "Python.h").exists()


@pytest.mark.parametrize("has_apt", [True, False])
def test_headers_that_cannot_be_fetched_are_named(has_apt: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(private_apt, "is_available", lambda: has_apt)
    monkeypatch.setattr(private_apt, "unpack", refuse)
    with pytest.raises(setup_commands.SetupError, match=r"(?s)Python\.h.*python3.11-dev.*no (network|apt)"):
        compiler.fetch_headers(tmp_path / "headers", log=tmp_path / "log")


def test_python_without_pip_and_without_apt_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup_environment, "find_spec", lambda name: None if name == "ensurepip" else object())
    monkeypatch.setattr(private_apt, "is_available", lambda: False)
    with pytest.raises(setup_commands.SetupError, match=r"apt-get install python3\.11-venv"):
        setup_environment.check_machine()


@pytest.mark.skipif(not private_apt.is_available(), reason="no apt on this system")
def test_packages_are_unpacked_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = tmp_path / "content"
    (content / "DEBIAN").mkdir(parents=True)
    (content / "DEBIAN" / "control").write_text(
        "Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a thing\n",
        encoding="utf-8",
    )
    (content / "thing").write_text("here", encoding="utf-8")
    repository = tmp_path / "repository"
    repository.mkdir()
    subprocess.run(["dpkg-deb", "--build", content, repository / "thing.deb"], check=True, capture_output=True)
    archive = (repository / "thing.deb").read_bytes()
    facts = f"Filename: ./thing.deb\nSize: {len(archive)}\nSHA256: {hashlib.sha256(archive).hexdigest()}\n"
    control = (content / "DEBIAN" / "control").read_text(encoding="utf-8")
    (repository / "Packages").write_text(control + facts, encoding="utf-8")
    sources = f"deb [trusted=yes allow-insecure=yes] file:{repository} ./\n"
    log = tmp_path / "log"
    with pytest.raises(setup_commands.SetupError):
        private_apt.unpack(["thing", "another"], tmp_path / "out", log=log, sources=sources)
    assert not (tmp_path / "out").exists()
    private_apt.unpack(["thing"], tmp_path / "out", log=log, sources=sources)
    assert (tmp_path / "out" / "thing").read_text(encoding="utf-8") == "here"
    assert {path.name for path in tmp_path.iterdir()} == {"content", "repository", "log", "out"}


@pytest.mark.skipif(not (PROJECT / ".runtime").exists(), reason="the system's glibc is new enough")
@pytest.mark.parametrize("name", ["python", "python3", "python3.11"])
def test_every_name_of_the_interpreter_has_the_newer_library(name: str):
    probe = "import os; print(os.confstr('CS_GNU_LIBC_VERSION').split()[1])"
    python = Path(sys.prefix, "bin", name)
    version = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert tuple(map(int, version.split("."))) >= private_runtime.WANTED

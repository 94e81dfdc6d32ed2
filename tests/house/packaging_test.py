"""Packaging: the core is light, the lock fits the ranges, the version is said once."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.tree import PROJECT, project_files
from tfctr.cli import doctor


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What setup.py hands to setuptools."""
    captured: dict = {}
    monkeypatch.setattr(setuptools, "setup", lambda **kwargs: captured.update(kwargs))
    monkeypatch.chdir(PROJECT)
    runpy.run_path(str(PROJECT / "setup.py"))
    return captured


def lock() -> dict[str, Version]:
    text = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    return {
        canonicalize_name(name): Version(pin) for name, pin in re.findall(r"^([\w.-]+)==([^\s#]+)", text, re.MULTILINE)
    }


def requirements_in() -> list[Requirement]:
    lines = (PROJECT / "requirements.in").read_text(encoding="utf-8").splitlines()
    return [Requirement(text) for line in lines if (text := line.partition("#")[0].strip())]


def closure(requirements: list[str]) -> set[str]:
    """Follow what the installed packages require, as an installer would, with the extras asked for."""
    seen: set[tuple[str, str]] = set()
    left = [(Requirement(text), "") for text in requirements]
    while left:
        requirement, _ = left.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for text in metadata.requires(name) or []:
                child = Requirement(text)
                if child.marker is None or child.marker.evaluate({"extra": extra}):
                    left.append((child, extra))
    return {name for name, _ in seen}


HEAVY = {"tfx", "apache-beam", "kfp", "tensorflow-transform", "tfx-bsl", "ml-metadata", "tensorflow-data-validation"}
HEAVY |= {"tensorflow-model-analysis", "tf-keras", "pyfarmhash", "jax"}  # pyfarmhash has to be compiled


def test_core_pulls_no_pipeline(arguments: dict):
    needed = closure(arguments["install_requires"])
    assert "keras" in needed  # the walk did walk
    assert needed & HEAVY == set()


def test_transform_comes_without_the_rest_of_the_pipeline(arguments: dict):
    needed = closure(arguments["extras_require"]["transform"])
    assert {"tensorflow-transform", "apache-beam", "tf-keras"} <= needed
    assert needed & {"tfx", "ml-metadata", "tensorflow-data-validation", "pyfarmhash"} == set()
    assert set(arguments["extras_require"]["transform"]) <= set(arguments["extras_require"]["tfx"])


def test_pipeline_comes_with_its_extra(arguments: dict):
    assert {"tfx", "apache-beam", "ml-metadata"} <= closure(arguments["extras_require"]["tfx"])
    assert "kfp" in closure(arguments["extras_require"]["kubeflow"])


PYTHONS = ["3.11", "3.12", "3.13"]


def test_pythons_are_those_that_the_doctor_and_the_classifiers_name(arguments: dict):
    allowed = SpecifierSet(arguments["python_requires"])
    assert [version for version in map("3.{}".format, range(9, 16)) if version in allowed] == PYTHONS
    prefix = "Programming Language :: Python :: 3."
    assert [f"3.{text.removeprefix(prefix)}" for text in arguments["classifiers"] if text.startswith(prefix)] == PYTHONS
    assert [".".join(map(str, version)) for version in doctor.PYTHONS] == PYTHONS


def test_only_the_compiler_for_kubeflow_wants_an_older_python(arguments: dict):
    needs = [*arguments["install_requires"], *chain(*arguments["extras_require"].values())]
    marked = [requirement for requirement in map(Requirement, needs) if requirement.marker]
    assert [(requirement.name, requirement.extras) for requirement in marked] == [("tfx", {"kfp"})]
    marker = marked[0].marker
    assert marker is not None
    assert [version for version in PYTHONS if marker.evaluate({"python_version": version})] == ["3.11"]
    kfp = next(text for text in metadata.requires("tfx") or [] if re.match(r"kfp\b.*extra == .kfp", text))
    assert str(marker) in kfp.replace("'", '"'), "TFX asks for kfp by another rule now"


def test_extras_have_the_names_that_are_documented(arguments: dict):
    documented = {"transform", "tfx", "kubeflow", "serving", "graph", "retrieval", "benchmark", "jax", "accelerators"}
    documented |= {"docs", "notebook", "dev", "onnx", "litert", "openvino"}
    assert set(arguments["extras_require"]) == documented


def test_every_range_admits_the_tested_pin(arguments: dict):
    pins = lock()
    ranges = [*arguments["install_requires"], *(r for extra in arguments["extras_require"].values() for r in extra)]
    for requirement in [*map(Requirement, ranges), *requirements_in()]:
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin, prereleases=True), f"{requirement} does not admit {pin}"


def test_lock_holds_pins_only():
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [text for line in lines if (text := line.partition("#")[0].strip())]
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.+!]+", pin) for pin in pins)  # no options, no addresses
    assert len(pins) == len(set(pins))


def test_environment_is_the_lock():
    installed = {name: Version(metadata.version(name)) for name in lock()}
    assert installed == lock(), "type `make setup`"


def test_every_installed_package_agrees_with_the_others():
    pins = lock()
    for name in pins:
        for text in metadata.requires(name) or []:
            child = Requirement(text)
            if child.marker is None or child.marker.evaluate({"extra": ""}):
                child_name = canonicalize_name(child.name)
                assert child_name in pins, f"{name} wants {child}, which the lock lacks"
                assert child.specifier.contains(pins[child_name], prereleases=True), f"{name} wants {child}"


def test_version_is_said_once(arguments: dict):
    tree = ast.parse((PROJECT / "tfctr" / "_version.py").read_text(encoding="utf-8"))
    version = next(node.value.value for node in tree.body if isinstance(node, ast.Assign))
    assert arguments["version"] == version
    assert f'version = "{version}",' in (PROJECT / "MODULE.bazel").read_text(encoding="utf-8")


def test_wheel_holds_everything_that_ships(tmp_path: Path):
    source = tmp_path / "source"
    ignore = shutil.ignore_patterns("__pycache__")
    for part in ("tfctr", "tfx_pipeline", "feature_specs"):
        shutil.copytree(PROJECT / part, source / part, ignore=ignore)
    for name in ("setup.py", "pyproject.toml", "LICENSE"):
        shutil.copy(PROJECT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*command, "--wheel-dir", tmp_path, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("tfctr-*.whl"))) as wheel:
        packed = {Path(name) for name in wheel.namelist()}
    shipped = {path for path in project_files() if path.parts[0] in ("tfctr", "tfx_pipeline")}
    shipped |= {Path("tfctr", path) for path in project_files() if path.parts[0] == "feature_specs"}
    assert {path for path in shipped if path.name != "BUILD"} - packed == set()
    tops = {path.parts[0] for path in packed if not path.parts[0].endswith(".dist-info")}
    assert tops == {"tfctr", "tfx_pipeline"}


def test_command_is_installed(arguments: dict):
    assert arguments["entry_points"] == {"console_scripts": ["tfctr = tfctr.cli:main"]}

"""The floors of the house: a room imports only rooms below it. The contracts are in pyproject.toml."""

from __future__ import annotations

import graphlib
import re
import subprocess
import sys
import tomllib

import grimp
import pytest

from tests.house.tree import PROJECT

ROOMS_OUTSIDE_THE_FLOORS = {"tfctr", "_version", "_registered"}  # import nothing of the house


def contracts() -> list[dict]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["importlinter"]["contracts"]


def test_all_contracts_are_kept():
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_has_its_floor():
    floors = next(contract for contract in contracts() if contract["type"] == "layers")
    known = set(re.findall(r"tfctr\.(\w+)", " ".join(floors["layers"])))
    package = PROJECT / "tfctr"
    present = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert present - {"__init__"} - ROOMS_OUTSIDE_THE_FLOORS <= known, "name the new room in pyproject.toml's floors"


def test_no_modules_import_each_other():
    """Neither at their top, nor inside functions, nor for the type checker alone: nothing has to stay."""
    graph = grimp.build_graph("tfctr", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert any(imports.values())
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"these import each other, in a circle: {' <- '.join(error.args[1])}")


# The child process cannot import what these extras bring, as on a machine that has the core only.
BLOCKED = ["tfx", "tfx_bsl", "kfp", "apache_beam", "tensorflow_transform", "tensorflow_model_analysis", "ml_metadata"]
BLOCKED += ["tensorflow_data_validation", "tfx_pipeline", "optuna", "polars", "jax", "grpc", "tensorflow_serving"]
PROBE = """
import sys
for name in {blocked}:
    sys.modules[name] = None
import {module}
"""


CORE = ["tfctr", "tfctr.cli", "tfctr.cli._app", "tfctr.cli.doctor", "tfctr.spec", "tfctr.data", "tfctr.plans"]


@pytest.mark.parametrize("module", CORE)
def test_core_imports_without_the_extras(module: str):
    if not list(PROJECT.glob(module.replace(".", "/") + "*")):
        pytest.skip(f"{module} is not built yet")
    probe = PROBE.format(blocked=BLOCKED, module=module)
    done = subprocess.run([sys.executable, "-c", probe], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_needs_neither_tensorflow_nor_tfx():
    if not list(PROJECT.glob("tfctr/cli*")):
        pytest.skip("tfctr.cli is not built yet")
    probe = PROBE.format(blocked=[*BLOCKED, "tensorflow", "keras"], module="tfctr.cli")
    done = subprocess.run(
        [sys.executable, "-c", probe + "\nsys.argv = ['tfctr', '--help']\ntfctr.cli.main()"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout

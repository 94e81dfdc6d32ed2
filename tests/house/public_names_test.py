"""What is public: the names in `__all__` of the rooms, in modules without a leading underscore."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from tests.house.tree import PROJECT, public_packages

PACKAGES = public_packages()


def given_by(package: Path) -> dict[str, set[str]]:
    """Module -> the public names that the `__init__` of a package takes from it."""
    tree = ast.parse((PROJECT / package / "__init__.py").read_text(encoding="utf-8"))
    inside = {
        node for function in ast.walk(tree) if isinstance(function, ast.FunctionDef) for node in ast.walk(function)
    }
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node not in inside:
            names = {alias.asname or alias.name for alias in node.names}
            found.setdefault(node.module, set()).update(name for name in names if not name.startswith("_"))
    return found


def declares_all(path: Path) -> bool:
    tree = ast.parse((PROJECT / path).read_text(encoding="utf-8"))
    targets = (target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets)
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


@pytest.mark.parametrize("package", PACKAGES, ids=str)
def test_a_package_lists_what_it_gives(package: Path) -> None:
    dotted = ".".join(package.parts)
    module = importlib.import_module(dotted)
    given = {name for origin, names in given_by(package).items() if origin.startswith(f"{dotted}.") for name in names}
    listed = set(getattr(module, "__all__", ()))
    assert given <= listed, f"missing in {dotted}.__all__"
    for name in listed:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", PACKAGES, ids=str)
def test_helper_modules_begin_with_an_underscore(package: Path) -> None:
    """A module of a plain name gives its room public names, or lists names of its own in `__all__`."""
    given = given_by(package)
    for path in sorted((PROJECT / package).glob("*.py")):
        name = path.stem
        if name.startswith("_"):
            continue
        dotted = ".".join([*package.parts, name])
        assert given.get(dotted) or declares_all(path.relative_to(PROJECT)), f"{dotted} is a helper: name it _{name}"
        assert name not in given.get(dotted, set()), f"{dotted} is hidden by {name!r} of the same name: name it _{name}"

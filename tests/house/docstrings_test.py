"""Everything public says what it is, and the `call` of every layer says the shapes that go in and come out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = sorted(path for path in (ROOT / "tfctr").rglob("__init__.py"))
SHAPE = re.compile(r"``\((batch\b|\.\.\.)[^`]*\)``")
"""A shape in house words: ``(batch, length, dim)``, or ``(...)`` where any will do."""


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def classes_of_layers() -> Iterator[tuple[str, ast.ClassDef]]:
    for path in sorted((ROOT / "tfctr" / "layers").rglob("*.py")):
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef):
                yield path.relative_to(ROOT).as_posix(), node


def calls_without_shapes(classes: Iterator[tuple[str, ast.ClassDef]]) -> list[str]:
    """Classes whose own `call` has no docstring that names a shape."""
    return [
        f"{path}: {node.name}.call"
        for path, node in classes
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name == "call"
        if not SHAPE.search(ast.get_docstring(method) or "")
    ]


def public_objects(room: Path) -> Iterator[tuple[str, ast.AST | None]]:
    """Each name of the room's `__all__` that is a function or class, with its definition."""
    tree = tree_of(room)
    written = next((node.value for node in tree.body if _assigns(node, "__all__")), None)
    # A star stands for what is registered: names that are handed on as themselves, ``import DNN as DNN``.
    exported = [part.value for part in getattr(written, "elts", ()) if isinstance(part, ast.Constant)]
    sources = {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in _statements(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    exported += [name for name in _handed_on(tree) if name not in exported]
    for name in exported:
        module, original = sources.get(name, (".".join(room.parent.relative_to(ROOT).parts), name))
        if (definition := _definition(module, original)) is not None:
            yield name, definition


def _handed_on(tree: ast.Module) -> list[str]:
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    return [alias.name for node in imports for alias in node.names if alias.asname == alias.name]


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, those that only a type checker runs among them: a lazy room's imports."""
    for node in tree.body:
        yield from node.body if isinstance(node, ast.If) else [node]


def _assigns(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)


def _definition(module: str, name: str) -> ast.FunctionDef | ast.ClassDef | None:
    """The function or class `name` of a module of this repository, through the rooms that hand it on."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.exists():
        return None
    for node in _statements(tree_of(file)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
        if isinstance(node, ast.ImportFrom) and node.module != module:  # a room that imports its own folders has none
            origin = next((alias.name for alias in node.names if (alias.asname or alias.name) == name), None)
            if origin is not None:
                return _definition(node.module or "", origin)
    return None


def test_every_call_names_its_shapes() -> None:
    assert calls_without_shapes(classes_of_layers()) == []


@pytest.mark.parametrize("docstring", ["", '"""Return the attention of (batch, dim)."""', '"""Pool the events."""'])
def test_a_call_without_a_shape_is_found(docstring: str) -> None:
    source = f"class Pooling:\n    def call(self, inputs):\n        {docstring or 'pass'}\n        return inputs\n"
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef)
    assert calls_without_shapes(iter([("pooling.py", node)])) == ["pooling.py: Pooling.call"]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.parent.relative_to(ROOT).as_posix())
def test_what_a_room_offers_has_a_docstring(room: Path) -> None:
    silent = [name for name, node in public_objects(room) if not ast.get_docstring(node)]  # type: ignore[arg-type]
    assert silent == []


def test_the_rooms_offer_much() -> None:
    """The test above sees through re-exports."""
    names = {name for room in ROOMS for name, _ in public_objects(room)}
    assert {"FinalMLP", "MultiHeadAttention", "fit", "load_spec", "export_model", "auc"} <= names
    assert len(names) > 150

"""What code a step depends on, so that the cache knows when it changed.

The files are found by following imports from a step's entry points without running anything. A name imported
from a package is followed to the one module that defines it, so that a change of one model's file re-runs
training of that model and of no other. Comments, docstrings and layout do not count: the syntax tree is hashed.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
"""Folder that holds the packages `tfctr` and `tfx_pipeline`."""

_OWN_PACKAGES = ("tfctr", "tfx_pipeline")
_TABLES = ("tfctr.models", "tfctr.plans")
"""Packages that name many things of which a step uses one; their table is not followed, the one is."""

_FRAMEWORKS = ("tensorflow", "keras", "tfx", "tensorflow-transform", "tensorflow-model-analysis", "apache-beam")


def code_of(*entries: str, root: Path | None = None) -> dict[str, str]:
    """Return file -> short SHA-256 of every own source file that the entry points reach.

    Args:
        *entries: ``package.module`` or ``package.module:Name``.
        root: Folder of the packages; None takes the running ones.

    Raises:
        ModuleNotFoundError: When an entry point does not exist.
    """
    tree = SourceTree(root or ROOT)
    modules: set[str] = set()
    for entry in entries:
        module, _, name = entry.partition(":")
        tree.follow(tree.resolve(module, name or None), modules)
    return {str(tree.file(m).relative_to(tree.root)): tree.digest(m) for m in sorted(modules)}


@lru_cache(maxsize=1)
def package_versions() -> dict[str, str]:
    """Versions of tfctr and of the frameworks; a new one re-runs every step."""
    return {name: _version(name) for name in ("tfctr", *_FRAMEWORKS)}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


class SourceTree:
    """Own source files below one folder, read and never imported."""

    def __init__(self, root: Path):
        self.root = root

    def file(self, module: str) -> Path:
        """Return the file of a module.

        Raises:
            ModuleNotFoundError: When there is none below the root.
        """
        base = self.root.joinpath(*module.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
        raise ModuleNotFoundError(f"no module {module!r} below {self.root}")

    def exists(self, module: str) -> bool:
        try:
            return bool(self.file(module))
        except ModuleNotFoundError:
            return False

    def resolve(self, module: str, name: str | None) -> str:
        """Return the module that defines `name` of `module`, looking through packages' re-exports."""
        if name is None:
            self.file(module)
            return module
        if self.exists(f"{module}.{name}"):
            return f"{module}.{name}"
        if self.file(module).name == "__init__.py":
            for source, original, bound in self._imports_from(module):
                if bound == name and self._is_own(source):
                    return self.resolve(source, original)
        return module

    def follow(self, module: str, seen: set[str]) -> None:
        """Add `module` and everything it imports to `seen`."""
        if module in seen:
            return
        seen.add(module)
        for source, name, _ in self._imports_from(module):
            if self._is_own(source) and (found := self.resolve(source, name)) not in _TABLES:
                self.follow(found, seen)

    def digest(self, module: str) -> str:
        """Return 12 hex digits of the hash of the module's code, docstrings and comments left out."""
        return _parse(self.file(module).read_text("utf-8")).digest

    def _imports_from(self, module: str) -> Iterator[tuple[str, str | None, str]]:
        """Yield (module, name or None, bound name) of every import statement, those in functions too."""
        path = self.file(module)
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for level, source, name, bound in _parse(path.read_text("utf-8")).imports:
            up = package.split(".")[: len(package.split(".")) - level + 1] if level else []
            yield ".".join([*up, *([source] if source else [])]), name, bound

    def _is_own(self, module: str) -> bool:
        return module.split(".")[0] in _OWN_PACKAGES and self.exists(module)


class SourceFile(NamedTuple):
    """What one source file says: each import as (dots, module, name or None, bound name), and the hash of its code."""

    imports: tuple[tuple[int, str, str | None, str], ...]
    digest: str


@lru_cache(maxsize=2048)
def _parse(text: str) -> SourceFile:
    """Kept by the text itself: the steps of a run ask for the same files, and an edit is never overlooked."""
    tree = ast.parse(text)
    imports: list[tuple[int, str, str | None, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, None, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            imports += [(node.level, source, alias.name, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return SourceFile(tuple(imports), hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:12])

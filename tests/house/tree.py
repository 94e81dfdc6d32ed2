"""The files of the project, as the house tests see them."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# Made by setting up, by running and by tools; git ignores them too.
MADE = {"__pycache__", "build", "dist", "runs", "site", "work", "tmp", "node_modules"}


def project_files(*suffixes: str) -> list[Path]:
    """Return the project's own files, relative to it, of the given suffixes (all if none is given)."""
    found = []
    for folder, folders, names in os.walk(PROJECT):
        folders[:] = [name for name in folders if not is_made(name)]  # the environment alone has 10^5 files
        paths = (Path(folder, name) for name in names if not is_made(name))
        found += [path.relative_to(PROJECT) for path in paths if not suffixes or path.suffix in suffixes]
    return sorted(found)


def is_made(name: str) -> bool:
    """True for what nobody wrote, and for hidden files."""
    return name in MADE or name.startswith(".") or name.endswith(".egg-info")


def public_packages() -> list[Path]:
    """Return the packages of tfctr that have public names: those without a leading underscore, relative to it."""
    folders = {path.parent for path in project_files(".py") if path.parts[0] == "tfctr" and path.name == "__init__.py"}
    return sorted(path for path in folders if not any(part.startswith("_") for part in path.parts))


def sources() -> list[Path]:
    """Return the Python files that BUILD files answer for: all but setup.py."""
    return [path for path in project_files(".py") if path != Path("setup.py")]

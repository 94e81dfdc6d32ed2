"""The files of the project, as the house tests see them."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# Made by setting up, by running and by tools; git ignores them too.
MADE = {"__pycache__", "build", "dist", "runs", "work", "tmp", "node_modules"}


def project_files(*suffixes: str) -> list[Path]:
    """Return the project's own files, relative to it, of the given suffixes (all if none is given)."""
    found = []
    for path in PROJECT.rglob("*"):
        parts = path.relative_to(PROJECT).parts
        is_made = any(part in MADE or part.startswith(".") or part.endswith(".egg-info") for part in parts)
        if path.is_file() and not is_made and (not suffixes or path.suffix in suffixes):
            found.append(path.relative_to(PROJECT))
    return sorted(found)


def sources() -> list[Path]:
    """Return the Python files that BUILD files answer for: all but setup.py."""
    return [path for path in project_files(".py") if path != Path("setup.py")]

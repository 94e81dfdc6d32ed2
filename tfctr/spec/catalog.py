"""The specs that ship with the package, found by name from a checkout and from an installed package alike."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from tfctr.spec.errors import Problem, SpecError, suggest

FOLDER = "feature_specs"
_ENDINGS = (".yaml", ".yml")


@cache
def shipped_specs() -> dict[str, Path]:
    """Return the shipped specs by name, such as ``movielens_100k``, in alphabetical order.

    The folder is inside the installed package; in a checkout it stands beside it.
    """
    folder = _folder()
    files = sorted(folder.glob("*.yaml")) if folder else []
    return {file.stem: file for file in files}


def _folder() -> Path | None:
    package = Path(__file__).resolve().parents[1]
    found = (folder for folder in (package / FOLDER, package.parent / FOLDER) if folder.is_dir())
    return next(found, None)


def find_spec(name_or_path: str | os.PathLike[str]) -> Path:
    """Return the file behind a path, or behind the name of a shipped spec.

    Dashes and underscores in names are the same, so that ``movielens-100k`` finds it too. A file of your own
    goes before a shipped one of that name.

    Raises:
        SpecError: When there is neither; it names the nearest shipped spec.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.is_dir():
        raise SpecError([Problem("is a folder; give the spec file inside", file=str(path))])
    shipped = shipped_specs()
    text = str(name_or_path)
    if path.suffix not in _ENDINGS and text.replace("-", "_") in shipped:
        return shipped[text.replace("-", "_")]
    looks_like_name = path.name == text and path.suffix not in _ENDINGS
    hint = suggest(text, shipped) if looks_like_name else ""
    kind = "is neither a file nor a shipped spec" if looks_like_name else "no such file"
    raise SpecError([Problem(f"{kind}{hint}", file=text)])

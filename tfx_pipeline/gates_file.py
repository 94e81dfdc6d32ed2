"""Bounds from a small YAML file of their own, which replace those of the spec."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from tfctr.spec import Gates, Problem, SpecError
from tfctr.spec._base import Frozen
from tfctr.spec._document import Document, read_document
from tfctr.spec._schema_problems import schema_problems

_KEY = "gates"


class _File(Frozen):
    """The gates under the keys where a spec has them, so that mistakes are reported alike."""

    gates: Gates


def load_gates(path: Path) -> Gates:
    """Return the gates of a YAML file, such as ``auc_min: 0.72``.

    Raises:
        FileNotFoundError: When there is no such file.
        SpecError: For anything wrong in it, each problem with file, line and key.
    """
    document = read_document(path.read_text("utf-8"), str(path))
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise SpecError([Problem("a gates file is a mapping of keys such as `auc_min: 0.72`", file=str(path))])
    try:
        return _File.model_validate({_KEY: data}).gates
    except ValidationError as error:
        problems = schema_problems(error, {_KEY: data})
    raise SpecError([_placed(problem, document, str(path)) for problem in problems])


def _placed(problem: Problem, document: Document, file: str) -> Problem:
    """The problem with its file and line, its key as it stands in the file."""
    key = problem.key.removeprefix(_KEY).removeprefix(".")
    path = tuple(int(part) if part.isdigit() else part for part in key.split("."))
    return replace(problem, key=key, file=file, line=document.line_of(path))

"""Bounds from a small YAML file of their own, which replace those of the spec."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from tfctr.spec import Gates, Problem, SpecError
from tfctr.spec.document import read_document
from tfctr.spec.schema_problems import schema_problems


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
        return Gates.model_validate(data)
    except ValidationError as error:
        problems = schema_problems(error, data)
    placed = [
        replace(problem, file=str(path), line=document.line_of(tuple(problem.key.split("."))) if problem.key else 0)
        for problem in problems
    ]
    raise SpecError(placed)

"""Pydantic's errors about a spec, said in the words of the spec, with the nearest known key or value."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tfctr.spec._base import models_in
from tfctr.spec.errors import Problem, suggest
from tfctr.spec.feature_spec import FeatureSpec
from tfctr.spec.features import AnyFeature
from tfctr.spec.gates import BY_TASK, NUMBER
from tfctr.spec.tasks import DEFAULT_KIND, AnyTask
from tfctr.spec.times import A_COLUMN, AS_MAPPING

Path = tuple[str | int, ...]

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "dict_type": "a mapping of keys",
    "finite_number": "a finite number",
}


def schema_problems(error: ValidationError, data: dict[str, Any]) -> list[Problem]:
    """Return one `Problem` for each of pydantic's errors.

    Args:
        error: What `FeatureSpec.model_validate(data)` raised.
        data: The plain data that was validated.
    """
    errors = list(_own_errors(error, data))
    mistyped = {(*path[:-1], near) for details, path in errors if (near := _nearest_key(details, path, data))}
    return [
        Problem(_message(details, path, data), ".".join(map(str, path)))
        for details, path in errors
        if not (details["type"] == "missing" and path in mistyped)  # reported at the key that was meant for it
    ]


def repaired(error: ValidationError, data: dict[str, Any]) -> dict[str, Any] | None:
    """Return `data` as it was probably meant, so that its references can be checked in the same go.

    An unknown key becomes the nearest known one, a bad value of a key that has a default is left out.
    None when something is wrong that has no such remedy.
    """
    meant = copy.deepcopy(data)
    for details, path in _own_errors(error, data):
        holder = _at(meant, path[:-1])
        if not path or not isinstance(holder, dict):
            return None
        key = path[-1]
        if details["type"] == "extra_forbidden":
            value = holder.pop(key, None)
            near = _nearest_key(details, path, data)
            if near:
                holder.setdefault(near, value)
        elif details["type"] != "missing":
            holder.pop(key, None)
    return meant


def _own_errors(error: ValidationError, data: dict[str, Any]) -> Iterator[tuple[ErrorDetails, Path]]:
    """Every error with its path in the data, without those that only follow from another one."""
    for details in error.errors(include_url=False):
        path = _path_in(data, details)
        holder = _at(data, path[:-1])
        only_bad_entries = details["type"] == "too_short" and details["input"]
        filled_in = (
            path[:1] == ("features",) and path[-1] == "column" and isinstance(holder, dict) and "column" not in holder
        )
        if not only_bad_entries and not filled_in:
            yield details, path


def _path_in(data: object, details: ErrorDetails) -> Path:
    """Pydantic's location without the kinds that it puts between the index of a feature or task and its keys."""
    path: list[str | int] = []
    for step in details["loc"]:
        if step in (NUMBER, BY_TASK, A_COLUMN, AS_MAPPING):  # the form of a bound or time, which is no key either
            continue
        if path and isinstance(path[-1], int) and isinstance(data, dict) and data.get("kind", DEFAULT_KIND) == step:
            continue
        path.append(step)
        data = _at(data, (step,))
    return tuple(path)


def _at(data: object, path: Path) -> object:
    for step in path:
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def _message(details: ErrorDetails, path: Path, data: dict[str, Any]) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), data, path[:-1])
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _unknown_kind(value, path)
    if kind == "literal_error":
        allowed = [str(choice) for choice in _literals(data, path)]
        near = difflib.get_close_matches(str(value), allowed, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return f"must be {_listed(allowed)}, received {_shown(value)}{hint}"
    if kind == "string_pattern_mismatch":
        return f"{_shown(value)} is no name: begin with a letter, then letters, digits and _ only"
    if kind == "too_short":
        return "needs at least one entry"
    if kind == "value_error":
        return str(context["error"])
    if kind in _WANTED:
        quotes = " (write it in quotes)" if kind == "string_type" and isinstance(value, int | float) else ""
        return f"must be {_WANTED[kind]}, received {_shown(value)}{quotes}"
    return f"{details['msg'].replace('Input should', 'must')}, received {_shown(value)}"


def _unknown_key(key: str, data: dict[str, Any], path: Path) -> str:
    holder = _at(data, path)
    if len(path) == 2 and path[0] == "features" and isinstance(holder, dict):
        kinds = [model.model_fields["kind"].default for model in models_in(AnyFeature) if key in model.model_fields]
        if kinds:
            return f"{_listed(kinds)} features have this key, a {holder['kind']} feature has not"
    if len(path) == 2 and path[0] == "tasks" and isinstance(holder, dict):
        kinds = [model.model_fields["kind"].default for model in models_in(AnyTask) if key in model.model_fields]
        if kinds:
            return f"{_listed(kinds)} tasks have this key, a {holder.get('kind', DEFAULT_KIND)} task has not"
    return f"unknown key{suggest(key, _known_keys(data, path))}"


def _unknown_kind(value: object, path: Path) -> str:
    union = AnyTask if path[0] == "tasks" else AnyFeature
    kinds = [model.model_fields["kind"].default for model in models_in(union)]
    if not isinstance(value, dict) or "kind" not in value:
        return f"a feature needs `kind`: {_listed(kinds)}"
    return f"unknown kind {_shown(value['kind'])}{suggest(str(value['kind']), kinds)}"


def _nearest_key(details: ErrorDetails, path: Path, data: dict[str, Any]) -> str | None:
    """The known key that an unknown one was probably meant to be."""
    if details["type"] != "extra_forbidden":
        return None
    near = difflib.get_close_matches(str(path[-1]), _known_keys(data, path[:-1]), n=1)
    return near[0] if near else None


def _known_keys(data: dict[str, Any], path: Path) -> list[str]:
    model = _model_at(data, path)
    return list(model.model_fields) if model else []


def _literals(data: dict[str, Any], path: Path) -> Sequence[object]:
    """The values that the literal at `path` allows."""
    model = _model_at(data, path[:-1])
    annotation = model.model_fields[str(path[-1])].annotation if model else None
    return tuple(_leaves(annotation))


def _leaves(annotation: Any) -> Iterator[object]:
    for argument in get_args(annotation):
        if isinstance(argument, str):
            yield argument
        else:
            yield from _leaves(argument)


def _model_at(data: object, path: Path) -> type[BaseModel] | None:
    """The class that the mapping at `path` is read as; None when there is no such mapping."""
    models: list[type[BaseModel]] = [FeatureSpec]
    for depth, step in enumerate(path):
        if isinstance(step, str):
            model = _of_kind(models, _at(data, path[:depth]))
            field = model.model_fields.get(step) if model else None
            models = list(models_in(field.annotation)) if field else []
    return _of_kind(models, _at(data, path))


def _of_kind(models: list[type[BaseModel]], data: object) -> type[BaseModel] | None:
    """The only class, or the one whose kind the data names."""
    if len(models) == 1:
        return models[0]
    kind = data.get("kind", DEFAULT_KIND) if isinstance(data, dict) else None
    return next((model for model in models if model.model_fields["kind"].default == kind), None)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

"""The JSON Schema of a spec file, so that editors complete keys, show what they mean and mark mistakes."""

from __future__ import annotations

import inspect
import re
from typing import Any

from pydantic import BaseModel

from tfctr.spec._base import models_in
from tfctr.spec._task_base import WholeTask
from tfctr.spec.feature_spec import FeatureSpec
from tfctr.spec.features import Feature

_ARGUMENT = re.compile(r"^    (\w[\w, ]*): ", re.MULTILINE)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a feature spec; descriptions come from the classes' docstrings.

    Example:
        >>> json_schema()["properties"]["meta"]["description"]
        'Group, time and domain columns.'
    """
    schema = FeatureSpec.model_json_schema()
    parts = {FeatureSpec.__name__: schema, **schema["$defs"]}
    for model in _models_below(FeatureSpec):
        part = parts[model.__name__]
        part["description"] = inspect.cleandoc(model.__doc__ or "").partition("\n")[0]
        for field, text in documented_fields(model).items():
            part["properties"][field]["description"] = text
        if issubclass(model, Feature | WholeTask):
            part["required"] = ["kind", *part["required"]]  # the kind is what tells the classes apart
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def documented_fields(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings of a class and of its bases say about each argument."""
    docs: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base.__doc__:
            docs |= _arguments(inspect.cleandoc(base.__doc__))
    return docs


def _arguments(doc: str) -> dict[str, str]:
    """The entries of the section `Args` of a docstring."""
    section = re.split(r"^\w[\w ]*:\n", doc.partition("Args:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    parts = _ARGUMENT.split(section)
    texts = {}
    for names, text in zip(parts[1::2], parts[2::2], strict=True):
        for name in names.split(","):
            texts[name.strip()] = " ".join(text.split())
    return texts


def _models_below(model: type[BaseModel]) -> dict[type[BaseModel], None]:
    """All classes that `model` is made of, itself first."""
    found: dict[type[BaseModel], None] = {model: None}
    for field in model.model_fields.values():
        for part in models_in(field.annotation):
            found |= _models_below(part)
    return found

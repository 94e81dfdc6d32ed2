"""The JSON Schema for editors accepts what the loader accepts and explains every key."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest

from tfctr.spec import json_schema, shipped_specs
from tfctr.spec._document import read_document


def data_of(name: str) -> Any:
    return read_document(shipped_specs()[name].read_text("utf-8")).data


@pytest.mark.parametrize("name", sorted(shipped_specs()))
def test_shipped_specs_are_valid(name: str) -> None:
    jsonschema.Draft202012Validator(json_schema()).validate(data_of(name))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(nme="x"),
        lambda data: data["features"][0].update(scale="log"),
        lambda data: data["features"][0].pop("kind"),
        lambda data: data["gates"].update(auc_min="high"),
        lambda data: data.pop("tasks"),
    ],
)
def test_mistakes_are_marked(change: Any) -> None:
    data = copy.deepcopy(data_of("movielens_100k"))
    change(data)
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(data)


def test_every_key_is_explained() -> None:
    schema = json_schema()
    parts = {"FeatureSpec": schema, **schema["$defs"]}
    silent = [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, value in part["properties"].items()
        if key != "kind" and "description" not in value
    ]
    assert not silent

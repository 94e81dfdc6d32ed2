"""A spec is compared with the columns of a log: everything missing or misread is told, at its place."""

from __future__ import annotations

from typing import Any

import pytest

from tfctr.spec import FeatureSpec, check_columns

SPEC = FeatureSpec.model_validate(
    {
        "name": "ads",
        "features": [
            {"kind": "categorical", "name": "user", "role": "user"},
            {"kind": "categorical", "name": "ad", "role": "item", "type": "int"},
            {"kind": "numeric", "name": "price", "role": "item"},
            {"kind": "multi", "name": "tags", "role": "item"},
            {"kind": "vector", "name": "picture", "role": "item", "width": 3, "separator": " "},
            {"kind": "sequence", "name": "seen", "role": "user", "type": "int", "shares": "ad"},
        ],
        "history": [{"name": "seen", "of": "ad", "by": "user"}],
        "tasks": [{"name": "click", "label": "clicked", "weight": "w"}],
        "meta": {"time": "second", "group": "request"},
        "gates": {"slices": ["country"]},
    }
)
COLUMNS = {
    "user": "string",
    "ad": "int",
    "price": "float",
    "tags": "list<string>",
    "picture": "list<float>",
    "clicked": "int",
    "w": "int",
    "second": "int",
    "request": "int",
    "country": "string",
    "unused": "struct",
}


def told(**changes: Any) -> list[str]:
    columns = {name: kind for name, kind in {**COLUMNS, **changes}.items() if kind is not None}
    return [str(problem) for problem in check_columns(SPEC, columns)]


def test_a_fitting_log() -> None:
    assert told() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"user": "int"},
        {"user": "null"},
        {"price": "int"},
        {"clicked": "bool"},
        {"second": "time"},
        {"tags": "string"},
        {"tags": "int"},
        {"picture": "string"},
        {"picture": "list<int>"},
    ],
)
def test_what_can_be_read_is_no_problem(changes: dict[str, str]) -> None:
    assert told(**changes) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ad": None, "adz": "int"}, "features.1: the data has no column 'ad' (did you mean 'adz'?)"),
        ({"clicked": None}, "tasks.0.label: the data has no column 'clicked' (known: "),
        ({"w": None}, "tasks.0.weight: the data has no column 'w'"),
        ({"request": None}, "meta.group: the data has no column 'request'"),
        ({"country": None}, "gates.slices.0: the data has no column 'country'"),
        ({"ad": "string"}, "features.1: column 'ad' holds string, but int is wanted"),
        ({"ad": "float"}, "features.1: column 'ad' holds float, but int is wanted"),
        ({"price": "list<float>"}, "features.2: column 'price' holds list<float>, but float is wanted"),
        ({"user": "list<string>"}, "features.0: column 'user' holds list<string>, but string is wanted"),
        ({"second": "list<int>"}, "meta.time: column 'second' holds list<int>, but a time (text, number or timestamp)"),
        (
            {"picture": "list<string>"},
            "features.4: column 'picture' holds list<string>, but list<float> of 3 numbers or text separated by ' ' "
            "is wanted",
        ),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(changes: dict[str, str], message: str) -> None:
    (problem,) = told(**changes)
    assert problem.startswith(message)


def test_everything_is_told_at_once() -> None:
    assert len(told(ad=None, price="string", country=None)) == 3

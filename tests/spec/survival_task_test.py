"""Tasks of another kind in a spec: read, written, and refused with their line."""

from __future__ import annotations

import jsonschema
import pytest

from tfctr.spec import BinaryTask, FeatureSpec, SpecError, SurvivalTask, dump_spec, json_schema, parse_spec
from tfctr.spec._document import read_document
from tfctr.spec.checking import check_columns

HEAD = """
name: creatives
features:
  - {kind: categorical, name: brand, role: item}
split: {by: hash, column: brand}
"""
GOOD = (
    HEAD
    + """
tasks:
  - {kind: survival, name: short, duration: days, event: stopped, cut_points: [1, 3, 5.5], weight: ctr}
  - {kind: survival, name: long, duration: days, event: stopped, quantiles: 4, mask: known}
  - {name: click, label: clicked}
"""
)


def problems(task: str) -> str:
    with pytest.raises(SpecError) as error:
        parse_spec(f"{HEAD}tasks:\n  - {task}\n")
    return str(error.value)


def test_kinds_stand_side_by_side_and_binary_is_the_default() -> None:
    spec = parse_spec(GOOD)
    assert [type(task) for task in spec.tasks] == [SurvivalTask, SurvivalTask, BinaryTask]
    assert spec.tasks[0].grid == (1.0, 3.0, 5.5)
    assert [info.name for info in spec.labels()] == ["short", "short__weight", "long", "long__weight", "click"]
    columns = {column.name: column.type for column in spec.raw_columns()}
    assert columns == dict.fromkeys(["days", "stopped", "ctr", "known", "clicked"], "float") | {"brand": "string"}


def test_what_is_written_is_read_back() -> None:
    spec = parse_spec(GOOD)
    assert parse_spec(dump_spec(spec)) == spec
    assert parse_spec(dump_spec(spec, defaults=True)) == spec
    assert FeatureSpec.model_validate_json(spec.model_dump_json()) == spec


def test_editors_accept_what_the_loader_accepts() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.validate(read_document(GOOD).data)
    without_kind = GOOD.replace("{kind: survival, name: short", "{name: short")
    assert not validator.is_valid(read_document(without_kind).data)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("{kind: survival, name: s, duration: d, event: e}", "tasks.0: a survival task needs `cut_points` or"),
        ("{kind: survival, name: s, duration: d, event: e, cut_points: [1, 2], quantiles: 3}", "and not both"),
        ("{kind: survival, name: s, duration: d, event: e, cut_points: [7]}", "one interval, (0, 7]"),
        ("{kind: survival, name: s, duration: d, event: e, quantiles: 1}", "tasks.0.quantiles: must"),
        ("{kind: survival, name: s, duration: d, event: e, cut_points: [3, 2]}", "must ascend from above 0"),
        ("{kind: survival, name: s, duration: d, event: e, cut_points: [0, 2]}", "must ascend from above 0"),
        ("{kind: survival, name: s, duration: d, cut_points: [1, 2]}", "7: tasks.0.event: is missing"),
        ("{kind: survival, name: s, duration: brand, event: e, cut_points: [1, 2]}", "duration column 'brand' is also"),
        ("{kind: survival, name: s, duration: d, event: e, cut_points: [1, 2], at_least: 3}", "binary tasks have this"),
        ("{kind: survvial, name: s, duration: d, event: e}", "unknown kind 'survvial' (did you mean 'survival'?)"),
        ("{name: s, labl: clicked}", "unknown key (did you mean 'label'?)"),
        ("{name: s}", "tasks.0.label: is missing"),
    ],
)
def test_mistakes_are_told(task: str, said: str) -> None:
    assert said in problems(task)


def test_a_history_takes_no_positives_of_a_duration() -> None:
    text = GOOD + "meta: {time: t}\nhistory:\n  - {name: seen, of: brand, by: brand, positives_of: short}\n"
    with pytest.raises(SpecError, match="task 'short' is a survival task and has no positives"):
        parse_spec(text)


def test_columns_of_a_log_are_compared() -> None:
    found = check_columns(parse_spec(GOOD), {"brand": "string", "days": "string", "stopped": "int", "ctr": "float"})
    told = [str(problem) for problem in found]
    assert "tasks.1.duration: column 'days' holds string, but float is wanted" in told
    assert any(line.startswith("tasks.1.mask: the data has no column 'known'") for line in told)


def test_quantiles_have_no_grid_until_they_are_found() -> None:
    with pytest.raises(ValueError, match="'long' has 4 quantiles and no cut points yet"):
        _ = parse_spec(GOOD).tasks[1].grid

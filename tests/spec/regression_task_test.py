"""Tasks that ask for a number: read, written, bound, and refused with their line."""

from __future__ import annotations

import jsonschema
import pytest

from tfctr.spec import (
    BinaryTask,
    BoundSpec,
    LabelScale,
    RegressionTask,
    SpecError,
    dump_spec,
    json_schema,
    parse_spec,
)
from tfctr.spec._document import read_document
from tfctr.spec.checking import check_columns

HEAD = """
name: films
features:
  - {kind: categorical, name: film, role: item}
split: {by: hash, column: film}
"""
GOOD = (
    HEAD
    + """
tasks:
  - {kind: regression, name: rating, label: stars, weight: trust, mask: rated}
  - {kind: regression, name: spent, label: dollars, loss: huber, delta: 500}
  - {name: click, label: clicked}
gates: {r2_min: 0.1, rmse_max: {rating: 0.9}, slice_rmse_max: 2}
"""
)
SCALES = {"rating": LabelScale(mean=3.5, deviation=1.1), "spent": LabelScale(mean=200, deviation=900)}


def problems(task: str, gates: str = "{}") -> str:
    with pytest.raises(SpecError) as error:
        parse_spec(f"{HEAD}tasks:\n  - {task}\ngates: {gates}\n")
    return str(error.value)


def test_numbers_and_clicks_stand_side_by_side() -> None:
    spec = parse_spec(GOOD)
    assert [type(task) for task in spec.tasks] == [RegressionTask, RegressionTask, BinaryTask]
    assert (spec.tasks[0].loss, spec.tasks[1].delta) == ("mse", 500)
    assert [info.name for info in spec.labels()] == ["rating", "rating__weight", "spent", "click"]
    columns = {column.name: column.type for column in spec.raw_columns()}
    assert columns == dict.fromkeys(["stars", "trust", "rated", "dollars", "clicked"], "float") | {"film": "string"}


def test_what_is_written_is_read_back() -> None:
    spec = parse_spec(GOOD)
    assert parse_spec(dump_spec(spec)) == spec
    assert parse_spec(dump_spec(spec, defaults=True)) == spec
    bound = spec.bind({"film": 9}, SCALES)
    assert BoundSpec.coerce(bound.to_config()) == bound


def test_editors_accept_what_the_loader_accepts() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.validate(read_document(GOOD).data)
    assert not validator.is_valid(read_document(GOOD.replace("loss: huber", "loss: hubert")).data)
    assert not validator.is_valid(read_document(GOOD.replace("{rating: 0.9}", "[0.9]")).data)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("{kind: regression, name: r, label: s, loss: hubber}", "tasks.0.loss: must be mse or huber"),
        ("{kind: regression, name: r, label: s, delta: 2}", "tasks.0: delta is of `loss: huber`, and loss is mse"),
        ("{kind: regression, name: r, label: s, loss: huber, delta: 0}", "tasks.0.delta: must be greater than 0"),
        ("{kind: regression, name: r}", "7: tasks.0.label: is missing"),
        ("{kind: regression, name: r, label: film}", "label column 'film' is also the feature 'film'"),
        ("{kind: regression, name: r, label: s, at_least: 3}", "binary tasks have this key, a regression task"),
        ("{kind: regressoin, name: r, label: s}", "(did you mean 'regression'?)"),
    ],
)
def test_mistakes_are_told(task: str, said: str) -> None:
    assert said in problems(task)


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ("{rmse_max: {ratig: 1}}", "gates.rmse_max.ratig: is of the unknown regression task 'ratig' (did you mean"),
        ("{rmse_max: much}", "gates.rmse_max: must be a number, received 'much'"),
        ("{mae_max: {rating: much}}", "gates.mae_max.rating: must be a number, received 'much'"),
        ("{slice_rmse_max: -1}", "gates.slice_rmse_max: must be greater than 0"),
        ("{r2_min: 2}", "gates.r2_min: must be less than or equal to 1"),
    ],
)
def test_bounds_that_cannot_be_are_told(gates: str, said: str) -> None:
    assert said in problems("{kind: regression, name: rating, label: stars}", gates)


def test_a_number_has_no_positives() -> None:
    text = GOOD + "meta: {time: t}\nhistory:\n  - {name: seen, of: film, by: film, positives_of: rating}\n"
    with pytest.raises(SpecError, match="task 'rating' is a regression task and has no positives"):
        parse_spec(text)
    with pytest.raises(SpecError, match="comes after 'rating', a regression task, which is neither yes nor no"):
        parse_spec(GOOD.replace("label: clicked}", "label: clicked, after: rating}"))


def test_columns_of_a_log_are_compared() -> None:
    found = check_columns(parse_spec(GOOD), {"film": "string", "stars": "string", "trust": "float", "dollars": "int"})
    told = [str(problem) for problem in found]
    assert "tasks.0.label: column 'stars' holds string, but float is wanted" in told
    assert any(line.startswith("tasks.0.mask: the data has no column 'rated'") for line in told)


def test_a_bound_spec_knows_the_labels() -> None:
    spec = parse_spec(GOOD)
    with pytest.raises(SpecError, match="mean and deviation of the label of task 'spent' are not known; take"):
        spec.bind({"film": 9}, {"rating": SCALES["rating"]})
    with pytest.raises(SpecError, match=r"scale given for unknown regression task 'ratings' \(did you mean 'rating'"):
        spec.bind({"film": 9}, {**SCALES, "ratings": SCALES["rating"]})
    with pytest.raises(ValueError, match="greater than 0"):
        LabelScale(mean=1, deviation=0)

"""Names inside a spec must point at something that exists and fits; told also for specs built in Python."""

from __future__ import annotations

from typing import Any

import pytest

from tfctr.spec import BoundSpec, FeatureSpec, SpecError


def build(**parts: Any) -> FeatureSpec:
    base: dict[str, Any] = {
        "name": "ads",
        "features": [
            {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
            {"kind": "categorical", "name": "ad", "role": "item", "type": "int"},
        ],
        "tasks": [{"name": "click", "label": "clicked"}],
        "meta": {"time": "second"},
    }
    extra = parts.pop("more_features", [])
    base["features"] = [*base["features"], *extra]
    return FeatureSpec.model_validate({**base, **parts})


def sequence(**parts: Any) -> dict[str, Any]:
    return {"kind": "sequence", "name": "seen", "role": "user", "type": "int", "shares": "ad", **parts}


def numeric(name: str, column: str) -> dict[str, Any]:
    return {"kind": "numeric", "name": name, "role": "item", "column": column}


HISTORY = {"name": "seen", "of": "ad", "by": "user", "times": "seen_times"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"more_features": [sequence(shares="sead")]}, "features.2.shares: shares the unknown feature 'sead'"),
        ({"more_features": [sequence(shares="seen")]}, "a feature cannot share its own table"),
        ({"more_features": [sequence(type="string")]}, "is of type string, but 'ad' is of type int"),
        (
            {"more_features": [{"kind": "numeric", "name": "p", "role": "item"}, sequence(shares="p")]},
            "cannot share 'p': a numeric feature has no ids",
        ),
        (
            {"more_features": [sequence(), sequence(name="late", shares="seen")]},
            "shares 'seen', which itself shares 'ad'; name that one",
        ),
        ({"more_features": [sequence(aligned_with="ad")]}, "is aligned with 'ad', which is no sequence"),
        (
            {"more_features": [sequence(), sequence(name="brands", aligned_with="seen", max_length=7)]},
            "features.3.max_length: max_length is 7, but 'seen' has 50",
        ),
        (
            {"more_features": [{"kind": "categorical", "name": "meta__group", "role": "user"}]},
            "names that begin with 'meta__' are kept",
        ),
        (
            {"more_features": [sequence(times="t"), {"kind": "numeric", "name": "seen__times", "role": "user"}]},
            "name 'seen__times' is used already by features.2.times",
        ),
        (
            {"more_features": [numeric("p", "a b"), numeric("q", "a-b")]},
            "features.3: columns 'a b' (in features.2) and 'a-b' would both be the input 'a_b' of a served model",
        ),
        ({"more_features": [numeric("p", "class"), numeric("q", "_class")]}, "would both be the input '_class'"),
        ({"more_features": [numeric("p", "用"), numeric("q", "u7528")]}, "would both be the input 'u7528'"),
        (
            {"tasks": [{"name": "a", "label": "x", "weight": "w"}, {"name": "a__weight", "label": "y"}]},
            "name 'a__weight' is used already by tasks.0.weight",
        ),
        (
            {"more_features": [{"kind": "numeric", "name": "ad_number", "column": "ad", "role": "item"}]},
            "features.2: column 'ad' is read as float here and as int in features.1",
        ),
        (
            {"more_features": [{"kind": "numeric", "name": "second", "role": "context"}]},
            "meta.time: column 'second' is read as int here and as float in features.2",
        ),
        (
            {"more_features": [{"kind": "categorical", "name": "u", "column": "user", "role": "item", "type": "int"}]},
            "column 'user' has the role item here and user in features.0",
        ),
        ({"history": [{**HISTORY, "positives_of": "buy"}]}, "history.0.positives_of: unknown task 'buy'"),
        (
            {"history": [HISTORY, {**HISTORY, "times": None}]},
            "history.1.name: column 'seen' is made already by history.0.name",
        ),
        (
            {
                "history": [HISTORY],
                "more_features": [{"kind": "categorical", "name": "seen", "role": "user", "type": "int"}],
            },
            "features.2.kind: column 'seen' is a history, which a categorical feature cannot read",
        ),
        (
            {"history": [HISTORY], "more_features": [sequence(type="string", shares=None)]},
            "features.2.type: is string, but the history collects 'ad', which is int",
        ),
        ({"history": [HISTORY], "meta": {}, "split": {"by": "random"}}, "history.0: a history needs `meta.time`"),
    ],
)
def test_broken_references(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        build(**parts)
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def test_tasks_in_a_circle() -> None:
    tasks = [{"name": name, "label": name, "after": after} for name, after in (("a", "b"), ("b", "c"), ("c", "b"))]
    with pytest.raises(SpecError, match=r"tasks\.1\.after: comes after 'c', which comes after it") as caught:
        build(tasks=tasks)
    assert [problem.key for problem in caught.value.problems] == ["tasks.1.after", "tasks.2.after"]


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"by": "column", "column": "fold", "valid_values": ["4"]}, "give both valid_values and test_values"),
        ({"by": "column", "column": "f", "valid_values": ["4"], "test_values": ["4"]}, "4 cannot be valid and test"),
        ({"by": "random", "valid_values": ["4"], "test_values": ["5"]}, "go with `by: column`"),
        ({"by": "column"}, "split by column needs a column"),
    ],
)
def test_splits_that_contradict_themselves(split: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(split=split)


def test_fold_numbers_are_compared_as_text() -> None:
    split = build(split={"by": "column", "column": "fold", "valid_values": [4], "test_values": [5]}).split
    assert (split.valid_values, split.test_values) == (("4",), ("5",))


def test_the_log_holds_what_histories_are_made_from_and_not_the_histories() -> None:
    spec = build(history=[{**HISTORY, "of": "brand"}], more_features=[sequence(shares=None, times="seen_times")])
    columns = {column.name: column for column in spec.log_columns()}
    assert set(columns) == {"user", "ad", "brand", "clicked", "second"}
    assert columns["brand"].type == "int"  # as the feature that reads the history says
    assert {"seen", "seen_times"} <= {column.name for column in spec.raw_columns()}


def test_columns_of_slices_and_splits_are_kept_though_no_feature_uses_them() -> None:
    spec = build(gates={"slices": ["country", ["country", "ad"]]}, split={"by": "hash", "column": "session"})
    assert spec.gates.slices == (("country",), ("country", "ad"))
    names = [column.name for column in spec.raw_columns()]
    assert names == ["user", "ad", "clicked", "second", "session", "country"]
    assert [column.name for column in spec.raw_columns(serving=True)] == ["user", "ad"]


def test_tensors_are_named_and_shaped_as_promised() -> None:
    spec = build(
        more_features=[
            sequence(times="seen_times", max_length=5),
            {"kind": "vector", "name": "picture", "role": "item", "width": 3},
            {"kind": "numeric", "name": "age", "role": "user", "scale": "quantile"},
        ],
        tasks=[{"name": "click", "label": "clicked", "weight": "w"}],
        meta={"time": "second", "group": "user"},
    )
    assert [(t.name, t.dtype, t.shape) for t in spec.inputs()] == [
        ("user", "int64", ()),
        ("ad", "int64", ()),
        ("seen", "int64", (5,)),
        ("seen__times", "int64", (5,)),
        ("picture", "float32", (3,)),
        ("age", "int64", ()),
    ]
    assert [t.name for t in spec.labels()] == ["click", "click__weight"]
    assert [t.name for t in spec.meta_tensors()] == ["meta__group", "meta__time"]
    assert spec.tables == ("user", "ad", "age")


def test_binding_wants_every_table_and_nothing_else() -> None:
    spec = build()
    with pytest.raises(SpecError, match="table 'ad' has no size"):
        spec.bind({"user": 5})
    with pytest.raises(SpecError, match="unknown table 'adz'"):
        spec.bind({"user": 5, "ad": 7, "adz": 3})
    with pytest.raises(SpecError, match="needs 2 rows"):
        spec.bind({"user": 5, "ad": 1})
    bound = spec.bind({"user": 5, "ad": 7})
    assert BoundSpec.coerce(bound.to_config()) == bound
    with pytest.raises(TypeError, match="needs a bound spec, received FeatureSpec"):
        BoundSpec.coerce(spec)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "names", [("用户", "广告"), ("цена", "цвет"), ("größe", "grösse"), ("a b", "a_c"), ("1st", "2nd")]
)
def test_columns_of_any_script_have_inputs_of_their_own(names: tuple[str, str]) -> None:
    spec = build(more_features=[numeric("p", names[0]), numeric("q", names[1])])
    assert [column.name for column in spec.raw_columns(serving=True)][2:] == list(names)


def test_one_column_of_two_features_is_one_input() -> None:
    assert build(more_features=[numeric("p", "a b"), numeric("q", "a b")]).feature("q").name == "q"

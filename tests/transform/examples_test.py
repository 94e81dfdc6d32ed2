"""Raw rows <-> serialized ``tf.Example``s."""

from __future__ import annotations

import pyarrow as pa
import pytest
import tensorflow as tf

from tests.transform.conftest import EVERYTHING
from tfctr.spec import FeatureSpec
from tfctr.transform import example_batches, examples_to_table, table_to_examples

SPEC = FeatureSpec(
    name="small",
    features=[
        {"kind": "categorical", "name": "site", "role": "context"},
        {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
        {"kind": "multi", "name": "tags", "role": "item"},
        {"kind": "vector", "name": "image", "role": "item", "width": 2},
    ],
    tasks=[{"name": "click", "label": "click"}],
    split={"by": "hash", "column": "user"},
)


def small(**columns: object) -> pa.Table:
    wanted = {"site": ["a", None], "user": [1, None], "tags": [["x", "é"], None], "image": [[1.0, 2.0], None]}
    return pa.table({**wanted, "click": [1, 0], **columns})


def parsed(table: pa.Table) -> list[tf.train.Example]:
    """Examples as messages, for the order of features in the bytes is not fixed."""
    return [tf.train.Example.FromString(example) for example in table_to_examples(table, SPEC)]


def test_an_example_holds_what_the_row_holds() -> None:
    first, second = parsed(small())
    assert first.features.feature["site"].bytes_list.value == [b"a"]
    assert first.features.feature["user"].int64_list.value == [1]
    assert first.features.feature["tags"].bytes_list.value == [b"x", "é".encode()]
    assert first.features.feature["image"].float_list.value == [1.0, 2.0]
    assert first.features.feature["click"].float_list.value == [1.0]
    filled = {name for name, f in second.features.feature.items() if f.WhichOneof("kind") is not None}
    assert filled == {"click"}


def test_a_request_has_no_outcome() -> None:
    (example, _) = table_to_examples(small(), SPEC, serving=True)
    assert set(tf.train.Example.FromString(example).features.feature) == {"site", "user", "tags", "image"}


def test_rows_come_back(train_log: pa.Table) -> None:
    examples = list(table_to_examples(train_log, EVERYTHING, optional=["weekday"]))
    back = examples_to_table(examples, EVERYTHING)
    for column in EVERYTHING.raw_columns():
        if column.name == "weekday":
            continue
        wanted = train_log[column.name]
        if column.type == "float" and column.shape == "scalar":
            assert back[column.name].to_numpy() == pytest.approx(wanted.to_numpy(), nan_ok=True)
        else:
            assert [v or None for v in back[column.name].to_pylist()] == [v or None for v in wanted.to_pylist()]


@pytest.mark.parametrize(
    "columns",
    [
        {"site": pa.array(["a", None]).dictionary_encode()},
        {"site": pa.array([b"a", None])},
        {"site": pa.array(["a", None], pa.large_string())},
        {"user": pa.array([1, None], pa.int8())},
        {"user": pa.array([1.0, None])},
        {"user": ["1", None]},
        {"user": [" 1.0 ", ""]},
        {"site": ["a", ""]},
        {"tags": ["x|é", None]},
        {"image": ["1|2", None]},
        {"click": ["yes", "no"]},
        {"tags": pa.array([["x", "é"], None], pa.large_list(pa.string()))},
        {"image": pa.array([[1, 2], None], pa.list_(pa.int32(), 2))},
        {"click": [True, False]},
        {"click": pa.array([1, 0], pa.uint8())},
    ],
)
def test_other_types_of_one_meaning_give_the_same_examples(columns: dict) -> None:
    assert parsed(small(**columns)) == parsed(small())


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"user": [1.5, 2.0]}, ValueError, "column user: not a whole number: row 1, where it is 1.5"),
        ({"user": ["a", "b"]}, ValueError, "column user: not a whole number: row 1 and 1 more, where it is 'a'"),
        ({"user": [["a"], ["b"]]}, TypeError, "column 'user' must hold one value a row"),
        ({"user": [{"a": 1}, None]}, TypeError, "column 'user' is of type struct<a: int64>, which cannot become int64"),
        ({"site": [["a"], ["b"]]}, TypeError, "column 'site' must hold one value a row"),
        ({"tags": [[["a"]], None]}, TypeError, "column 'tags' is of type .*, a list of lists"),
        ({"image": [[1.0, None], None]}, ValueError, "column 'image' has a list with an empty position"),
    ],
)
def test_columns_that_do_not_fit_are_named(columns: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        list(table_to_examples(small(**columns), SPEC))


def test_a_lacking_column_is_named_with_the_nearest() -> None:
    table = small().rename_columns(["sight", "user", "tags", "image", "click"])
    with pytest.raises(KeyError, match=r"'site' \(did you mean 'sight'\?\)"):
        list(table_to_examples(table, SPEC))


def test_sliced_and_empty_tables() -> None:
    assert parsed(small().slice(1)) == parsed(small())[1:]
    assert parsed(small().slice(2)) == []
    assert [batch.num_rows for batch in example_batches(small().slice(2), SPEC)] == [0]
    assert [batch.num_rows for batch in example_batches(small(), SPEC, batch_rows=1)] == [1, 1]

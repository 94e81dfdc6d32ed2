"""Rows in memory, in every container and of every type, are the rows of one and the same table."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.data.logs import TABLE, make_spec
from tfctr.data import DataError, as_table, load_split, prepare, prepare_table, read_table

SPEC = make_spec()
WANTED = next(read_table(TABLE, SPEC)).to_pylist()

CONTAINERS: dict[str, Callable[[pa.Table], Any]] = {
    "Arrow table": lambda table: table,
    "record batch": lambda table: table.to_batches()[0],
    "record batch reader": lambda table: table.to_reader(),
    "pandas": lambda table: table.to_pandas(),
    "pandas of Arrow types": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "pandas, other index": lambda table: table.to_pandas().set_axis(["a", "b", "c", "d"]),
    "pandas, column as index": lambda table: table.to_pandas().set_index("price"),
    "polars": pl.from_arrow,
    "dict of lists": lambda table: table.to_pydict(),
    "dict of NumPy": lambda table: {n: c.to_numpy(zero_copy_only=False) for n, c in as_objects(table).items()},
    "dict of series": lambda table: {n: pl.Series(c.to_pylist()) for n, c in as_objects(table).items()},
    "list of dicts": lambda table: table.to_pylist(),
    "list of dicts with lacking keys": lambda table: [
        {name: value for name, value in row.items() if value is not None} for row in table.to_pylist()
    ],
}


def as_objects(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_holds_the_same_rows(container: str) -> None:
    log = TABLE.drop_columns(["user"])  # whose 2^62 no float holds
    spec = make_spec([f for f in SPEC.model_dump()["features"] if f["name"] != "user"])
    wanted = [{name: value for name, value in row.items() if name != "user"} for row in WANTED]
    assert next(read_table(CONTAINERS[container](log), spec)).to_pylist() == wanted


def frame_of(values: Any, dtype: Any = None) -> Any:
    return pd.DataFrame({"c": pd.Series(values, dtype=dtype)})


INTS: dict[str, Any] = {
    "int64": frame_of([1098, 7]),
    "float with a hole": frame_of([1098, None, 7]),
    "float32 with a hole": frame_of([1098, None, 7], "float32"),
    "float16": {"c": np.array([1098, 7], np.float16)},
    "Int64": frame_of([1098, None, 7], "Int64"),
    "UInt16": frame_of([1098, None, 7], "UInt16"),
    "Arrow int": frame_of([1098, None, 7], "int64[pyarrow]"),
    "text": frame_of(["1098", None, "7"]),
    "string": frame_of(["1098", None, "7"], "string"),
    "string[pyarrow]": frame_of(["1098", None, "7"], "string[pyarrow]"),
    "category of ints": frame_of([1098, None, 7], "Int64").astype("category"),
    "category of floats": frame_of([1098, None, 7]).astype("category"),
    "category of texts": frame_of(["1098", None, "7"], "category"),
    "objects": frame_of([1098, None, 7], object),
    "objects of floats": frame_of([1098.0, float("nan"), 7.0], object),
    "objects of several types": frame_of([1098, None, "7"], object),
    "objects with NA": frame_of([1098.0, pd.NA, "7"], object),
    "sparse": frame_of(pd.arrays.SparseArray([1098, 7])),
    "big-endian": {"c": np.array([1098, 7], ">i4")},
    "masked": {"c": np.ma.array([1098, 5, 7], mask=[0, 1, 0])},
    "bytes": {"c": np.array([b"1098", b"7"])},
    "NumPy texts": {"c": np.array(["1098", "7"])},
    "NumPy strings": {"c": np.array(["1098", "7"], np.dtypes.StringDType())},
    "polars int": pl.DataFrame({"c": [1098, None, 7]}),
    "polars float": pl.DataFrame({"c": [1098.0, None, 7.0]}),
    "polars text": pl.DataFrame({"c": ["1098", None, "7"]}),
    "polars categorical": pl.DataFrame({"c": ["1098", None, "7"]}, {"c": pl.Categorical}),
    "polars enum": pl.DataFrame({"c": ["1098", None, "7"]}, {"c": pl.Enum(["7", "1098"])}),
    "polars decimal": pl.DataFrame({"c": [1098, None, 7]}).cast(pl.Decimal(10, 0)),
    "dicts": [{"c": 1098}, {"c": None}, {"c": 7.0}],
}


@pytest.mark.parametrize("dtype", INTS)
@pytest.mark.parametrize("kind", ["string", "int"])
def test_an_id_is_the_same_in_every_type(dtype: str, kind: str) -> None:
    """As text "1098", never "1098.0"."""
    spec = make_spec([{"kind": "categorical", "name": "c", "role": "user", "type": kind}])
    table = as_table(INTS[dtype])
    read = next(read_table(table.append_column("clicked", pa.array([1] * len(table))), spec)).column("c").to_pylist()
    wanted = ["1098", "7"] if kind == "string" else [1098, 7]
    assert [value for value in read if value is not None] == wanted
    assert len(read) == 2 or read[1] is None


LISTS: dict[str, Any] = {
    "lists": {"c": [[5, 1098], None, [7]]},
    "lists of floats": {"c": [[5.0, 1098.0], None, [7.0]]},
    "tuples": frame_of([(5, 1098), None, (7,)]),
    "NumPy arrays": frame_of([np.array([5, 1098]), None, np.array([7])]),
    "texts": frame_of(["5|1098", None, "7"]),
    "lists of texts": frame_of([["5", "1098"], None, ["7"]]),
    "lists of several types": frame_of([["5", 1098], None, [7.0]]),
    "Arrow lists": frame_of([[5, 1098], None, [7]], pd.ArrowDtype(pa.list_(pa.int64()))),
    "polars lists": pl.DataFrame({"c": [[5, 1098], None, [7]]}),
    "polars lists of texts": pl.DataFrame({"c": [["5", "1098"], None, ["7"]]}),
}


@pytest.mark.parametrize("dtype", LISTS)
def test_a_list_is_the_same_in_every_type(dtype: str) -> None:
    spec = make_spec([{"kind": "multi", "name": "c", "role": "user"}, {"kind": "numeric", "name": "n", "role": "item"}])
    table = as_table(LISTS[dtype]).append_column("clicked", pa.array([1] * 3)).append_column("n", pa.array([1] * 3))
    assert next(read_table(table, spec)).column("c").to_pylist() == [["5", "1098"], None, ["7"]]


BOOLEANS = {
    "bool": frame_of([True, False]),
    "boolean": frame_of([True, None, False], "boolean"),
    "objects": frame_of([True, None, False], object),
    "objects of several types": frame_of([True, None, 0], object),
    "polars": pl.DataFrame({"c": [True, None, False]}),
}


@pytest.mark.parametrize("dtype", BOOLEANS)
def test_truths_are_one_and_zero(dtype: str) -> None:
    spec = make_spec([{"kind": "numeric", "name": "c", "role": "user"}])
    table = as_table(BOOLEANS[dtype])
    read = next(read_table(table.append_column("clicked", pa.array([1] * len(table))), spec)).column("c")
    assert read.drop_null().to_pylist() == [1, 0]


def test_an_array_of_two_dimensions_is_a_column_of_lists() -> None:
    table = as_table({"image": np.arange(6, dtype=np.float32).reshape(3, 2)})
    assert table.column("image").to_pylist() == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(DataError, match="column 'image': an array of 3 dimensions"):
        as_table({"image": np.zeros((2, 2, 2))})


def test_intervals_periods_and_times() -> None:
    frame = pd.DataFrame({"age": [15, 40, None]})
    frame["band"] = pd.cut(frame["age"], [0, 18, 65])
    frame["month"] = pd.period_range("2024-01", periods=3, freq="M")
    frame["when"] = pd.to_datetime(["2024-01-01", None, "2024-01-02"], utc=True)
    frame["day"] = [datetime.date(2024, 1, 1)] * 3
    table = as_table(frame)
    assert table.column("band").to_pylist() == ["(0, 18]", "(18, 65]", None]
    assert table.column("month").to_pylist() == ["2024-01", "2024-02", "2024-03"]
    assert pa.types.is_timestamp(table.schema.field("when").type)
    assert pa.types.is_date(table.schema.field("day").type)


def test_a_header_of_several_levels_has_joined_names() -> None:
    frame = pd.DataFrame({"user": [1, 1], "price": [2.0, 4.0]}).groupby("user").agg({"price": ["mean", "max"]})
    assert as_table(frame).to_pydict() == {"user": [1], "price_mean": [3.0], "price_max": [4.0]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (7, "received one int"),
        (None, "received one NoneType"),
        ([[1, 2], [3, 4]], "received a list of list"),
        ([{"a": 1}, "secret"], "received a list of str"),
        (np.zeros((3, 2)), "received one numpy.ndarray"),
        (pl.LazyFrame({"secret": [1]}), r"received a polars.LazyFrame; call its collect\(\) first"),
        (pd.Series([1], name="secret"), r"received a pandas.Series, which is one column; call its to_frame\(\) first"),
        ({"a": 1}, "column 'a': a column is an array, a series or a list; received one int"),
        ({"a": "secret"}, "column 'a': a column is an array, a series or a list; received one str"),
        ({"a": np.array(1)}, "column 'a': .* no dimension"),
        ({"a": [1, 2], "b": [1]}, "columns are of one length; 'a' has 2 values, 'b' 1"),
        ({"a": [1, {"secret": 2}]}, "column 'a': has a dict among its values"),
        ({"a": [object()]}, "column 'a': has a object among its values"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "several columns named 'a'"),
    ],
)
def test_what_holds_no_rows_is_told_and_not_printed(rows: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        as_table(rows)
    assert "secret" not in str(caught.value)


def test_a_frame_is_prepared_as_a_table_is(tmp_path: Path) -> None:
    table = pa.concat_tables([TABLE.drop_columns(["user"])] * 20)
    features = [f for f in SPEC.model_dump()["features"] if f["name"] != "user"]
    spec = make_spec(features).model_copy(update={"split": SPEC.split.model_copy(update={"by": "random"})})
    rows = load_split(prepare(spec, table, tmp_path / "table").train)
    assert load_split(prepare(spec, table.to_pandas(), tmp_path / "frame").train).equals(rows)
    assert load_split(prepare(spec, table.to_pylist(), tmp_path / "dicts").train).equals(rows)
    assert prepare_table(pl.from_arrow(table), spec)["train"].equals(rows)
    with pytest.raises(DataError, match="received a list of int"):
        prepare(spec, [1, 2], tmp_path / "no")

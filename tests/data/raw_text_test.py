"""What is missing, and what is one id, in every format: the same for files, for the transform and for requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.logs import make_spec, read
from tfctr.data import BadRows
from tfctr.data._convert.values import to_type
from tfctr.serving._raw_inputs import PADDING, dense
from tfctr.spec import FeatureSpec, RawColumn, SpecError
from tfctr.spec._raw_text import NULL_VALUES
from tfctr.transform import fit_transform

TEXTS = [
    {"kind": "categorical", "name": "site", "role": "context"},
    {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
    {"kind": "numeric", "name": "price", "role": "item"},
    {"kind": "multi", "name": "tags", "role": "item"},
]

Columns = dict[str, list[Any]]


def text_of(value: object) -> str:
    return "" if value is None else str(value)


def write_csv(columns: Columns, folder: Path) -> Path:
    lines = [",".join(map(text_of, row)) for row in zip(*columns.values(), strict=True)]
    (folder / "log.csv").write_text("\n".join([",".join(columns), *lines]) + "\n")
    return folder / "log.csv"


def write_json(columns: Columns, folder: Path) -> Path:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "log.jsonl"


def write_mixed_json(columns: Columns, folder: Path) -> Path:
    """Lines that differ in type, which are read one by one."""
    path = write_json(columns, folder)
    path.write_text(path.read_text() + "no JSON\n")
    return path


def write_parquet(columns: Columns, folder: Path) -> Path:
    pq.write_table(pa.table(columns), folder / "log.parquet", row_group_size=3)
    return folder / "log.parquet"


def write_tfrecord(columns: Columns, folder: Path) -> Path:
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(folder / "log.tfrecord")) as writer:
        for row in zip(*columns.values(), strict=True):
            example = tf.train.Example()
            for name, value in zip(columns, row, strict=True):
                feature = example.features.feature[name]
                if isinstance(value, str):
                    feature.bytes_list.value.append(value.encode())
                elif isinstance(value, float):
                    feature.float_list.value.append(value)
                elif value is not None:
                    feature.int64_list.value.append(value)
            writer.write(example.SerializeToString())
    return folder / "log.tfrecord"


Writer = Callable[[Columns, Path], Path]
TEXT_FORMATS: dict[str, Writer] = {
    "csv": write_csv, "jsonl": write_json, "mixed jsonl": write_mixed_json,
    "parquet": write_parquet, "tfrecord": write_tfrecord,
}  # fmt: skip


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_every_null_value_is_missing_in_every_kind_of_column(format: str, tmp_path: Path) -> None:
    nulls = [*NULL_VALUES, ""]
    columns = {name: ["5", *nulls, "7"] for name in ("site", "user", "price", "tags")}
    path = TEXT_FORMATS[format]({"clicked": ["1"] * (len(nulls) + 2), **columns}, tmp_path)
    table = read(path, make_spec(TEXTS), BadRows())
    none = [None] * len(nulls)
    assert table.to_pydict() == {
        "site": ["5", *none, "7"], "user": [5, *none, 7], "price": [5.0, *none, 7.0], "tags": [["5"], *none, ["7"]],
        "clicked": [1.0] * (len(nulls) + 2),
    }  # fmt: skip


@pytest.mark.parametrize("format", TEXT_FORMATS)
@pytest.mark.parametrize("marker", ["-1", "0", "unknown", -1, 0, -1.0, 0.0])
def test_a_column_has_null_values_of_its_own(format: str, marker: Any, tmp_path: Path) -> None:
    own = [{**feature, "null_values": [marker]} for feature in TEXTS[:3]]
    if isinstance(marker, str) and marker == "unknown" and format == "parquet":
        own = own[:1]
    values = [marker, 3 if isinstance(marker, int) else type(marker)(3), marker]
    columns = {"clicked": [1, 0, 1], **{feature["name"]: values for feature in own}}
    table = read(TEXT_FORMATS[format](columns, tmp_path), make_spec(own), BadRows())
    wanted = {"site": [None, "3", None], "user": [None, 3, None], "price": [None, 3.0, None]}
    assert table.to_pydict() == {
        **{feature["name"]: wanted[feature["name"]] for feature in own},
        "clicked": [1.0, 0.0, 1.0],
    }


def test_own_null_values_come_to_those_of_the_source() -> None:
    spec = make_spec([{**TEXTS[0], "null_values": ["none", None]}, TEXTS[1]], null_values=["?"])
    nulls = {column.name: column.null_values for column in spec.raw_columns()}
    assert nulls == {"site": ("?", "none", "NULL", "Null", "null", "~"), "user": ("?",), "clicked": ("?",)}
    twice = [{**TEXTS[0], "null_values": ["-"]}, {**TEXTS[0], "name": "again", "column": "site"}]
    with pytest.raises(SpecError, match=r"other null_values here than in features\.0"):
        make_spec(twice)


def test_a_word_that_only_looks_like_a_null_value_stays(tmp_path: Path) -> None:
    words = ["none", "na", "Nan", "NULLS", "N", "-"]
    path = write_csv({"clicked": [0] * len(words), "site": words}, tmp_path)
    assert read(path, make_spec(TEXTS[:1])).column("site").to_pylist() == words


WHOLE: list[Any] = [1098.0, 7.0, None, -3.0, 0.0]
AS_WRITTEN: dict[str, tuple[Writer, Callable[[Any], Any]]] = {
    "csv": (write_csv, float),
    "csv without": (write_csv, int),
    "csv with two": (write_csv, "{:.2f}".format),
    "json floats": (write_json, float),
    "json texts": (write_json, lambda value: str(float(value))),
    "json of several types": (write_mixed_json, float),
    "parquet floats": (write_parquet, float),
    "parquet decimals": (write_parquet, lambda value: Decimal(int(value)).quantize(Decimal("0.00"))),
    "parquet texts": (write_parquet, lambda value: str(float(value))),
    "parquet integers": (write_parquet, int),
    "tfrecord floats": (write_tfrecord, float),
    "tfrecord texts": (write_tfrecord, lambda value: str(float(value))),
}


@pytest.mark.parametrize("way", AS_WRITTEN)
def test_an_id_that_became_a_float_is_one_token(way: str, tmp_path: Path) -> None:
    write, form = AS_WRITTEN[way]
    values = [None if value is None else form(value) for value in WHOLE]
    path = write({"clicked": [1] * len(values), "site": values, "user": values}, tmp_path)
    table = read(path, make_spec(TEXTS[:2]), BadRows())
    assert table.column("site").to_pylist() == ["1098", "7", None, "-3", "0"]
    assert table.column("user").to_pylist() == [1098, 7, None, -3, 0]


PYTHON: list[Any] = [
    *(1098, 1098.0, "1098", "1098.0", Decimal("1098.00"), np.int32(1098), np.float32(1098), np.float64(1098)),
    *(None, "", "NULL", "nan", float("nan")),
]


@pytest.mark.parametrize("kind", ["string", "int", "float"])
def test_a_request_says_it_as_the_log_did(kind: Any) -> None:
    """A text for a text column goes out as it is: the served graph reads it, see below."""
    column = RawColumn("c", kind)
    read_as = [to_type(pa.array([value]), kind)[0][0].as_py() for value in PYTHON]
    sent = dense(PYTHON, column).tolist()
    for value, wanted, found in zip(PYTHON, read_as, sent, strict=True):
        if kind == "string" and isinstance(value, str):
            assert found == value.encode()
        elif wanted is None:
            assert found == PADDING[kind] or np.isnan(found)
        else:
            assert found == (wanted.encode() if kind == "string" else wanted)


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [("x", "int", "not a whole number"), (1.5, "int", "not a whole number"), (2.0**53, "int", "lost digits"),
     (2**63, "int", "no single value|64 bits"), ("x", "float", "not a number"), ([1], "float", "")],
)  # fmt: skip
def test_what_no_log_may_hold_no_request_may(value: Any, kind: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=f"'c' takes {kind} values, received .*{reason}"):
        dense([value], RawColumn("c", kind))


def column_of(values: Sequence[Any], dtype: Any) -> np.ndarray:
    array = np.empty(len(values), dtype)
    array[:] = values
    return array


def test_the_served_graph_takes_texts_and_numbers_as_the_readers_do(tmp_path: Path) -> None:
    """A transform learned from rows that were read, asked with what the log held."""
    features = [
        TEXTS[0],
        {**TEXTS[1], "null_values": [-1]},
        {**TEXTS[2], "null_values": ["-1", 0], "scale": "none", "fill": 50.0},
        {**TEXTS[3], "null_values": ["-"], "max_length": 2},
        {"kind": "categorical", "name": "host", "role": "context", "null_values": ["unknown", "-1"]},
        {"kind": "cross", "name": "both", "of": ["site", "host"]},
    ]
    nulls = [*NULL_VALUES, "7.0", "x", "x", "7"]
    rows = len(nulls)
    log = {
        "clicked": [1, 0] * (rows // 2) + [1] * (rows % 2),
        "site": nulls,
        "user": [-1, 5, 5, 6] * (rows // 4) + [-1] * (rows % 4),
        "price": [-1.0, 2.5, 0.0, 3.0] * (rows // 4) + [0.0] * (rows % 4),
        "tags": ["a|-", "-", "b|a", "NULL|2.0"] * (rows // 4) + ["2"] * (rows % 4),
        "host": ["unknown", "-1", "-1.0", "h"] * (rows // 4) + ["h"] * (rows % 4),
    }
    spec = FeatureSpec.model_validate({**make_spec(features).model_dump(), "split": {"by": "random"}})
    table = read(write_csv(log, tmp_path), spec)
    assert table.num_rows == rows
    assert table.column("host").null_count == 3 * (rows // 4)
    transform = fit_transform(spec, table, tmp_path / "transform")
    trained = transform.transform(table)
    lists = [text.split("|") + [""] * (2 - len(text.split("|"))) for text in log["tags"]]
    asked = transform.transform_raw(
        {
            "site": column_of([text.encode() for text in log["site"]], object),
            "user": np.array(log["user"], np.int64),
            "price": np.array(log["price"], np.float32),
            "tags": np.array(lists).astype(object),
            "host": column_of([text.encode() for text in log["host"]], object),
        }
    )
    whole = [text != "-" for text in log["tags"]]  # a list of one null value is no missing list
    for name, found in asked.items():
        chosen = whole if name == "tags" else [True] * rows
        np.testing.assert_array_equal(found.numpy()[chosen], trained[name][chosen], err_msg=name)
    assert {"7", "__missing__", "x"} == set(transform.vocabulary("site"))


LABELS: dict[str, tuple[list[Any], list[Any]]] = {
    "signed": ([1, -1, 1], [1]),
    "signed floats": ([1.0, -1.0, 1.0], ["1"]),
    "signed texts": (["1.0", "-1.0", "1.0"], [1]),
    "words": (["click", "view", "click"], ["click"]),
    "several words": (["buy", "view", "click"], ["buy", "click"]),
    "turned": ([0, 1, 0], [0]),
}


@pytest.mark.parametrize("format", TEXT_FORMATS)
@pytest.mark.parametrize("way", LABELS)
def test_a_label_is_told_which_value_means_yes(format: str, way: str, tmp_path: Path) -> None:
    values, positive = LABELS[way]
    spec = make_spec(TEXTS[:1], task={"positive": positive})
    path = TEXT_FORMATS[format]({"site": ["a", "b", "c"], "clicked": values}, tmp_path)
    table = read(path, spec, BadRows())
    assert table.column("clicked").to_pylist() == [1, 0, 1]
    again = tmp_path / "prepared.parquet"
    pq.write_table(table, again)
    assert read(again, spec).column("clicked").to_pylist() == [1, 0, 1]
    assert read(again, spec, prepared=True).column("clicked").to_pylist() == [1, 0, 1]


def test_a_label_without_a_value_is_a_bad_row_and_two_meanings_are_refused(tmp_path: Path) -> None:
    path = write_csv({"site": ["a", "b", "c"], "clicked": ["click", "NULL", "view"]}, tmp_path)
    bad = BadRows()
    assert read(path, make_spec(TEXTS[:1], task={"positive": ["click"]}), bad).num_rows == 2
    assert list(bad.counts) == ["clicked: the label is missing or NaN"]
    with pytest.raises(ValueError, match="only one of at_least and positive"):
        make_spec(TEXTS[:1], task={"positive": ["click"], "at_least": 1})
    bad = BadRows()
    read(path, make_spec(TEXTS[:1], max_bad_share=1.0), bad)
    assert bad.counts["clicked: not a number (positive of the task takes words)"] == 2


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "yes", "Yes", "t", "Y", "1", "1.0", "+1", " 1 ", "1e0"])
def test_every_spelling_of_yes_is_a_label(word: str, tmp_path: Path) -> None:
    no = {"true": "false", "yes": "no", "t": "f", "y": "n"}.get(word.strip().lower(), "0.0")
    path = write_csv({"site": ["a", "b"], "clicked": [word, no]}, tmp_path)
    assert read(path, make_spec(TEXTS[:1])).column("clicked").to_pylist() == [1, 0]


def test_texts_of_a_later_row_group_are_whole(tmp_path: Path) -> None:
    """Where a batch does not start at the start of its buffer, missing texts once broke their neighbours."""
    texts = [f"text {step}" if step % 3 else "" for step in range(300)]
    table = pa.table({"clicked": [1] * 300, "site": texts, "list": [[1, 2]] * 300})
    pq.write_table(table, tmp_path / "log.parquet", row_group_size=100)
    found = read(tmp_path / "log.parquet", make_spec(TEXTS[:1])).column("site")
    found.validate(full=True)
    assert found.to_pylist() == [text or None for text in texts]

"""Every format gives the same typed rows, and every value becomes what the rules say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.logs import FEATURES, NUMBERS, TABLE, make_spec, read, read_text
from tfctr.data import BadRows, DataError, read_log, read_table, write_log
from tfctr.data._columns import log_columns, schema_of
from tfctr.data._readers import blocks, delimited
from tfctr.data.simulator import SimulatorConfig, simulate

# --- formats -------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "tfrecord"])
@pytest.mark.parametrize("compressed", ["", ".gz"])
def test_every_format_reads_back_what_was_written(tmp_path: Path, suffix: str, compressed: str) -> None:
    if suffix == "parquet" and compressed:
        pytest.skip("Parquet compresses inside")
    spec = make_spec()
    path = write_log(TABLE, tmp_path / f"log.{suffix}{compressed}")
    expected = TABLE.select([column.name for column in log_columns(spec)])
    assert read(path, spec).to_pylist() == expected.to_pylist()
    assert read(path, spec).schema == schema_of(log_columns(spec))
    assert next(read_table(TABLE, spec)).to_pylist() == expected.to_pylist()


@pytest.mark.parametrize("suffix", ["csv.gz", "jsonl", "parquet", "tfrecord"])
def test_a_simulated_log_comes_back_whole(tmp_path: Path, suffix: str) -> None:
    log = simulate(SimulatorConfig(rows=300, users=20, items=20))
    path = write_log(log.table, tmp_path / f"log.{suffix}")
    for prepared, columns in ((False, log_columns(log.spec)), (True, log.spec.raw_columns())):
        batches = list(read_log(path, log.spec, prepared=prepared))
        result = pa.Table.from_batches(batches).to_pydict()
        for column in columns:
            expected = log.table.column(column.name).to_pylist()
            if (
                suffix not in ("parquet", "jsonl") and column.shape == "list"
            ):  # elsewhere an empty list is a missing one
                expected = [value or None for value in expected]
            elif column.shape == "vector" and suffix == "csv.gz":
                continue  # compared below: text has fewer digits
            assert result[column.name] == expected, column.name
        if "item_vector" in result:
            vectors = np.array(log.table.column("item_vector").to_pylist())
            np.testing.assert_allclose(np.array(result["item_vector"]), vectors, rtol=1e-5)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last_end", [True, False])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("header", [True, False])
def test_dialects_of_csv(tmp_path: Path, end: str, last_end: bool, quote: str, header: bool) -> None:
    rows = [["user", "clicked", "other", "price"]] * header
    rows += [["1", "0", "x", "2.5"], ["", "1", "", ""], ["-3", "0", "y z", "1e-3"]]
    text = end.join(";".join(f"{quote}{cell}{quote}" for cell in row) for row in rows) + end * last_end
    columns = () if header else ("user", "clicked", "other", "price")
    spec = make_spec(NUMBERS, delimiter=";", header=header, columns=columns)
    table, bad_rows = read_text(tmp_path, text, spec)
    assert table.column("user").to_pylist() == [1, None, -3]
    assert table.column("price").to_pylist() == [2.5, None, pytest.approx(1e-3)]
    assert bad_rows.bad == 0


def test_byte_order_mark_and_blank_lines(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbfuser,clicked,price\n\n1,0,2\n\n\n2,1,x\n3,1,4\n"
    table, bad_rows = read_text(tmp_path, text, make_spec(NUMBERS))
    assert table.column("user").to_pylist() == [1, 3]
    assert bad_rows.examples[0].row == 2


def test_libfm(tmp_path: Path) -> None:
    text = "-1 12:1 7:0.5\n1  13:1 8:2.5 \nx 1:1 2:2\n1 14:1\n1 1:1 2:2 3:3\n0 five 2:2\n"
    spec = make_spec(NUMBERS, columns=("clicked", "user", "price"))
    table, bad_rows = read_text(tmp_path, text, spec, "log.libfm")
    assert table.to_pydict() == {"user": [12, 13], "price": [0.5, 2.5], "clicked": [0, 1]}
    assert dict(bad_rows.counts) == {
        "clicked: not a number (positive of the task takes words)": 1,
        "too few columns": 1,
        "too many columns": 1,
        "user: not a whole number": 1,
    }
    assert [row.row for row in bad_rows.examples] == [4, 5, 6, 3]
    with pytest.raises(DataError, match=r"`source.columns` must name"):
        read(tmp_path / "log.libfm", make_spec(NUMBERS))


def test_folder_glob_list_and_several_formats(tmp_path: Path) -> None:
    spec = make_spec()
    (tmp_path / "day=1").mkdir()
    write_log(TABLE, tmp_path / "day=1" / "a.csv")
    write_log(TABLE, tmp_path / "b.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "README.md").write_text("no log")
    assert read(tmp_path, spec).num_rows == 8
    assert read(str(tmp_path / "**" / "*.csv"), spec).num_rows == 4
    assert read([tmp_path / "b.parquet", tmp_path / "day=1"], spec).num_rows == 8
    with pytest.raises(DataError, match=r"README.md: the format cannot be recognised.*source\.format"):
        read(tmp_path / "README.md", spec)
    with pytest.raises(DataError, match="nothing"):
        read(tmp_path / "*.tsv", spec)


def test_batches_are_small_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,clicked,price\n" + "".join(f"{i},0,1\n" for i in range(1000)))
    sizes = [batch.num_rows for batch in read_log(path, make_spec(NUMBERS), batch_rows=300)]
    assert sizes == [300, 300, 300, 100]
    assert read(path, make_spec(NUMBERS), batch_rows=7).column("user").to_pylist() == list(range(1000))


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 1000])
def test_rows_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block_bytes)
    text = 'user,clicked,site\n1,0,"a\nb"\n2,0,c\n3,x,d\n4,0\n5,1,"e ""f"""\n'
    spec = make_spec([FEATURES[0], FEATURES[1]])
    table, bad_rows = read_text(tmp_path, text, spec)
    assert table.to_pydict() == {"site": ["a\nb", "c", 'e "f"'], "user": [1, 2, 5], "clicked": [0, 0, 1]}
    assert sorted((row.row, row.reason) for row in bad_rows.examples) == [
        (3, "clicked: not a number (positive of the task takes words)"),
        (4, "too few columns"),
    ]


# --- values --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("+7", 7),
        ("7.0", 7),
        ("7.", 7),
        ("-9223372036854775808", -(2**63)),
        ("", None),
        ("NaN", None),
    ],
)
def test_whole_numbers(tmp_path: Path, text: str, value: int | None) -> None:
    table, bad_rows = read_text(tmp_path, f"user,clicked,price\n{text},0,1\n1,0,1\n", make_spec(NUMBERS))
    assert table.column("user").to_pylist() == [value, 1]
    assert bad_rows.bad == 0


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("user", "7.5", "user: not a whole number"),
        ("user", "abc", "user: not a whole number"),
        ("user", "1e3", "user: not a whole number"),
        ("user", "9223372036854775808", "user: does not fit 64 bits"),
        ("price", "cheap", "price: not a number"),
        ("price", "1,5", "price: not a number"),
        ("price", "inf", "price: infinite"),
        ("price", "-Infinity", "price: infinite"),
        ("price", "1e39", "price: infinite"),
        ("clicked", "2", "clicked: the label is not 0 or 1 (positive, at_least or kind: regression takes others)"),
        ("clicked", "0.5", "clicked: the label is not 0 or 1 (positive, at_least or kind: regression takes others)"),
        ("clicked", "nan", "clicked: the label is missing or NaN"),
        ("clicked", "inf", "clicked: infinite"),
        ("clicked", "", "clicked: the label is missing or NaN"),
        ("clicked", "maybe", "clicked: not a number (positive of the task takes words)"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_bad_values_are_set_aside(tmp_path: Path, column: str, text: str, reason: str, suffix: str) -> None:
    rows = [{"user": "1", "price": "1", "clicked": "0"} for _ in range(3)]
    rows[1] = {**rows[1], column: text}
    path = tmp_path / f"log.{suffix}"
    if suffix == "csv":
        lines = [",".join(f'"{row[name]}"' for name in rows[0]) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *lines]))
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows))
    bad_rows = BadRows()
    assert read(path, make_spec(NUMBERS), bad_rows).num_rows == 2
    (bad,) = bad_rows.examples
    assert (bad.file, bad.row, bad.reason) == (str(path), 2, reason)


def test_nan_is_missing_in_a_feature(tmp_path: Path) -> None:
    table, bad_rows = read_text(tmp_path, "user,clicked,price\n1,0,nan\n2,0,2\n", make_spec(NUMBERS))
    assert table.column("price").to_pylist() == [None, 2]
    assert bad_rows.bad == 0


def test_a_threshold_takes_any_finite_label(tmp_path: Path) -> None:
    spec = make_spec(NUMBERS, task={"at_least": 4})
    table, bad_rows = read_text(tmp_path, "user,clicked,price\n1,5,1\n2,nan,1\n3,-1,1\n", spec)
    assert table.column("clicked").to_pylist() == [5, -1]
    assert list(bad_rows.counts) == ["clicked: the label is missing or NaN"]


def test_masks_and_weights(tmp_path: Path) -> None:
    spec = make_spec(NUMBERS, task={"mask": "shown", "weight": "w"})
    text = "user,clicked,price,shown,w\n1,,1,0,1\n2,1,1,1,0\n3,,1,1,1\n4,1,1,2,1\n5,1,1,1,-1\n6,1,1,,1\n7,1,1,1,\n"
    table, bad_rows = read_text(tmp_path, text, spec)
    assert table.column("user").to_pylist() == [1, 2]
    assert table.column("clicked").to_pylist() == [0, 1]  # a masked row without a label counts for nothing
    assert dict(bad_rows.counts) == {
        "shown: the mask is not 0 or 1": 2,
        "w: a weight is missing or negative": 2,
        "clicked: the label is missing or NaN": 1,
    }


def test_lists_and_vectors(tmp_path: Path) -> None:
    features = [
        {"kind": "multi", "name": "tags", "role": "item"},
        {"kind": "sequence", "name": "seen", "role": "user", "type": "int", "times": "at", "separator": "^"},
        {"kind": "vector", "name": "image", "role": "item", "width": 2},
    ]
    text = "tags,seen,at,image,clicked\n"
    text += "a||b,1^2,10^20,0.5|1,0\n"  # good
    text += ",,,,0\n"  # good: all missing
    text += "a,1^2,10,1|2,0\n"  # fewer times than events
    text += "a,1^x,1^2,1|2,0\n"  # no number
    text += "a,1^^3,1^2^3,1|2,0\n"  # an empty one
    text += "a,1,1,1|2|3,0\n"  # too wide
    text += "a,1,1,1|inf,0\n"
    text += "a,1,1,1|nan,0\n"
    table, bad_rows = read_text(tmp_path, text, make_spec(features))
    assert table.column("tags").to_pylist() == [["a", "__missing__", "b"], None]
    assert table.column("seen").to_pylist() == [[1, 2], None]
    assert table.column("at").to_pylist() == [[10, 20], None]
    assert table.column("image").to_pylist() == [[0.5, 1], None]
    assert dict(bad_rows.counts) == {
        "at: not as many values as seen": 1,
        "seen: not a whole number": 1,
        "seen: a value is missing inside the list": 1,
        "image: a vector of 3 values where 2 are wanted": 1,
        "image: infinite": 1,
        "image: a value is missing inside the list": 1,
    }


def test_types_of_other_systems(tmp_path: Path) -> None:
    spec = make_spec()
    table = pa.table(
        {
            "clicked": pa.array([True, False]),
            "site": pa.array([12.0, 1.5]),
            "user": pa.array([1.0, None], pa.float64()),
            "price": pa.array([1, 2], pa.int8()),
            "tags": pa.array([["a"], ["b", "c"]], pa.large_list(pa.string())),
            "image": pa.array([[1, 2], [3, 4]], pa.list_(pa.float64(), 2)),
        }
    )
    pq.write_table(table.append_column("unused", pa.array([{"a": 1}] * 2)), tmp_path / "log.parquet")
    assert read(tmp_path / "log.parquet", spec).to_pylist() == [
        {"site": "12", "user": 1, "price": 1, "tags": ["a"], "image": [1, 2], "clicked": 1},
        {"site": "1.5", "user": None, "price": 2, "tags": ["b", "c"], "image": [3, 4], "clicked": 0},
    ]
    dictionary = table.set_column(1, "site", pa.array(["x", None]).dictionary_encode())
    assert next(read_table(dictionary, spec)).column("site").to_pylist() == ["x", None]
    when = table.set_column(2, "user", pa.array([1_700_000_000, 5], pa.timestamp("s")))
    assert next(read_table(when, spec)).column("user").to_pylist() == [1_700_000_000, 5]
    nested = table.set_column(1, "site", table.column("tags"))
    with pytest.raises(DataError, match=r"column 'site' is of type large_list.*reads it as string"):
        list(read_table(nested, spec))

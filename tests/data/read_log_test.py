"""Every format gives the same typed rows; bad rows are set aside, and what cannot be read is told."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfctr.data import BadRows, BadRowsError, DataError, read_log, read_table, write_log
from tfctr.data.columns import log_columns, schema_of
from tfctr.data.readers import blocks, delimited, quoting, tfrecord
from tfctr.data.simulator import SimulatorConfig, simulate
from tfctr.spec import FeatureSpec

FEATURES = [
    {"kind": "categorical", "name": "site", "role": "context"},
    {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
    {"kind": "numeric", "name": "price", "role": "item"},
    {"kind": "multi", "name": "tags", "role": "item"},
    {"kind": "vector", "name": "image", "role": "item", "width": 2},
]


def make_spec(features: list[dict] | None = None, *, task: dict | None = None, **source: object) -> FeatureSpec:
    return FeatureSpec.model_validate(
        {
            "name": "log",
            "source": {"max_bad_share": 0.9, **source},
            "features": features or FEATURES,
            "tasks": [{"name": "click", "label": "clicked", **(task or {})}],
            "split": {"by": "hash", "column": (features or FEATURES)[0]["name"]},
        }
    )


TABLE = pa.table(
    {
        "clicked": pa.array([1, 0, 0, 1], pa.float32()),
        "site": pa.array(['say "hi", you', None, "two\nlines", "Müller"]),
        "user": pa.array([1, 2**62, None, -4], pa.int64()),
        "price": pa.array([0.5, None, -1e20, 3], pa.float32()),
        "tags": pa.array([["a", "b"], ["a"], None, ["ü"]], pa.list_(pa.string())),
        "image": pa.array([[1, 2], [0.25, -1], None, [3, 4]], pa.list_(pa.float32())),
    }
)


def read(path: object, spec: FeatureSpec, bad_rows: BadRows | None = None, **options: object) -> pa.Table:
    batches = list(read_log(path, spec, bad_rows=bad_rows, **options))
    return pa.Table.from_batches(batches, schema_of(log_columns(spec)))


def read_text(tmp_path: Path, text: str | bytes, spec: FeatureSpec, name: str = "log.csv") -> tuple[pa.Table, BadRows]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    bad_rows = BadRows()
    return read(path, spec, bad_rows), bad_rows


NUMBERS = [
    {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
    {"kind": "numeric", "name": "price", "role": "item"},
]


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
        "clicked: not a number": 1,
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
    with pytest.raises(DataError, match=r"README.md: the format cannot be told.*source\.format"):
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
        (3, "clicked: not a number"),
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
        ("clicked", "2", "clicked: the label is not 0 or 1"),
        ("clicked", "0.5", "clicked: the label is not 0 or 1"),
        ("clicked", "nan", "clicked: the label is missing or NaN"),
        ("clicked", "inf", "clicked: infinite"),
        ("clicked", "", "clicked: the label is missing or NaN"),
        ("clicked", "yes", "clicked: not a number"),
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


# --- what cannot be read ----------------------------------------------------------


def test_rows_with_too_few_or_too_many_columns(tmp_path: Path) -> None:
    text = "user,clicked,price\n1,0,1\n2,0\n3,0,1,9\n4,0,1\n"
    table, bad_rows = read_text(tmp_path, text, make_spec(NUMBERS))
    assert table.column("user").to_pylist() == [1, 4]
    assert [(row.row, row.reason, row.value) for row in bad_rows.examples] == [
        (2, "too few columns", "2 of 3 columns: 2,0"),
        (3, "too many columns", "4 of 3 columns: 3,0,1,9"),
    ]


@pytest.mark.parametrize("broken", ['"abc', 'x,"', '2,0,"abc', '"2,0,abc', 'a"b,0,"'])
def test_a_quote_never_closed_costs_one_row(tmp_path: Path, broken: str) -> None:
    spec = make_spec([FEATURES[1], FEATURES[0]])
    text = f"user,clicked,site\n1,0,a\n{broken}\n3,0,c\n" + "4,0,d\n" * 50
    table, bad_rows = read_text(tmp_path, text, spec)
    assert table.num_rows == 52
    assert [row.row for row in bad_rows.examples] == [2]


def test_two_broken_quotes_do_not_swallow_the_rows_between(tmp_path: Path) -> None:
    spec = make_spec([FEATURES[1], FEATURES[0]])
    text = 'user,clicked,site\n1,0,a\n2,0,"b\n' + "3,0,c\n" * 5 + '4,0,"d\n5,0,e\n'
    table, bad_rows = read_text(tmp_path, text, spec)
    assert table.column("user").to_pylist() == [1, 3, 3, 3, 3, 3, 5]
    assert dict(bad_rows.counts) == {"a quote is never closed": 2}


def test_quotes_inside_a_value_are_plain_text(tmp_path: Path) -> None:
    table, bad_rows = read_text(
        tmp_path, 'user,clicked,site\n1,0,5" screen\n2,0,a\n3,0,b"c"d"\n', make_spec([FEATURES[1], FEATURES[0]])
    )
    assert table.column("site").to_pylist() == ['5" screen', "a", 'b"c"d"']
    assert bad_rows.bad == 0


def test_a_long_quoted_value_and_a_quote_open_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quoting, "LONGEST_QUOTED", 50)
    spec = make_spec([FEATURES[1], FEATURES[0]])
    text = 'user,clicked,site\n1,0,"' + "x\n" * 10 + '"\n2,0,"' + "9,0,z\n" * 60 + "3,0,a\n"
    table, bad_rows = read_text(tmp_path, text, spec)
    assert table.column("user").to_pylist() == [1, *[9] * 59, 3]
    assert bad_rows.counts["a quote is never closed"] == 1


cells = st.text(st.sampled_from(list('ab,"\n\r\t é')), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(cells, min_size=1, max_size=12), block_bytes=st.sampled_from([1, 5, 30, 1000]))
def test_quoted_text_of_any_kind_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str], block_bytes: int
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", block_bytes)
    text = "clicked,site,user\n" + "".join('0,"{}",1\n'.format(cell.replace('"', '""')) for cell in rows)
    table, bad_rows = read_text(tmp_path, text, make_spec([FEATURES[0], FEATURES[1]]))
    assert bad_rows.bad == 0
    assert table.column("site").to_pylist() == [cell or None for cell in rows]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "libfm"])
def test_bytes_that_are_not_utf8(tmp_path: Path, suffix: str) -> None:
    spec = make_spec([FEATURES[0]], columns=("clicked", "site") if suffix == "libfm" else ())
    lines = {
        "csv": b"clicked,site\n0,ok\n0,caf\xe9\n1,fine\n",
        "jsonl": b'{"clicked": 0, "site": "ok"}\n{"clicked": 0, "site": "caf\xe9"}\n{"clicked": 1, "site": "fine"}\n',
        "libfm": b"0 ok:1\n0 caf\xe9:1\n1 fine:1\n",
    }[suffix]
    table, bad_rows = read_text(tmp_path, lines, spec, f"log.{suffix}")
    assert table.column("site").to_pylist() == ["ok", "fine"]
    (bad,) = bad_rows.examples
    assert bad.row == 2
    assert bad.reason.endswith("not UTF-8")
    assert r"\xe9" in bad.value


def test_bytes_that_are_not_utf8_in_a_column_not_read(tmp_path: Path) -> None:
    table, bad_rows = read_text(tmp_path, b"clicked,other,site\n0,caf\xe9,a\n", make_spec([FEATURES[0]]))
    assert (table.num_rows, bad_rows.bad) == (1, 0)


def test_utf16_and_a_file_without_lines_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="UTF-16; write it as UTF-8"):
        read_text(tmp_path, "clicked,site\n0,a\n".encode("utf-16"), make_spec([FEATURES[0]]))
    monkeypatch.setattr(blocks, "LONGEST_ROW", 1000)
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 100)
    with pytest.raises(DataError, match="a row has not ended"):
        read_text(tmp_path, "clicked,site\n0," + "a" * 5000, make_spec([FEATURES[0]]))


def test_json_lines_of_all_kinds(tmp_path: Path) -> None:
    lines = [
        '{"user": 1, "clicked": 0, "price": 1, "extra": {"a": [1]}}',
        '{"user": "2", "clicked": true, "price": "2.5"}',
        "",
        '{"user": 3.0, "clicked": 0}',
        '{"user": 4, "clicked": 0, "price": NaN}',
        '{"user": 5, "clicked": 0',
        "[1, 2]",
        '{"user": [6], "clicked": 0}',
        '{"user": 7, "clicked": 0, "price": Infinity}',
        '{"user": 8, "clicked": 1, "price": 1} {"user": 9, "clicked": 1, "price": 1}',
        '{"user": 10.5, "clicked": 0}',
    ]
    table, bad_rows = read_text(tmp_path, "\n".join(lines), make_spec(NUMBERS), "log.jsonl")
    assert table.to_pydict() == {"user": [1, 2, 3, 4], "price": [1, 2.5, None, None], "clicked": [0, 1, 0, 0]}
    assert sorted((row.row, row.reason) for row in bad_rows.examples) == [
        (5, "not a JSON object"),
        (6, "not a JSON object"),
        (7, "user: a list or object where one value is wanted"),
        (8, "price: infinite"),
        (9, "not a JSON object"),
        (10, "user: not a whole number"),
    ]


def test_json_numbers_where_text_is_wanted(tmp_path: Path) -> None:
    spec = make_spec([FEATURES[0], FEATURES[3]])
    lines = ['{"site": 1, "tags": "a|b", "clicked": 0}', '{"site": 22, "tags": "", "clicked": 1}']
    table, _ = read_text(tmp_path, "\n".join(lines), spec, "log.jsonl")
    assert table.to_pydict() == {"site": ["1", "22"], "tags": [["a", "b"], None], "clicked": [0, 1]}


def test_tfrecords_of_all_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    monkeypatch.setattr(tfrecord, "BATCH_ROWS", 4)
    path = tmp_path / "log.tfrecord"

    def example(user: object, price: list[float]) -> bytes:
        made = tf.train.Example()
        kind = "bytes_list" if isinstance(user, bytes) else "int64_list"
        getattr(made.features.feature["user"], kind).value.append(user)
        made.features.feature["clicked"].int64_list.value.append(1)
        made.features.feature["price"].float_list.value.extend(price)
        return made.SerializeToString()

    records = [
        example(1, [0.5]),
        example(2, []),
        example(b"3", [1.0]),
        b"no example",
        example(5, [1, 2]),
        example(6, [3]),
    ]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    bad_rows = BadRows()
    table = read(path, make_spec(NUMBERS), bad_rows)
    assert table.to_pydict() == {"user": [1, 2, 3, 6], "price": [0.5, None, 1.0, 3.0], "clicked": [1] * 4}
    assert [(row.row, row.reason) for row in bad_rows.examples] == [
        (4, "not a tf.Example"),
        (5, "price: several values where one is wanted"),
    ]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "libfm", "tfrecord"])
@pytest.mark.parametrize("ending", ["half", "crc"])
def test_half_a_gzip_is_told_with_the_rows_read(tmp_path: Path, suffix: str, ending: str) -> None:
    generator = np.random.default_rng(0)
    rows = 5000
    columns = ("clicked", "user", "price") if suffix == "libfm" else ()
    spec = make_spec(NUMBERS, columns=columns)
    path = tmp_path / f"log.{suffix}.gz"
    table = pa.table(
        {
            "clicked": pa.array(generator.integers(0, 2, rows)),
            "user": pa.array(generator.integers(0, 10**9, rows)),
            "price": pa.array(generator.random(rows)),
        }
    )
    if suffix == "libfm":
        text = "".join(
            f"{c} {u}:1 1:{p}\n" for c, u, p in zip(*(table.column(i).to_pylist() for i in range(3)), strict=True)
        )
        path.write_bytes(gzip.compress(text.encode()))
    else:
        write_log(table, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if ending == "half" else whole[:-8] + b"\0" * 8)
    bad_rows = BadRows()
    with pytest.raises(DataError, match=rf"log\.{suffix}\.gz: .*; [\d,]+ rows were read before\. Get the file again"):
        read(path, spec, bad_rows)
    if suffix != "tfrecord":
        assert bad_rows.good == rows if ending == "crc" else rows * 0.3 < bad_rows.good < rows * 0.7


@pytest.mark.parametrize("suffix", ["parquet", "tfrecord"])
def test_half_a_binary_file_is_told(tmp_path: Path, suffix: str) -> None:
    path = write_log(TABLE, tmp_path / f"log.{suffix}")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=f"log.{suffix}: no .* file, or only half of one"):
        read(path, make_spec())


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "csv.gz", "tfrecord"])
def test_an_empty_file_is_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log.{suffix}"
    path.write_bytes(gzip.compress(b"") if suffix.endswith("gz") else b"")
    with pytest.raises(DataError, match=r"no rows to read: .* is empty"):
        read(path, make_spec())


def test_a_header_alone_is_an_empty_file_and_an_empty_part_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,clicked,price\n")
    (tmp_path / "b.csv").write_text("user,clicked,price\n1,0,1\n")
    (tmp_path / "c.csv").write_text("")
    assert read(tmp_path, make_spec(NUMBERS)).num_rows == 1
    with pytest.raises(DataError, match="is empty"):
        read(tmp_path / "a.csv", make_spec(NUMBERS))


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "tfrecord"])
def test_a_missing_column_is_told_with_the_nearest_name(tmp_path: Path, suffix: str) -> None:
    path = write_log(
        TABLE.rename_columns(["clicked", "site", "user", "prices", "tags", "image"]), tmp_path / f"log.{suffix}"
    )
    with pytest.raises(DataError, match=r"missing column\(s\).*'price' \(did you mean 'prices'\?\)"):
        read(path, make_spec())
    with pytest.raises(DataError, match=r"missing column\(s\).*'price'"):
        list(read_table(TABLE.drop_columns(["price"]), make_spec()))


def test_headers_that_cannot_be_right(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the header has 'user' more than once"):
        read_text(tmp_path, "user,user,clicked\n1,2,0\n", make_spec(NUMBERS))
    with pytest.raises(DataError, match=r"`source\.columns` must name its columns"):
        read_text(tmp_path, "1,2,0\n", make_spec(NUMBERS, header=False))
    with pytest.raises(DataError, match="set `header: false`"):
        read_text(tmp_path, "1,2,0\n", make_spec(NUMBERS, columns=("user", "price", "clicked")))


# --- the share of bad rows ----------------------------------------------------------


def test_the_share_of_bad_rows_decides(tmp_path: Path) -> None:
    text = "user,clicked,price\n" + "1,0,1\n" * 97 + "x,0,1\n1,2,1\n1,0\n"
    assert read_text(tmp_path, text, make_spec(NUMBERS, max_bad_share=0.03))[0].num_rows == 97
    with pytest.raises(BadRowsError, match=r"source\.max_bad_share") as error:
        read_text(tmp_path, text, make_spec(NUMBERS, max_bad_share=0.02))
    for part in ("3 of 100 rows set aside (3 %)", "user: not a whole number", "row 98: 'x'", "too few columns"):
        assert part in str(error.value)
    with pytest.raises(BadRowsError):
        read_text(tmp_path, text, make_spec(NUMBERS, max_bad_share=0))


def test_a_hopeless_log_is_given_up_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 10_000)
    path = tmp_path / "log.csv"
    path.write_text("user,clicked,price\n" + "x,y,z\n" * 100_000)
    bad_rows = BadRows()
    with pytest.raises(BadRowsError):
        list(read_log(path, make_spec(NUMBERS, max_bad_share=0.01), bad_rows=bad_rows))
    assert bad_rows.total < 20_000


def test_every_bad_row_is_written_aside(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,clicked,price\n" + "1,0,1\nx,0,1\n1,0\n" * 40)
    with BadRows(max_examples=5, path=tmp_path / "bad" / "bad_rows.jsonl") as bad_rows:
        read(path, make_spec(NUMBERS), bad_rows)
    written = [json.loads(line) for line in (tmp_path / "bad" / "bad_rows.jsonl").read_text().splitlines()]
    assert len(written) == bad_rows.bad == 80
    assert len(bad_rows.examples) == 5
    assert sorted(row["row"] for row in written) == sorted(itertools.chain(range(2, 121, 3), range(3, 121, 3)))
    assert set(written[0]) == {"file", "row", "reason", "value"}
    assert bad_rows.as_dict()["reasons"] == {"too few columns": 40, "user: not a whole number": 40}


def test_times_must_be_there_where_they_are_needed(tmp_path: Path) -> None:
    spec = FeatureSpec.model_validate(
        {
            "name": "log",
            "source": {"max_bad_share": 0.9},
            "features": NUMBERS,
            "tasks": [{"name": "click", "label": "clicked"}],
            "meta": {"time": "at"},
        }
    )
    table, bad_rows = read_text(tmp_path, "user,clicked,price,at\n1,0,1,5\n2,0,1,\n", spec)
    assert table.column("at").to_pylist() == [5]
    assert list(bad_rows.counts) == ["at: the time is missing"]

"""What cannot be read: rows are set aside with the reason, files are told with what to do."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.logs import FEATURES, NUMBERS, TABLE, make_spec, read, read_text
from tfctr.data import BadRows, BadRowsError, DataError, read_log, read_table, write_log
from tfctr.data._readers import blocks, delimited, quoting, tfrecord
from tfctr.spec import FeatureSpec

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


dirty = st.lists(st.sampled_from(["a", "b", ",", '"', "\n", "\r\n"]), max_size=40).map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(text=dirty, block_bytes=st.sampled_from([7, 30, 1000]))
def test_rows_looked_at_alone_are_read_as_if_all_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, block_bytes: int
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", block_bytes)
    spec, read = make_spec([FEATURES[0]], max_bad_share=1.0), []
    for cut in (quoting.quoted_rows, quoting.careful_rows):
        with monkeypatch.context() as patch:
            patch.setattr(delimited, "quoted_rows", cut)
            table, bad_rows = read_text(tmp_path, f"clicked,site\n{text}\n0,last\n", spec)
            read.append((table.to_pylist(), dict(bad_rows.counts), [(bad.row, bad.value) for bad in bad_rows.examples]))
    assert read[0] == read[1]


def test_of_many_rows_only_those_with_an_odd_quote_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, look = [], quoting._careful_row
    monkeypatch.setattr(
        quoting,
        "_careful_row",
        lambda data, start, *rest, **more: seen.append(start) or look(data, start, *rest, **more),
    )
    lines = [b'0,"a, b"\n'] * 1000
    lines[300:303] = [b'0,"two\n', b'lines"\n', b'0,5" screen\n']
    rows = quoting.quoted_rows(b"".join(lines), b",", 2, last=True)
    assert seen == [len(b"".join(lines[:300])), len(b"".join(lines[:302]))]
    assert (rows.block, len(rows.good), len(rows.broken)) == (b"".join(lines), 999, 0)


def test_a_carriage_return_alone_beside_a_broken_quote(tmp_path: Path) -> None:
    table, bad_rows = read_text(tmp_path, 'clicked,site\n0,a"\r1,b\n0,"c\n', make_spec([FEATURES[0]]))
    assert table.column("site").to_pylist() == ['a"', "b"]
    assert dict(bad_rows.counts) == {"a quote is never closed": 1}


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
    assert "not UTF-8" in bad.reason
    assert r"\xe9" in bad.value


def test_bytes_that_are_not_utf8_in_a_column_not_read(tmp_path: Path) -> None:
    table, bad_rows = read_text(tmp_path, b"clicked,other,site\n0,caf\xe9,a\n", make_spec([FEATURES[0]]))
    assert (table.num_rows, bad_rows.bad) == (1, 0)


def test_a_file_without_lines_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    with pytest.raises(DataError, match=r"the header has 'user' \(columns 1 and 2\) more than once"):
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

"""A first spec from generated logs of every format: it loads at once, and says what was put into the log."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tfctr.analysis import columns_of, infer_spec
from tfctr.data import DataError, prepare
from tfctr.spec import FeatureSpec, TimeColumn, check_columns, load_spec

ROWS = 400


def rows() -> list[dict[str, Any]]:
    """A log with one column of every kind that a guess must tell apart."""
    rng = np.random.default_rng(7)
    made = []
    for index in range(ROWS):
        tags = rng.choice(["sport", "news", "film", "music"], size=rng.integers(1, 4), replace=False)
        past = rng.integers(100, 140, size=rng.integers(0, 6))
        made.append(
            {
                "row": index,
                "click": int(rng.random() < 0.1),
                "purchase": int(rng.random() < 0.03),
                "userId": int(rng.integers(1, 60)),
                "zip": f"{rng.integers(0, 30):05d}",
                "ad_id": int(rng.integers(100, 140)),
                "price": round(float(np.exp(rng.normal(2, 1.5))), 2),
                "views": int(rng.lognormal(3, 2)),
                "tags": "|".join(tags),
                "click history": "^".join(map(str, past)),
                "picture": " ".join(f"{x:.3f}" for x in rng.normal(size=4)),
                "domain": str(rng.choice(["shop", "search"])),
                "timestamp": 1_700_000_000 + 60 * index,
                "day": f"2023-11-{1 + index % 28:02d}",
                "country": "DE",
                "comment": "".join(rng.choice(list("abcdef gh"), size=60)),
            }
        )
    return made


def write_csv(path: Path, delimiter: str = ",", *, header: bool = True) -> Path:
    table = rows()
    lines = [delimiter.join(table[0])] if header else []
    lines += [delimiter.join(str(value) for value in row.values()) for row in table]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def expect_kinds(spec: FeatureSpec) -> None:
    kinds = {feature.name: (feature.kind, feature.role) for feature in spec.features}
    assert kinds == {
        "userId": ("categorical", "user"),
        "zip": ("categorical", "user"),
        "ad_id": ("categorical", "item"),
        "price": ("numeric", "item"),
        "views": ("numeric", "context"),
        "tags": ("multi", "item"),
        "click_history": ("sequence", "user"),
        "picture": ("vector", "context"),
        "domain": ("categorical", "context"),
    }
    assert spec.feature("userId").type == "int"
    assert spec.feature("zip").type == "string"  # leading zeros are part of it
    assert spec.feature("views").scale == "log"
    assert spec.feature("click_history").column == "click history"
    assert spec.feature("picture").width == 4
    assert spec.tasks[0].label == "click"
    assert (spec.meta.time, spec.meta.group, spec.meta.domain) == ("timestamp", "userId", "domain")
    assert spec.split.by == "time"


@pytest.mark.parametrize(("name", "delimiter"), [("log.csv", ","), ("log.tsv", "\t"), ("log.txt", ";")])
def test_delimited_logs(tmp_path: Path, name: str, delimiter: str) -> None:
    log = write_csv(tmp_path / name, delimiter)
    found = infer_spec(log)
    expect_kinds(found.spec)
    assert found.spec.feature("tags").separator == "|"
    assert found.spec.feature("click_history").separator == "^"
    assert found.rows == ROWS
    assert found.whole
    assert (found.spec.source.delimiter or ("\t" if delimiter == "\t" else ",")) == delimiter


def test_a_frame_is_looked_at_as_its_file_is(tmp_path: Path) -> None:
    columns = {"user_id": [1, 2, 3, 4] * 50, "price": [0.5, 1.5] * 100, "new": [True, False] * 100}
    table = pa.table({**columns, "clicked": [0, 0, 1, 0, 0] * 40})
    pq.write_table(table, tmp_path / "table.parquet")
    frame = infer_spec(table.to_pandas())
    assert frame.spec == infer_spec(tmp_path / "table.parquet").spec
    assert frame.spec.feature("new").type == "int"  # "true" here would be "True" in a csv file of the same frame
    assert "all 200 rows of a table in memory" in frame.text


def test_a_packed_log_is_read_as_a_plain_one(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "log.csv")
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert infer_spec(packed).spec.features == infer_spec(plain).spec.features


def test_json_lines_with_lists_and_missing_keys(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    lines = []
    for index, row in enumerate(rows()):
        row["tags"] = row["tags"].split("|")
        row["click history"] = [int(x) for x in row["click history"].split("^") if x]
        row["picture"] = [float(x) for x in row["picture"].split()]
        if index % 4 == 0:
            del row["zip"]
        lines.append(json.dumps(row))
    log.write_text("\n".join(lines) + "\n")
    found = infer_spec(log)
    expect_kinds(found.spec)
    assert "25.0% missing" in found.text


def test_parquet_with_lists_dictionaries_and_timestamps(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(rows())
    table = table.set_column(
        table.column_names.index("tags"), "tags", pa.array([row["tags"].split("|") for row in rows()])
    )
    table = table.set_column(table.column_names.index("domain"), "domain", table.column("domain").dictionary_encode())
    table = table.append_column("nested", pa.array([{"a": 1}] * ROWS))
    pq.write_table(table, tmp_path / "log.parquet", row_group_size=100)
    found = infer_spec(tmp_path / "log.parquet")
    expect_kinds(found.spec)
    assert "#   nested is of type struct<a: int64>, which no feature reads" in found.text


def test_what_is_left_out_has_a_reason(tmp_path: Path) -> None:
    text = infer_spec(write_csv(tmp_path / "log.csv")).text
    left_out = text.partition("# Left out:\n")[2].partition("\n\n")[0]
    assert [line.split(" ", 5)[3] for line in left_out.splitlines()] == ["row", "purchase", "day", "country", "comment"]
    assert "row numbers the rows" in left_out
    assert "purchase looks like another outcome" in left_out
    assert "day is a time as text" in left_out
    assert 'country is always "DE"' in left_out
    assert "comment is free text" in left_out


def test_the_text_loads_and_fits_its_log(tmp_path: Path) -> None:
    log = write_csv(tmp_path / "log.csv")
    file = tmp_path / "inferred.yaml"
    file.write_text(infer_spec(log).text, encoding="utf-8")
    spec = load_spec(file)
    assert check_columns(spec, columns_of(str(log), spec)) == []


def test_the_log_can_be_prepared_at_once(tmp_path: Path) -> None:
    log = write_csv(tmp_path / "log.txt", ";")
    prepared = prepare(infer_spec(log).spec, log, tmp_path / "data")
    assert prepared.rows == {"train": 320, "valid": 40, "test": 40}
    assert prepared.report["bad_rows"]["bad"] == 0


def test_the_history_in_remarks_can_be_switched_on(tmp_path: Path) -> None:
    text = infer_spec(write_csv(tmp_path / "log.csv")).text
    lines = [
        line.replace("# - ", "- ").replace("#   - ", "  - ").replace("# history:", "history:")
        for line in text.splitlines()
    ]
    spec = FeatureSpec.model_validate(yaml.safe_load("\n".join(lines)))
    assert spec.history[0].of == "ad_id"
    assert spec.history[0].positives_of == "click"
    assert spec.feature("earlier_items").shares == "ad_id"


def test_a_log_without_header(tmp_path: Path) -> None:
    log = write_csv(tmp_path / "log.csv", header=False)
    found = infer_spec(log)
    assert not found.spec.source.header
    assert found.spec.source.columns == tuple(f"column_{n}" for n in range(1, 17))
    assert found.spec.meta.time == "column_13"  # known by its values alone
    assert found.spec.tasks[0].label == "column_3"  # the rarest 0/1 column, for want of a name
    assert any("low rate" in doubt for doubt in found.doubts)
    assert infer_spec(log, header=False).spec == found.spec


def test_a_rating_becomes_a_label_with_a_threshold(tmp_path: Path) -> None:
    log = tmp_path / "ratings.csv"
    log.write_text("user,film,rating,time\n" + "".join(f"{i % 9},{i % 7},{i % 5 + 1},{10**9 + i}\n" for i in range(90)))
    spec = infer_spec(log).spec
    assert (spec.tasks[0].label, spec.tasks[0].at_least) == ("rating", 4)
    assert [feature.kind for feature in spec.features] == ["categorical", "categorical"]


def test_a_rating_can_be_predicted_as_the_number_it_is_and_is_said_to(tmp_path: Path) -> None:
    log = tmp_path / "ratings.csv"
    log.write_text("user,film,rating,time\n" + "".join(f"{i % 9},{i % 7},{i % 5 + 1},{10**9 + i}\n" for i in range(90)))
    assert "or predict the number: kind: regression without at_least" in infer_spec(log).text
    named = infer_spec(log, label="rating")
    assert (named.spec.tasks[0].kind, named.spec.tasks[0].label) == ("regression", "rating")
    assert "a number from 1 to 5, which is predicted as it is. CHECK: for yes or no make it kind: binary" in named.text
    assert "gates: {r2_min: 0.0}" in named.text


def test_a_named_label_of_many_numbers_is_a_number(tmp_path: Path) -> None:
    found = infer_spec(write_csv(tmp_path / "log.csv"), label="price")
    assert found.spec.tasks[0].kind == "regression"
    assert "positives_of" not in found.text  # a number has none
    prepared = prepare(found.spec, tmp_path / "log.csv", tmp_path / "data")
    assert prepared.report["bad_rows"]["bad"] == 0
    assert prepared.report["splits"]["train"]["label_mean"]["price"] > 1


def test_a_label_of_minus_one_and_one(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("label,site\n" + "".join(f"{-1 if i % 3 else 1},s{i % 4}\n" for i in range(60)))
    assert infer_spec(log).spec.tasks[0].at_least == 1


def test_a_label_can_be_named(tmp_path: Path) -> None:
    log = write_csv(tmp_path / "log.csv")
    assert infer_spec(log, label="purchase").spec.tasks[0].label == "purchase"
    with pytest.raises(DataError, match=r"has no column 'purchas' \(did you mean 'purchase'\?\)"):
        infer_spec(log, label="purchas")


def test_without_a_label_the_spec_still_loads_and_says_so(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("site,slot\n" + "".join(f"s{i % 7},{i % 3}\n" for i in range(30)))
    found = infer_spec(log)
    assert found.spec.tasks[0].label == "label"
    assert any("no column looks like a label" in doubt for doubt in found.doubts)
    assert "# CHECK: no column looks like a label" in found.text


def test_examples_can_be_kept_out(tmp_path: Path) -> None:
    log = write_csv(tmp_path / "log.csv")
    assert '"search"' in infer_spec(log).text
    assert '"search"' not in infer_spec(log, examples=False).text


def test_values_cannot_break_out_of_their_remark(tmp_path: Path) -> None:
    """A value with a line end, a hash, quotes and an escape character stays a remark."""
    log = tmp_path / "log.jsonl"
    evil = 'x\nname: taken\n# "\x1b[31m\u2028y'
    values = [evil, "plain", "name: [", "- a"]
    log.write_text("".join(json.dumps({"click": i % 3 == 0, "site: # {": values[i % 4]}) + "\n" for i in range(40)))
    found = infer_spec(log)
    assert found.spec.name == "log"
    assert found.spec.features[0].column == "site: # {"
    assert found.spec.features[0].name == "site_____"


def test_only_the_first_rows_are_looked_at(tmp_path: Path) -> None:
    found = infer_spec(write_csv(tmp_path / "log.csv"), max_rows=100)
    assert found.rows == 100
    assert not found.whole
    assert "from the first 100 rows of log.csv" in found.text


def test_rows_with_another_number_of_columns_are_counted_as_bad(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("click,site\n" + "".join(f"{i % 2},s{i % 5}{',x' if i == 7 else ''}\n" for i in range(50)))
    assert any("1 rows could not be read: too many columns" in doubt for doubt in infer_spec(log).doubts)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "is empty; there is nothing to look at"),
        ("blank.csv", b"\n\n", "is empty"),
        ("header.csv", b"click,site\n", "has no rows"),
        ("one.csv", b"justonecolumn\n1\n2\n", "found no delimiter"),
        ("twice.csv", b"a,a\n1,2\n", "the header has 'a' (columns 1 and 2) more than once"),
        ("latin.csv", "click,städt\n1,köln\n".encode("latin-1"), "line 1 is not UTF-8"),
        ("log.libfm", b"1 1:1 2:1\n0 3:1 4:1\n", "looks like libfm"),
        ("image.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "is no text"),
        ("half.csv.gz", gzip.compress(b"click,site\n" + b"1,a\n" * 5000, mtime=0)[:40], "ends early"),
        ("packed.csv", gzip.compress(b"click,site\n1,a\n", mtime=0), "let its name end in .gz"),
        ("half.parquet", b"PAR1 and no more", "cannot be read to the end"),
        ("broken.jsonl", b'{"click": 1}\n{"click": \n', "line 2 is not JSON"),
        ("list.jsonl", b'{"click": 1}\n[1]\n', "line 2 is not a JSON object"),
        ("label.csv", b"click,x\n0,1\n1,1\n", "has no column to make a feature of: 'x' is always \"1\""),
    ],
)
def test_logs_that_cannot_be_used(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        infer_spec(tmp_path / name)
    assert message in str(caught.value)
    assert name in str(caught.value)


def test_text_that_turns_bad_behind_the_first_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(b"click,site\n" + b"1,aaaa\n0,bbbb\n" * 40_000 + "1,ä\n".encode("latin-1"))
    with pytest.raises(DataError, match="column 'site' is not UTF-8 everywhere"):
        infer_spec(log)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing.csv: no such file"):
        infer_spec(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="max_rows must be at least 1"):
        infer_spec(write_csv(tmp_path / "log.csv"), max_rows=0)


@pytest.mark.real_data
def test_real_logs(data_dir: Path) -> None:
    avazu = infer_spec(data_dir / "avazu" / "avazu_random_10k.csv.xz").spec
    assert (avazu.tasks[0].label, avazu.meta.time_form) == ("click", TimeColumn(column="hour", format="%y%m%d%H"))
    assert {"row", "id"}.isdisjoint(feature.column for feature in avazu.features)
    criteo = infer_spec(data_dir / "criteo" / "kaggle_head.train.tsv.xz").spec
    assert len(criteo.source.columns) == 40
    assert criteo.tasks[0].label == "column_1"
    assert {feature.kind for feature in criteo.features[13:]} == {"categorical"}

"""Files as strangers bring them: packed, encoded, cut and laid out in every way, read as the plain ones."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.logs import make_spec, read, read_text
from tfctr.analysis import infer_spec
from tfctr.analysis.log_columns import columns_of
from tfctr.data import BadRows, DataError, prepare
from tfctr.data._readers import json_array
from tfctr.data._readers.decoding import encoding_advice
from tfctr.data._readers.files import LogFile
from tfctr.data._write_log import write_log
from tfctr.spec import FeatureSpec, check_columns

FEATURES = [
    {"kind": "categorical", "name": "site", "role": "context"},
    {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
    {"kind": "numeric", "name": "price", "role": "item"},
]
ROWS = [("Müller", 7, 1.5, 1), ("日本", 8, -2.25, 0), ("plain", 9, 0.0, 1), ("e", 10, 4.0, 0)] * 3
WANTED = {
    "site": [row[0] for row in ROWS], "user": [row[1] for row in ROWS], "price": [row[2] for row in ROWS],
    "clicked": [row[3] for row in ROWS],
}  # fmt: skip


def text_of(delimiter: str = ",", end: str = "\n", decimal: str = ".", behind: str = "") -> str:
    lines = [("site", "user", "price", "clicked"), *ROWS]
    return "".join(
        delimiter.join(str(c).replace(".", decimal) if isinstance(c, float) else str(c) for c in line)
        + (behind if number else "")
        + end
        for number, line in enumerate(lines)
    )


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._log.csv", b"x")
        archive.writestr("log.csv", data)
    return buffer.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zip": zipped,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}  # fmt: skip
TEXT_FILES = {"log.csv": text_of(), "log.tsv": text_of("\t"), "log.jsonl": "", "log.json": ""}
OBJECTS = [dict(zip(("site", "user", "price", "clicked"), row, strict=True)) for row in ROWS]
TEXT_FILES["log.jsonl"] = "".join(json.dumps(row) + "\n" for row in OBJECTS)
TEXT_FILES["log.json"] = json.dumps(OBJECTS, indent=1, ensure_ascii=False)


@pytest.mark.parametrize(("name", "suffix"), list(itertools.product(TEXT_FILES, PACKERS)))
def test_packed_files_are_read_and_inferred(name: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / (name + suffix)
    path.write_bytes(PACKERS[suffix](TEXT_FILES[name].encode()))
    assert read(path, make_spec(FEATURES)).to_pydict() == WANTED
    assert infer_spec(path).spec.tasks[0].label == "clicked"


@pytest.mark.parametrize("suffix", [suffix for suffix in PACKERS if suffix])
def test_half_a_packed_file_is_told(suffix: str, tmp_path: Path) -> None:
    whole = PACKERS[suffix]((text_of() + "x,1,1,0\n" * 9).encode())
    path = tmp_path / f"log.csv{suffix}"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(DataError, match=rf"log\.csv{suffix}: .*(ends early|damaged).* Get the file again"):
        read(path, make_spec(FEATURES))


def test_an_archive_of_several_files_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log.csv.zip", "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "x")
    with pytest.raises(DataError, match=r"holds 2 files \(a.csv, b.csv\); unpack it"):
        read(tmp_path / "log.csv.zip", make_spec(FEATURES))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "gbk", "gb18030"])
@pytest.mark.parametrize("name", TEXT_FILES)
def test_other_encodings(encoding: str, name: str, tmp_path: Path) -> None:
    text = TEXT_FILES[name].replace("Müller", "Muller") if encoding == "gbk" else TEXT_FILES[name]
    marked = encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32")
    source = {} if marked else {"encoding": encoding}
    table, bad = read_text(tmp_path, text.encode(encoding), make_spec(FEATURES, **source), name)
    assert (table.num_rows, bad.bad) == (len(ROWS), 0)
    assert "日本" in table.column("site").to_pylist()
    spec = infer_spec(tmp_path / name, **source).spec
    assert spec.source.encoding == (None if marked else encoding)


WORDS = {
    "latin-1": ["café", "Müller", "Ærø", "niño, año", "caf\xe9 au lait"],
    "gbk": ["男装", "女士连衣裙", "手机 32GB", "北京市朝阳区"],
}
ELSE = {"cp1251": "привет мир", "shift_jis": "ｱｲｳ カタカナ", "euc-kr": "안녕하세요", "cp1253": "ελληνικά"}


@pytest.mark.parametrize("encoding", WORDS)
def test_advice_names_the_encoding_that_fits_with_what_it_reads(encoding: str, tmp_path: Path) -> None:
    for word in WORDS[encoding]:
        assert encoding_advice(word.encode(encoding)) == f"`source.encoding: {encoding}` reads {word!r}"
    text = f"{WORDS[encoding][0]},clicked\na,1\n".encode(encoding)
    with pytest.raises(DataError, match=f"the header is not UTF-8; .*{encoding}"):
        read_text(tmp_path, text, make_spec(FEATURES[:1]))
    with pytest.raises(DataError, match=f"line 1 is not UTF-8 .*{encoding}"):
        infer_spec(tmp_path / "log.csv")
    text = f"site,clicked\n{WORDS[encoding][0]},1\nb,0\n".encode(encoding)
    _, bad = read_text(tmp_path, text, make_spec(FEATURES[:1]))
    assert encoding in bad.examples[0].reason


@pytest.mark.parametrize("encoding", ELSE)
def test_no_advice_is_better_than_one_that_mangles(encoding: str) -> None:
    assert encoding_advice(ELSE[encoding].encode(encoding)) == ""


def test_a_wrong_encoding_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"log.csv: the text is not ascii .*mend `source.encoding`"):
        read_text(tmp_path, text_of().encode(), make_spec(FEATURES, encoding="ascii"))
    with pytest.raises(ValueError, match="unknown encoding 'klingon'"):
        make_spec(FEATURES, encoding="klingon")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "||", "::", "\x01", "~|~", "¦"])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("trailing", [False, True])
def test_line_ends_delimiters_and_decimals(
    end: str, delimiter: str, decimal: str, trailing: bool, tmp_path: Path
) -> None:
    if decimal == delimiter:
        pytest.skip("one comma for both")
    text = text_of(delimiter, end, decimal, delimiter if trailing else "")
    table, bad = read_text(tmp_path, text, make_spec(FEATURES, delimiter=delimiter, decimal=decimal))
    assert (table.to_pydict(), bad.bad) == (WANTED, 0)
    if delimiter not in ("~|~", "¦"):
        found = infer_spec(tmp_path / "log.csv").spec
        default = "\t" if found.source.format == "tsv" else ","
        assert (found.source.delimiter or default, found.source.decimal) == (delimiter, decimal)
        assert read(tmp_path / "log.csv", found).num_rows == len(ROWS)


def test_a_delimiter_inside_quotes_stays(tmp_path: Path) -> None:
    text = 'site::clicked\n"a::b"::1\nc:d::0\n'
    table, _ = read_text(tmp_path, text, make_spec(FEATURES[:1], delimiter="::"))
    assert table.column("site").to_pylist() == ["a::b", "c:d"]
    with pytest.raises(DataError, match="holds the byte 0x1f"):
        read_text(tmp_path, "site::clicked\na\x1f::1\n", make_spec(FEATURES[:1], delimiter="::"))


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(st.sampled_from('ab",:[]{}\\\n é'), max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", '}"', "y"]), inner, max_size=2),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["a", "b\\", '"']), values, max_size=3), min_size=1, max_size=6),
    indent=st.sampled_from([None, 0, 2]),
    block=st.sampled_from([1, 3, 20, 1000]),
)
def test_arrays_of_any_objects_become_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[dict], indent: int | None, block: int
) -> None:
    monkeypatch.setattr(json_array, "BLOCK_BYTES", block)
    path = tmp_path / "log.json"
    path.write_text(" \n" + json.dumps(rows, indent=indent, ensure_ascii=False) + "\n", "utf-8")
    lines = b"".join(json_array.json_lines(LogFile(path, "jsonl"))).split(b"\n")
    assert [json.loads(line) for line in lines if line.strip()] == rows


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_folders_of_partitions_give_columns(suffix: str, tmp_path: Path) -> None:
    for day, country in itertools.product(("2024-01-01", "2024-01-02"), ("DE", "__HIVE_DEFAULT_PARTITION__", "a%2Fb")):
        folder = tmp_path / f"day={day}" / f"country={country}"
        folder.mkdir(parents=True)
        table = pa.table({"site": ["x", "y"] * 20, "clicked": [1, 0] * 20})
        if suffix == "parquet":
            pq.write_table(table, folder / "part.parquet")
        else:
            (folder / "part.csv").write_text("site,clicked\n" + "x,1\ny,0\n" * 20)
    spec = make_spec([FEATURES[0], {"kind": "categorical", "name": "country", "role": "context"}])
    bad = BadRows()
    table = read(tmp_path, spec, bad)
    assert (table.num_rows, bad.bad) == (240, 0)
    assert table.column("country").to_pylist()[::40] == ["DE", None, "a/b"] * 2
    features = infer_spec(tmp_path).spec.features
    assert {"site", "country"} <= {feature.name for feature in features}


PARTS = {"train": 60, "valid": 20, "test": 10}


@pytest.mark.parametrize("layout", ["{}.csv", "{}/part.csv", "deep/{}-0.csv"])
@pytest.mark.parametrize("with_valid", [True, False])
def test_files_say_the_part_of_their_rows(layout: str, with_valid: bool, tmp_path: Path) -> None:
    for name, rows in PARTS.items():
        path = tmp_path / "log" / layout.format(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("site,clicked\n" + "a,1\nb,0\n" * (rows // 2))
    patterns = {name: [layout.format(name).replace("-0", "-*")] for name in PARTS}
    if not with_valid:
        patterns["train"] += patterns.pop("valid")
    spec = make_spec(FEATURES[:1]).model_dump() | {
        "split": {"files": patterns, "train": 0.8, "valid": 0.1, "test": 0.1}
    }
    made = prepare(FeatureSpec.model_validate(spec), tmp_path / "log", tmp_path / "work")
    assert made.rows["test"] == 10
    assert made.rows == PARTS if with_valid else sum(made.rows.values()) == 90 and made.rows["valid"] > 0
    (tmp_path / "log" / "else.csv").write_text("site,clicked\na,1\n")
    with pytest.raises(DataError, match=r"else\.csv: is in no part of `split\.files`"):
        prepare(FeatureSpec.model_validate(spec), tmp_path / "log", tmp_path / "work")


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "tfrecord", "csv"])
def test_places_of_a_list_are_columns(suffix: str, tmp_path: Path) -> None:
    lists = [[7.0, 1.5], [8.0, 2.0, 9.0], [9.0], None]
    table = pa.table(
        {"site": list("abcd"), "numbers": pa.array(lists, pa.list_(pa.float32())), "clicked": [1, 0, 1, 0]}
    )
    path = tmp_path / f"log.{suffix}"
    if suffix == "csv":
        path.write_text("site,numbers,clicked\na,7.0|1.5,1\nb,8|2|9,0\nc,9,1\nd,,0\n")
    else:
        write_log(table, path)
    spec = make_spec(FEATURES, positions={"numbers": ["user", "price"]})
    found = read(path, spec)
    assert found.column("user").to_pylist() == [7, 8, 9, None]
    assert found.column("price").to_pylist() == [1.5, 2.0, None, None]
    assert check_columns(spec, columns_of(str(path), spec)) == []

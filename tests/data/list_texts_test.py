"""Lists as texts: what JSON, Python, NumPy and separators write, against the lists that were written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tfctr.data import BadRows, read_log
from tfctr.data._convert.list_text import cut
from tfctr.spec import FeatureSpec

RNG = np.random.default_rng(0)
WORDS = ["a", "Toy Story", "New York", "é", "東京", "😀", "x,y", "a|b", "it's", 'say "so"', "back\\slash", "tab\there",
         "line\nend", "[x]", "None", "1", "-2", "x]", "{}", ":", "a:1"]  # fmt: skip
TEXTS = [[WORDS[i] for i in RNG.integers(0, len(WORDS), n)] for n in RNG.integers(0, 6, 200)] + [[], [""], ["", ""]]
NUMBERS = [RNG.integers(-(10**12), 10**12, n).tolist() for n in RNG.integers(0, 6, 100)]
DECIMALS = [(RNG.normal(size=3) * 10.0 ** RNG.integers(-9, 9)).tolist() for _ in range(100)]

WRITERS: dict[str, Callable[[list[object]], str]] = {
    "json": json.dumps,
    "json, not escaped": lambda values: json.dumps(values, ensure_ascii=False),
    "json, compact": lambda values: json.dumps(values, separators=(",", ":")),
    "json, in lines": lambda values: json.dumps(values, indent=1),
    "python": repr,
    "with blanks": lambda values: f"  {json.dumps(values)} ",
}


def lists_of(texts: list[str], separator: str = "|") -> list[list[str | None]]:
    lists, problems = cut(pa.array(texts), separator)
    assert not any(where.any() for _, where in problems)
    return lists.to_pylist()


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("separator", ["|", ",", " ", "::"])
def test_lists_of_json_and_python_come_back_whatever_the_separator(writer: str, separator: str) -> None:
    write = WRITERS[writer]
    assert lists_of([write(values) for values in TEXTS], separator) == TEXTS
    for numbers in (NUMBERS, DECIMALS):
        found = lists_of([write(values) for values in numbers], separator)
        assert [[float(v) for v in values] for values in found] == numbers


def test_what_numpy_and_people_write() -> None:
    assert lists_of([str(np.array([0.5, -1e-9, 3.0])), "[1  2\n 3]"]) == [
        ["5.e-01", "-1.e-09", "3.e+00"],
        ["1", "2", "3"],
    ]
    assert lists_of(["[a, b c]", "[]", "[ ]", "['a',]", "[x]"]) == [["a", "b c"], [], [], ["a"], ["x"]]
    assert lists_of(['[null, "null", 1]', "[None, 'None']", "[nan]"]) == [[None, "null", "1"], [None, "None"], [None]]


@pytest.mark.parametrize(
    ("separator", "text", "wanted"),
    [
        ("|", "a| b |c", ["a", "b", "c"]),
        (",", "a, b,,c", ["a", "b", "", "c"]),
        (" ", "  a  b\tc ", ["a", "b", "c"]),
        ("\t", "New York\tParis", ["New York", "Paris"]),
        ("::", "a::b:c", ["a", "b:c"]),
        ("|", "[a]|[b]", ["[a]", "[b]"]),
        (",", "[a", ["[a"]),
    ],
)
def test_values_between_separators(separator: str, text: str, wanted: list[str]) -> None:
    assert lists_of([text, "z"], separator) == [wanted, ["z"]]


@pytest.mark.parametrize("text", ["[[1, 2], [3]]", "[ ['a'] ]", "['a' 'b']", "['a]", "[1,,2]", "[b'x']"])
def test_what_is_in_brackets_and_no_list_is_told(text: str) -> None:
    lists, problems = cut(pa.array(["a|b", text, None, "['a']"]), "|")
    assert [bool(sum(where[row] for _, where in problems)) for row in range(4)] == [False, True, False, False]
    assert (lists[0].as_py(), lists[2].as_py(), lists[3].as_py()) == (["a", "b"], None, ["a"])


SPEC = FeatureSpec(
    name="ads",
    features=[
        {"kind": "multi", "name": "tags", "role": "item"},
        {"kind": "sequence", "name": "seen", "role": "user", "type": "int", "separator": ","},
        {"kind": "vector", "name": "image", "role": "item", "width": 2},
    ],
    tasks=[{"name": "click", "label": "click"}],
    split={"by": "random"},
)


@pytest.mark.parametrize("kind", ["jsonl", "mixed jsonl", "parquet"])
def test_every_format_reads_texts_of_lists(kind: str, tmp_path: Path) -> None:
    rows = [
        {"tags": "['a', 'b, c']", "seen": "[1, 2]", "image": "[0.5 1.5]", "click": 1},
        {"tags": "a|b", "seen": "3,4", "image": "0.5|1.5", "click": 0},
        {"tags": "[]", "seen": "[]", "image": "", "click": 0},
        {"tags": "", "seen": "", "image": "", "click": 0},
    ]
    if kind == "mixed jsonl":
        rows.append({"tags": ["x", "y"], "seen": [5], "image": [0, 1], "click": 1})
    path = tmp_path / f"log.{kind.split()[-1]}"
    if kind == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = [row for batch in read_log(path, SPEC) for row in batch.to_pylist()]
    assert [row["tags"] or [] for row in found[:4]] == [["a", "b, c"], ["a", "b"], [], []]
    assert [row["seen"] or [] for row in found[:4]] == [[1, 2], [3, 4], [], []]
    assert [row["image"] for row in found[:4]] == [[0.5, 1.5], [0.5, 1.5], None, None]
    assert len(found) == len(rows)


def test_a_list_that_cannot_be_read_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    rows = [{"tags": "a", "seen": "1", "image": "1|2", "click": 1}] * 200
    rows[7] = {**rows[7], "tags": "[['a'], ['b']]"}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    bad_rows = BadRows()
    assert sum(batch.num_rows for batch in read_log(path, SPEC, bad_rows=bad_rows)) == 199
    assert bad_rows.examples[0].reason == "tags: a list of lists"

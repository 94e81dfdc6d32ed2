"""Logs that are not as they should be: what reading them and guessing a spec from them answers, as a table.

python -m benchmarks.malformed_logs
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tfctr.analysis import infer_spec
from tfctr.data import BadRows, BadRowsError, DataError, read_log
from tfctr.spec import FeatureSpec, SpecError

COMMAND = "python -m benchmarks.malformed_logs"
ROWS = 40
LONGEST = 150
"""Characters of an answer that are shown."""

SPEC = {
    "name": "log",
    "source": {"max_bad_share": 0.1},
    "features": [
        {"kind": "categorical", "name": "site", "role": "context"},
        {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
        {"kind": "numeric", "name": "price", "role": "item"},
    ],
    "tasks": [{"name": "click", "label": "clicked"}],
    "split": {"by": "random"},
}
NAMES = ("site", "user", "price", "clicked")


def rows() -> list[tuple[str, str, str, str]]:
    """A small log, well formed."""
    return [(f"site{i % 4}", str(i % 7 + 1), f"{i % 5}.5", str(i % 3 // 2)) for i in range(ROWS)]


def csv(
    change: dict[int, str] | None = None,
    *,
    header: str = ",".join(NAMES),
    end: str = "\n",
    user: Callable[[str], str | None] = str,
    label: Callable[[str], str | None] = str,
) -> bytes:
    """The log as csv; rows, counted from 0, may be changed, and so may the values of two columns."""
    lines = [header, *(f"{s},{user(u)},{p},{label(c)}" for s, u, p, c in rows())]
    for number, line in (change or {}).items():
        lines[number + 1] = line
    return (end.join(line for line in lines if line) + end).encode("utf-8", "surrogateescape")


def json_lines(*more: object) -> bytes:
    """The log as JSON lines, with more objects behind."""
    return "".join(json.dumps(row) + "\n" for row in [*as_json(), *more]).encode()


def as_json() -> list[dict[str, object]]:
    """The log as objects."""
    return [{"site": s, "user": int(u), "price": float(p), "clicked": int(c)} for s, u, p, c in rows()]


def parquet(**columns: pa.Array) -> bytes:
    """The log as Parquet; columns may be changed."""
    made = pa.Table.from_pylist(as_json())
    for name, values in columns.items():
        made = made.set_column(made.column_names.index(name), name, values)
    buffer = io.BytesIO()
    pq.write_table(made, buffer)
    return buffer.getvalue()


def zipped(*names: str) -> bytes:
    """An archive of the log under these names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, csv())
    return buffer.getvalue()


def replaced(old: str, new: str) -> bytes:
    """The csv with one text in place of another, everywhere."""
    return csv().decode().replace(old, new).encode()


CASES: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
    ("well formed", "log.csv", csv),
    ("nothing at all", "log.csv", lambda: b""),
    ("a header alone", "log.csv", lambda: csv().split(b"\n")[0] + b"\n"),
    ("no header", "log.csv", lambda: csv(header="")),
    ("a column name twice", "log.csv", lambda: csv(header="site,user,site,clicked")),
    ("a column misspelt", "log.csv", lambda: csv(header="site,usr,price,clicked")),
    ("blank lines between rows", "log.csv", lambda: csv(end="\n\n")),
    ("a row cut short", "log.csv", lambda: csv({5: "site1,2"})),
    ("a row too long", "log.csv", lambda: csv({5: "site1,2,1.5,0,extra"})),
    ("a delimiter at the end of each row", "log.csv", lambda: csv().replace(b"\n", b",\n").replace(b",\n", b"\n", 1)),
    ("a quote never closed", "log.csv", lambda: csv({5: '"site1,2,1.5,0'})),
    ("a line end inside quotes", "log.csv", lambda: csv({5: '"two\nlines",2,1.5,0'})),
    ("lines that end in CR alone", "log.csv", lambda: csv(end="\r")),
    ("semicolons", "log.csv", lambda: replaced(",", ";")),
    ("two colons between columns", "log.csv", lambda: replaced(",", "::")),
    ("decimal commas", "log.csv", lambda: replaced(",", ";").replace(b".5", b",5")),
    ("UTF-8 with a byte order mark", "log.csv", lambda: b"\xef\xbb\xbf" + csv()),
    ("UTF-16", "log.csv", lambda: csv().decode().encode("utf-16")),
    ("Latin-1", "log.csv", lambda: replaced("site1", "café").decode().encode("latin-1")),
    ("GBK", "log.csv", lambda: replaced("site1", "女士连衣裙").decode().encode("gbk")),
    ("one row not UTF-8", "log.csv", lambda: csv({5: "caf\udce9,2,1.5,0"})),
    ("a zero byte", "log.csv", lambda: csv({5: "si\0te,2,1.5,0"})),
    ("a picture by that name", "log.csv", lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8),
    ("packed without a suffix", "log.csv", lambda: gzip.compress(csv())),
    ("half of a gzip", "log.csv.gz", lambda: gzip.compress(csv())[:-30]),
    ("bzip2", "log.csv.bz2", lambda: bz2.compress(csv())),
    ("a zip of one file", "log.csv.zip", lambda: zipped("log.csv")),
    ("a zip of two files", "log.csv.zip", lambda: zipped("a.csv", "b.csv")),
    ("NULL, NA and \\N in numbers", "log.csv", lambda: csv({5: "a,NULL,NA,0", 6: "b,\\N,N/A,1", 7: "NaN,1,nan,0"})),
    ("ids as 3.0", "log.csv", lambda: csv(user="{}.0".format)),
    ("an id beyond 64 bits", "log.csv", lambda: csv({5: "a,99999999999999999999,1.5,0"})),
    ("a word in a column of numbers", "log.csv", lambda: csv({5: "a,1,cheap,0"})),
    ("an infinite number", "log.csv", lambda: csv({5: "a,1,inf,0"})),
    ("a label of 2", "log.csv", lambda: csv({5: "a,1,1.5,2"})),
    ("labels of -1 and 1", "log.csv", lambda: csv(label={"0": "-1", "1": "1"}.get)),
    ("labels of True and False", "log.csv", lambda: csv(label={"0": "False", "1": "True"}.get)),
    ("labels of words", "log.csv", lambda: csv(label={"0": "view", "1": "buy"}.get)),
    ("a label missing", "log.csv", lambda: csv({5: "a,1,1.5,"})),
    ("JSON lines", "log.jsonl", json_lines),
    ("a JSON array", "log.json", lambda: json.dumps(as_json(), indent=2).encode()),
    ("a line that is no JSON", "log.jsonl", lambda: json_lines() + b"{no}\n"),
    ("values of several types", "log.jsonl", lambda: json_lines({**as_json()[0], "user": "3", "price": "1.5"})),
    ("half of a Parquet file", "log.parquet", lambda: parquet()[:-20]),
    ("floats beyond 2^53 as ids", "log.parquet", lambda: parquet(user=pa.array([2.0**60] * 2 + [5.0] * (ROWS - 2)))),
    ("structs in a column", "log.parquet", lambda: parquet(price=pa.array([{"a": 1}] * ROWS))),
    ("decimals, dictionaries, bytes", "log.parquet", lambda: parquet(
        price=pa.array([float(p) for *_, p, _ in rows()]).cast(pa.decimal128(8, 2)),
        site=pa.array([s.encode() for s, *_ in rows()]).dictionary_encode(),
    )),
)  # fmt: skip
"""What is wrong, name of the file, its bytes."""


def read_answer(path: Path) -> str:
    """Return what reading with the spec of the well-formed log says."""
    bad = BadRows()
    try:
        count = sum(batch.num_rows for batch in read_log(path, FeatureSpec.model_validate(SPEC), bad_rows=bad))
    except BadRowsError:
        return _told(f"refused: {bad.bad} of {bad.total} rows bad: {'; '.join(bad.counts)}", path)
    except DataError as error:
        return _told(f"refused: {error}", path)
    return _told(f"{count} rows" + (f"; set aside: {'; '.join(bad.counts)}" if bad.bad else ""), path)


def infer_answer(path: Path) -> str:
    """Return what `tfctr spec infer` makes of it, and whether its spec reads the log."""
    try:
        spec = infer_spec(path).spec
        bad = BadRows()
        count = sum(batch.num_rows for batch in read_log(path, spec, bad_rows=bad))
    except (DataError, BadRowsError, SpecError) as error:
        return _told(f"refused: {error}", path)
    task = spec.tasks[0]
    keys = [f"label {task.label_columns[0]}"]
    keys += [f"{key} {getattr(task, key)}" for key in ("at_least", "positive") if getattr(task, key, None)]
    changed = spec.source.model_dump(exclude_defaults=True)
    keys += [f"{key} {value!r}" for key, value in changed.items() if key not in ("columns", "format")]
    return _told(f"{count} rows, {len(spec.features)} features, {', '.join(keys)}", path)


def _told(text: str, path: Path) -> str:
    line = " ".join(text.replace(f"{path.parent}/", "").split())
    line = "".join(char if char.isprintable() else "?" for char in line).replace("|", "\\|")
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def table() -> str:
    """Return the table, in Markdown."""
    lines = [f"`{COMMAND}`", "", "| the file | read with its spec | `tfctr spec infer` |", "|---|---|---|"]
    for number, (kind, name, data) in enumerate(CASES):
        with tempfile.TemporaryDirectory(prefix=f"malformed-{number}-") as folder:
            path = Path(folder) / name
            path.write_bytes(data())
            lines.append(f"| {kind} | {read_answer(path)} | {infer_answer(path)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())

"""What kind of file a log is, recognised by its first bytes: format, delimiter, header."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tfctr.data._readers.decoding import encoding_advice
from tfctr.data._readers.delimited import STAND_IN, require_unique
from tfctr.data._readers.files import DamagedFileError, LogFile
from tfctr.data.errors import DataError

Format = Literal["csv", "tsv", "jsonl", "parquet"]

HEAD_BYTES = 1 << 18
"""What is looked at to tell the format: 256 KiB of text."""

_PACKED = {
    b"\x1f\x8b": ".gz",
    b"\xfd7zXZ\x00": ".xz",
    b"BZh": ".bz2",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"PK\x03\x04": ".zip",
}
_DELIMITERS = ("\t", ",", ";", "|", "||", "::", "\x01")
_DECIMAL_COMMA = re.compile(r"^[-+]?\d+(,\d{1,2}|,\d{4,})?$")  # 1,234 may be a thousand and more
_NUMBER = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
_LIBFM = re.compile(r"^[-+]?\d+(\.\d+)?( \d+:\S+)+\s*$")


@dataclass(frozen=True)
class LogFormat:
    """How to read a log.

    Args:
        format: Kind of file.
        header: Whether a csv or tsv file begins with the names of its columns.
        delimiter: Between columns; empty where the format has none.
        columns: Names of the columns of a csv or tsv file: from the header, or ``column_1`` and so on.
        decimal: Before the fraction of numbers.
    """

    format: Format
    header: bool = True
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    decimal: Literal[".", ","] = "."


def detect_format(file: LogFile, *, header: bool | None = None, delimiter: str | None = None) -> LogFormat:
    """Return the format of a log.

    Args:
        file: The file; its own format is not looked at, only its compression.
        header: Whether there is a header; None looks at the first line.
        delimiter: One character; None tries tab, comma, semicolon and bar.

    Raises:
        DataError: For an empty file, one that is no text, and formats that have no columns to look at.
    """
    head, whole = _read_head(file)
    if head.startswith(b"PAR1"):
        return LogFormat("parquet")
    text = _text(head, file)
    lines = text.splitlines() if whole else text.splitlines()[:-1] or text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise DataError(f"{file}: is empty; there is nothing to look at")
    array = first.lstrip().startswith("[") and text.lstrip()[1:].lstrip().startswith("{")
    if array or (first.lstrip().startswith("{") and _is_json(first)):
        return LogFormat("jsonl")
    if _LIBFM.match(first):
        raise DataError(f"{file}: looks like libfm, which has no named columns; begin with `tfctr spec show template`")
    found = delimiter or _delimiter(lines, file)
    rows = [row for row in _cells(io.StringIO("\n".join(lines), newline=""), found) if row]
    has_header = _has_header(rows) if header is None else header
    names = tuple(name.strip() for name in rows[0]) if has_header else _numbered(len(rows[0]))
    require_unique(file, names)
    return LogFormat("tsv" if found == "\t" else "csv", has_header, found, names, _decimal(found, rows[has_header:200]))


def _read_head(file: LogFile) -> tuple[bytes, bool]:
    """The first bytes, and whether they are all."""
    try:
        with file.open() as stream:
            head = stream.read(HEAD_BYTES)
    except (OSError, DamagedFileError) as error:
        raise DataError(f"{file}: cannot be read: {error}") from None
    packed = next((suffix for magic, suffix in _PACKED.items() if head.startswith(magic)), None)
    if packed:
        raise DataError(f"{file}: is packed; let its name end in {packed}")
    return head, len(head) < HEAD_BYTES


def _text(head: bytes, file: LogFile) -> str:
    """The head as text; a character cut in two at its end is no mistake."""
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 4 and len(head) == HEAD_BYTES:
            return head[: error.start].decode("utf-8-sig")
        line = head.count(b"\n", 0, error.start) + 1
        if b"\x00" in head:
            raise DataError(f"{file}: is no text; csv, tsv, jsonl and parquet can be looked at") from None
        around = head[head.rfind(b"\n", 0, error.start) + 1 :].split(b"\n", 1)[0]
        advice = encoding_advice(around) or "say its encoding in `source.encoding`"
        raise DataError(
            f"{file}: line {line} is not UTF-8 (byte 0x{head[error.start]:02x}); {advice} (infer: --encoding)"
        ) from None


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _cells(lines: Iterable[str], delimiter: str) -> Iterable[list[str]]:
    """The cells of lines; a delimiter of several characters is read as the reader does."""
    if len(delimiter) == 1:
        return csv.reader(lines, delimiter=delimiter)
    return csv.reader((line.replace(delimiter, STAND_IN) for line in lines), delimiter=STAND_IN)


def _delimiter(lines: Sequence[str], file: LogFile) -> str:
    """The delimiter that cuts most of the first lines into the same number of columns, two at least."""
    best, best_score = "", (0.0, 0)
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in _cells(lines[:100], delimiter) if row]
        width = widths[0]
        doubled = f"{delimiter}{delimiter}"
        if doubled in _DELIMITERS and all(line.count(delimiter) == 2 * line.count(doubled) for line in lines[:100]):
            continue  # nothing but pairs of it
        score = (sum(w == width for w in widths) / len(widths), width)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    if best:
        return best
    raise DataError(f"{file}: found no delimiter; say which character parts the columns (--delimiter)")


def _decimal(delimiter: str, rows: Sequence[Sequence[str]]) -> Literal[".", ","]:
    """A comma where a column holds nothing but numbers, some of which have one in them."""
    for values in () if delimiter == "," else zip(*rows, strict=False):
        filled = [value for value in values if value]
        if any("," in value for value in filled) and all(_DECIMAL_COMMA.match(value) for value in filled):
            return ","
    return "."


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is names: no numbers, above numbers, or else different words that are not seen again."""
    first, rest = rows[0], rows[1:200]
    filled = [cell for cell in first if cell]
    if len(filled) < len(first) - 1 or any(_NUMBER.match(cell) for cell in filled):
        return False
    below = [[row[index] for row in rest if index < len(row) and row[index]] for index in range(len(first))]
    if any(values and all(_NUMBER.match(value) for value in values) for values in below):
        return True
    again = any(cell in values for cell, values in zip(first, below, strict=True) if cell)
    return len(set(filled)) == len(filled) and not again


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"column_{index}" for index in range(1, width + 1))

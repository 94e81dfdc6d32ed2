"""Rows whose quotes need care: values with line ends in them, and quotes that are never closed.

Nearly every block of a click log is plain, and then this file costs two counts. Where it is not, lines with an odd
number of quotes are looked at one by one, in Python; all others are rows as they stand. Should that not add up, which
only stray quotes on both sides of a line end can bring about, every row is cut one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST_QUOTED = 100_000
"""Bytes a quoted value may have; a quote that is not closed within them is taken for a broken one."""


def is_plain(data: bytes) -> bool:
    """Whether every line end is the end of a row, as far as the number of quotes can tell."""
    if b'"' not in data:
        return True
    text = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    ends = np.flatnonzero(text == ord("\n"))
    return not np.any(np.searchsorted(quotes, ends) % 2)


@dataclass(frozen=True)
class QuotedRows:
    """The rows of a block.

    Args:
        block: Bytes of the good rows, one behind the other.
        good: Places of the good rows among all, from 0, int64.
        broken: Places of those with a quote that is never closed.
        texts: Bytes of the broken rows.
        rest: What stands behind the last row that has ended.
    """

    block: bytes
    good: NDArray[np.int64]
    broken: NDArray[np.int64]
    texts: list[bytes]
    rest: bytes


def quoted_rows(data: bytes, delimiter: bytes, width: int, *, last: bool) -> QuotedRows:
    """Cut a block into rows, of which only those with an odd number of quotes are looked at one by one.

    A quoted value may span lines when the row then has `width` columns; else its quote is taken for broken, and
    only the line it stands in is lost.

    Args:
        data: Bytes that start at the start of a row.
        delimiter: Between columns, one byte.
        width: Columns in a row.
        last: Whether nothing follows; else a row that may go on behind the end is left over.
    """
    if last and not data.endswith(b"\n"):
        data += b"\n"
    text = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(text == ord("\n"))  # of each line
    if not len(ends):
        return QuotedRows(b"", np.empty(0, np.int64), np.empty(0, np.int64), [], data)
    starts = np.concatenate([[0], ends[:-1] + 1])
    counts = np.diff(np.searchsorted(np.flatnonzero(text == ord('"')), ends), prepend=0)
    blank = (ends == starts) | ((ends == starts + 1) & (text[starts] == ord("\r")))
    begins = ~blank  # whether a line is the first of a row
    fields, broken = _Fields(delimiter), []
    stop, behind = len(starts), 0  # lines that are cut, and the first byte that is not in a row looked at
    for line in np.flatnonzero(counts % 2):
        if starts[line] < behind:
            continue  # inside a row of several lines
        row = _careful_row(data, int(starts[line]), fields, width, last=last)
        if row is None:
            stop = int(line)
            break
        behind, unclosed = row
        begins[line + 1 : np.searchsorted(starts, behind)] = False
        if unclosed:
            broken.append(line)
    cut = int(starts[stop]) if stop < len(starts) else int(ends[-1]) + 1
    places = np.cumsum(begins) - 1
    kept = begins[:stop].copy()
    kept[broken] = False
    ranges = [(int(starts[line]), int(ends[line]) + 1) for line in broken]
    pieces = zip([0, *(end for _, end in ranges)], [*(start for start, _ in ranges), cut], strict=True)
    return QuotedRows(
        b"".join(data[start:end] for start, end in pieces),
        places[:stop][kept],
        places[np.array(broken, np.int64)],
        [data[start:end] for start, end in ranges],
        data[cut:],
    )


def careful_rows(data: bytes, delimiter: bytes, width: int, *, last: bool) -> QuotedRows:
    """Cut every row one by one, as `quoted_rows` does those it looks at."""
    fields = _Fields(delimiter)
    rows: list[bytes] = []
    broken: list[int] = []
    start = 0
    while start < len(data):
        row = _careful_row(data, start, fields, width, last=last)
        if row is None:
            break
        text, start = data[start : row[0]], row[0]
        if text.strip(b"\r\n"):
            if row[1]:
                broken.append(len(rows))
            rows.append(text if text.endswith(b"\n") else text + b"\n")
    places = np.array(broken, dtype=np.int64)
    good = np.setdiff1d(np.arange(len(rows)), places)
    return QuotedRows(
        b"".join(rows[place] for place in good), good, places, [rows[place] for place in places], data[start:]
    )


def _careful_row(data: bytes, start: int, fields: _Fields, width: int, *, last: bool) -> tuple[int, bool] | None:
    """Return where the row ends that starts here, and whether its quote is broken; None where more must be read."""
    end, columns, unclosed = _row_end(data, start, fields)
    if end is None or (unclosed and len(data) - start < 2 * LONGEST_QUOTED and not last):
        if not last:
            return None
        end = end or len(data)
    line_end = data.find(b"\n", start) + 1 or len(data)
    if end > line_end and columns != width:
        return line_end, True
    return end, unclosed


class _Fields:
    """Finds where a value ends."""

    def __init__(self, delimiter: bytes):
        mark = re.escape(delimiter)
        self._quoted = re.compile(rb'("[^"]*(?:""[^"]*)*")(?!")([^%b\n]*)' % mark)
        self._unquoted = re.compile(rb"[^%b\n]*" % mark)

    def end(self, data: bytes, start: int) -> tuple[int, bool]:
        """Return where the value that starts here ends, and whether it starts with a quote that is left open.

        Text behind the closing quote is let pass on one line; behind a value of several lines it tells that the
        quote belongs to another row.
        """
        opens = data.startswith(b'"', start)
        match = self._quoted.match(data, start, start + LONGEST_QUOTED + 1) if opens else None
        if match is not None and match.end() - start <= LONGEST_QUOTED:
            quoted, behind = match.groups()
            if b"\n" not in quoted or not behind.strip(b"\r"):
                return match.end(), False
        match = self._unquoted.match(data, start)
        assert match is not None  # it matches the empty value
        return match.end(), opens


def _row_end(data: bytes, start: int, fields: _Fields) -> tuple[int | None, int, bool]:
    """Return where the row ends (None: not in `data`), how many columns it has, whether a quote is left open."""
    columns, unclosed, position = 0, False, start
    while True:
        position, left_open = fields.end(data, position)
        columns += 1
        unclosed |= left_open
        if position >= len(data):
            return None, columns, unclosed
        position += 1
        if data[position - 1] == ord("\n"):
            return position, columns, unclosed

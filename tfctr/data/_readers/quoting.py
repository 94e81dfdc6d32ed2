"""Rows whose quotes need care: values with line ends in them, and quotes that are never closed.

Nearly every block of a click log is plain, and then this file costs two counts. Where it is not, the rows are cut
one by one in Python.
"""

from __future__ import annotations

import re

import numpy as np

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


def careful_rows(data: bytes, delimiter: bytes, width: int, *, last: bool) -> tuple[list[bytes], np.ndarray, bytes]:
    """Cut rows one by one.

    A quoted value may span lines when the row then has `width` columns; else its quote is taken for broken, and
    only the line it stands in is lost.

    Args:
        data: Bytes that start at the start of a row.
        delimiter: Between columns, one byte.
        width: Columns in a row.
        last: Whether nothing follows; else a row that may go on behind the end is left over.

    Returns:
        The rows, each with its line end; the places of those with a broken quote; the bytes left over.
    """
    fields = _Fields(delimiter)
    rows: list[bytes] = []
    broken: list[int] = []
    start = 0
    while start < len(data):
        end, columns, unclosed = _row_end(data, start, fields)
        if end is None or (unclosed and len(data) - start < 2 * LONGEST_QUOTED and not last):
            if not last:
                break
            end = end or len(data)
        line_end = data.find(b"\n", start) + 1 or len(data)
        if end > line_end and columns != width:
            end, unclosed = line_end, True
        row = data[start:end]
        start = end
        if not row.strip(b"\r\n"):
            continue
        if unclosed:
            broken.append(len(rows))
        rows.append(row if row.endswith(b"\n") else row + b"\n")
    return rows, np.array(broken, dtype=np.int64), data[start:]


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
        match = self._quoted.match(data, start) if opens else None
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

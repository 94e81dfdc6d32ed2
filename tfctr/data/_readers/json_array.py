"""A JSON array of objects as JSON lines, in blocks, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tfctr.data._readers.blocks import BLOCK_BYTES, bounded, chunks, line_blocks
from tfctr.data._readers.files import LogFile

_DEPTH = np.zeros(256, np.int8)
_DEPTH[[ord("["), ord("{")]], _DEPTH[[ord("]"), ord("}")]] = 1, -1


def json_lines(file: LogFile) -> Iterator[bytes]:
    """Yield blocks of whole lines with an object each, of a file of JSON lines or of one JSON array.

    Raises:
        DamagedFileError: When a compressed file ends early; the whole lines before are yielded first.
    """
    with file.open() as stream:
        start = next(chunks(file, stream, 1 << 16), b"").lstrip()[:1]
    yield from _objects(file) if start == b"[" else line_blocks(file)


def _objects(file: LogFile) -> Iterator[bytes]:
    """Cut between the objects of the array. What stands behind the last whole object comes last, as it is."""
    rest, begun = b"", False
    with file.open() as stream:
        for chunk in chunks(file, stream, BLOCK_BYTES):
            data = rest + chunk
            if not begun:
                data = data.lstrip()
                begun, data = bool(data), data[1:]  # without the bracket
            lines, rest = _cut(data)
            rest = bounded(file, rest)
            if lines:
                yield lines
    tail = rest.strip().removesuffix(b"]").strip(b" \t\r\n,")
    if tail:
        yield tail.replace(b"\n", b" ") + b"\n"


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """Return the whole objects that data begins with, a line each, and what is behind them."""
    text = np.frombuffer(data, np.uint8)
    outside = ~_inside_texts(text)
    depth = np.cumsum(_DEPTH[text] * outside, dtype=np.int64)
    ends = np.flatnonzero((depth == 0) & (text == ord("}")) & outside)
    if not len(ends):
        return b"", data
    stop = int(ends[-1]) + 1
    made = text[:stop].copy()
    made[(depth[:stop] == 0) & (text[:stop] == ord(",")) & outside[:stop]] = ord("\n")
    breaks = ((text[:stop] == ord("\n")) | (text[:stop] == ord("\r"))) & outside[:stop]
    made[breaks] = ord(" ")
    return made.tobytes() + b"\n", data[stop:]


def _inside_texts(text: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where a byte stands between quotes; a quote behind an odd number of backslashes is none."""
    quotes = np.flatnonzero(text == ord('"'))
    slashes = text == ord("\\")
    if slashes.any():
        places = np.arange(len(text))
        run_starts = np.maximum.accumulate(np.where(slashes, -1, places))  # the last byte that is no backslash
        before = np.where(quotes > 0, quotes - 1 - run_starts[np.maximum(quotes - 1, 0)], 0)
        quotes = quotes[before % 2 == 0]
    marks = np.zeros(len(text), np.int8)
    marks[quotes] = 1
    return np.asarray(np.cumsum(marks, dtype=np.int64) % 2, dtype=bool)

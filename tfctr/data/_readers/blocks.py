"""A text file in blocks of whole lines, so that memory is bounded however large the file is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from tfctr.data._readers.files import DAMAGED, LogFile
from tfctr.data.errors import DataError

BLOCK_BYTES = 8 << 20
LONGEST_ROW = 64 << 20
"""Bytes after which a file without a line end is taken for something else than text."""

UTF8_MARK = b"\xef\xbb\xbf"


def line_blocks(file: LogFile, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield blocks of about `block_bytes` that end at a line's end; the last line may lack its newline.

    Raises:
        DamagedFileError: When a compressed file ends early; the whole lines before are yielded first.
    """
    with file.open() as stream:
        rest = b""
        for chunk in chunks(file, stream, block_bytes):
            cut = chunk.rfind(b"\n") + 1
            if cut:
                yield rest + chunk[:cut]
                rest = chunk[cut:]
            else:
                rest = bounded(file, rest + chunk)
        if rest:
            yield rest


def chunks(file: LogFile, stream: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield the bytes of a text file, its byte order mark left out; lines that end in CR alone get a line feed."""
    first, only_returns = True, False
    for chunk in _pieces(stream, size):
        if first:
            only_returns = b"\r" in chunk[:-1] and b"\n" not in chunk
            chunk = chunk.removeprefix(UTF8_MARK)
        yield chunk.replace(b"\r", b"\n") if only_returns else chunk
        first = False


def _pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield about `size` bytes at a time; of a damaged file, all bytes before the damage, then its error."""
    held: list[bytes] = []
    held_bytes = 0
    damage: BaseException | None = None
    while True:
        try:
            piece = stream.read1(size)  # type: ignore[attr-defined]  # IO lacks it, every opener here has it
        except DAMAGED as error:
            piece, damage = b"", error
        held.append(piece)
        held_bytes += len(piece)
        if held_bytes >= size or (not piece and held_bytes):
            yield b"".join(held)
            held, held_bytes = [], 0
        if damage is not None:
            raise damage
        if not piece:
            return


def bounded(file: LogFile, rest: bytes) -> bytes:
    """Return the bytes of a row that has not ended yet.

    Raises:
        DataError: When it is longer than any row can be.
    """
    if len(rest) > LONGEST_ROW:
        raise DataError(f"{file}: a row has not ended after {LONGEST_ROW >> 20} MiB; this is no {file.format} file")
    return rest

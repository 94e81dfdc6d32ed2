"""Text in other encodings than UTF-8: read as UTF-8 where its encoding is known, and a guess where it is not."""

from __future__ import annotations

import codecs
import io
import unicodedata
from typing import IO, Any, cast

from tfctr.data.errors import DataError

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_WIDER = {"gbk": "gb18030", "gb2312": "gb18030"}
"""Encodings that hold all of another one and more, as files that call themselves so do."""
_COMMON_CHINESE = range(0xB0, 0xD8)
"""First bytes of the 3,755 characters of the first level of GB 2312."""
_PIECE = 1 << 20


def utf8_stream(stream: IO[bytes], encoding: str | None, name: object) -> IO[bytes]:
    """Return a stream of UTF-8, whatever the encoding of the file.

    Args:
        stream: The bytes of a file, from its start.
        encoding: As Python names it; None takes UTF-8, or UTF-16 or UTF-32 where a byte order mark says so.
        name: Of the file, for messages.
    """
    head: Any = stream if hasattr(stream, "peek") else io.BufferedReader(_Raw(stream), _PIECE)
    found = encoding or next((known for mark, known in BYTE_ORDER_MARKS if head.peek(4).startswith(mark)), "utf-8")
    if codecs.lookup(found).name in ("utf-8", "utf-8-sig"):
        return cast("IO[bytes]", head)
    return io.BufferedReader(_Decoded(head, _WIDER.get(codecs.lookup(found).name, found), name), _PIECE)


class _Raw(io.RawIOBase):
    """Any stream of bytes as a raw one, which can be buffered and so looked into."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        piece = self._stream.read1(len(view))  # type: ignore[attr-defined]  # IO lacks it, every opener here has it
        view[: len(piece)] = piece
        return len(piece)


class _Decoded(io.RawIOBase):
    """Bytes of another encoding, as UTF-8."""

    def __init__(self, stream: io.BufferedReader, encoding: str, name: object):
        self._stream, self._encoding, self._name = stream, encoding, name
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._held, self._place, self._ended = b"", 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        while self._place == len(self._held) and not self._ended:
            piece = self._stream.read1(_PIECE)
            self._ended = not piece
            self._held, self._place = self._utf8(piece), 0
        taken = self._held[self._place : self._place + len(view)]
        view[: len(taken)] = taken
        self._place += len(taken)
        return len(taken)

    def _utf8(self, piece: bytes) -> bytes:
        try:
            return self._decoder.decode(piece, final=not piece).removeprefix("\ufeff").encode("utf-8")
        except UnicodeError as error:
            said = getattr(error, "reason", str(error))
            raise DataError(
                f"{self._name}: the text is not {self._encoding} ({said}); mend `source.encoding`"
            ) from error


def encoding_advice(text: bytes) -> str:
    """Return what `source.encoding` may be for bytes that are no UTF-8, with what it makes of them; empty when unsure.

    Example:
        >>> encoding_advice("café".encode("latin-1"))
        "`source.encoding: latin-1` reads 'café'"
        >>> encoding_advice("男装 T恤".encode("gbk"))
        "`source.encoding: gbk` reads '男装 T恤'"
    """
    found = "gbk" if _is_chinese(text) else "latin-1" if _is_western(text) else ""
    return f"`source.encoding: {found}` reads {text.decode(_WIDER.get(found, found))[:40]!r}" if found else ""


def _is_chinese(text: bytes) -> bool:
    """Whether these are common Chinese characters, two bytes each."""
    try:
        decoded = text.decode("gb18030")
    except UnicodeDecodeError:
        return False
    wide = [char for char in decoded if not char.isascii()]
    if _is_korean(text):
        return False  # which of both nobody can tell
    common = [char for char in wide if char.encode("gb18030")[0] in _COMMON_CHINESE]
    return bool(wide) and len(common) >= 0.8 * len(wide)


def _is_korean(text: bytes) -> bool:
    """Whether these may be syllables of Hangul, two bytes each."""
    try:
        return all(char.isascii() or "가" <= char <= "힣" for char in text.decode("euc-kr"))
    except UnicodeDecodeError:
        return False


def _is_western(text: bytes) -> bool:
    """Whether these are letters of Western Europe, one by one among plain ones."""
    decoded = text.decode("latin-1")
    high = [place for place, char in enumerate(decoded) if not char.isascii()]
    letters = all(unicodedata.category(decoded[place])[0] == "L" for place in high)
    alone = sum(place + 1 in set(high) for place in high) * 4 <= len(high)
    return bool(high) and letters and alone

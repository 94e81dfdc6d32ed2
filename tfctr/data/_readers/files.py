"""Which files a log is made of, in which format they are, and how they are opened."""

from __future__ import annotations

import bz2
import glob
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast
from urllib.parse import unquote

import pyarrow as pa

from tfctr.data._readers.decoding import utf8_stream
from tfctr.data.errors import DataError

Format = Literal["csv", "tsv", "jsonl", "parquet", "tfrecord", "libfm"]
Paths = str | Path | Sequence[str | Path]

FORMAT_OF: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
    ".libfm": "libfm",
    ".libsvm": "libfm",
    ".svm": "libfm",
}


def _open_zstd(path: Path, mode: str) -> IO[bytes]:
    return io.BufferedReader(_ZstdStream(path), 1 << 20)


class _ZstdStream(io.RawIOBase):
    """Arrow's decompressor, whose errors are told from those of the file system."""

    def __init__(self, path: Path):
        self._stream = pa.input_stream(str(path), compression="zstd")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        try:
            piece = self._stream.read(len(view))
        except OSError as error:
            raise zlib.error(str(error)) from error
        view[: len(piece)] = piece
        return len(piece)


def _open_zip(path: Path, mode: str) -> IO[bytes]:
    """Open the one file of an archive; folders, hidden files and what a Mac adds do not count."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise DamagedFileError(f"the zip archive is damaged, or only half of it is there ({error})") from error
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    names = [name for name in names if not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")]
    if len(names) != 1:
        raise DataError(f"{path}: holds {len(names)} files ({', '.join(names[:5])}); unpack it and give the folder")
    return archive.open(names[0])


OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open, ".zst": _open_zstd, ".zip": _open_zip,
}  # fmt: skip
"""Suffix -> how such a file is opened."""

_PARTITION = re.compile(r"^[^=\W]\w*=.+$")
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"

DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)
"""What the decompressors raise for half a file or a broken one."""


class DamagedFileError(Exception):
    """A file ends early or is damaged; the rows before have been read."""


@dataclass(frozen=True)
class LogFile:
    """A file of the log, its format and the encoding of its text; printed, it is its path."""

    path: Path
    format: Format
    encoding: str | None = None

    def __str__(self) -> str:
        return str(self.path)

    @property
    def compression(self) -> str:
        """The last suffix when it is that of a compressed file, else empty."""
        return self.path.suffix if self.path.suffix in OPENERS else ""

    @property
    def partitions(self) -> dict[str, str | None]:
        """Columns that the folders give, as Hive names them: ``day=2024-01-01/part.parquet``; None where missing."""
        found = (part.split("=", 1) for part in self.path.parent.parts if _PARTITION.match(part))
        return {name: None if value == _NO_PARTITION else unquote(value) for name, value in found}

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open for reading bytes, decompressed; those of a text are UTF-8.

        Raises:
            DamagedFileError: When a compressed file ends early or is damaged.
        """
        opener = OPENERS.get(self.compression, open)
        with cast("IO[bytes]", opener(self.path, "rb")) as stream:
            try:
                yield utf8_stream(stream, self.encoding, self)
            except DAMAGED as error:
                raise DamagedFileError(_reason(error)) from error


def find_files(paths: Paths, format: Format | None = None) -> list[LogFile]:
    """Return the files of a path, a folder, a glob pattern or a list of these, sorted by name within each.

    In a folder, files whose names start with ``.`` or ``_`` are passed over, and so are files of unknown format
    unless `format` is given.

    Raises:
        DataError: When nothing is found, or the format of a named file is unknown.
    """
    found: list[LogFile] = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        found += _files_of(str(path), format)
    if not found:
        raise DataError(f"no file to read: {paths!s} matches nothing")
    return list(dict.fromkeys(found))


def format_of(path: Path) -> Format | None:
    """Tell the format from the name, a suffix of compression aside; None when it is unknown."""
    name = path.with_suffix("") if path.suffix in OPENERS else path
    return FORMAT_OF.get(name.suffix.lower())


def _files_of(path: str, format: Format | None) -> list[LogFile]:
    if Path(path).is_dir():
        inside = [file for file in sorted(Path(path).rglob("*")) if file.is_file() and not _hidden(file, Path(path))]
        known = [LogFile(file, kind) for file in inside if (kind := format or format_of(file))]
        if inside and not known:
            raise DataError(f"{path}: none of its {len(inside)} files is of a known format; give `source.format`")
        return known
    names = [path] if Path(path).is_file() else sorted(glob.glob(path, recursive=True))
    files = [Path(name) for name in names if Path(name).is_file()]
    unknown = [file for file in files if not (format or format_of(file))]
    if unknown:
        raise DataError(
            f"{unknown[0]}: the format cannot be recognised by the name; give `source.format` "
            f"({', '.join(sorted(set(FORMAT_OF.values())))})"
        )
    return [LogFile(file, cast("Format", format or format_of(file))) for file in files]


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def _reason(error: BaseException) -> str:
    if isinstance(error, EOFError):
        return "the compressed file ends early (half a download?)"
    return f"the compressed file is damaged ({error})"

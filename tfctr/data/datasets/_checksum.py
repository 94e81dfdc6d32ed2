"""A file and the checksum it must have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tfctr.data.errors import FetchError

READ_BYTES = 1 << 20


@dataclass(frozen=True)
class DataFile:
    """A file as it is handed over.

    Args:
        name: Its name, without a folder.
        sha256: Hexadecimal SHA-256 of its bytes.
        size: Its bytes; nothing longer is ever downloaded.
    """

    name: str
    sha256: str
    size: int


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(READ_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()


def verify(path: Path, file: DataFile) -> None:
    """Raise when a file has not the checksum it must have.

    Raises:
        FetchError: With both checksums.
    """
    found = sha256_of(path)
    if found != file.sha256:
        raise FetchError(
            f"{path}: the SHA-256 is {found}, expected {file.sha256}; the file is damaged or not the one listed"
        )

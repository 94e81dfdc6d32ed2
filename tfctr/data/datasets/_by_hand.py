"""A data set that its user has to get: nothing fetches it, for its owner wants to know who has it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Read
from tfctr.data.datasets._folders import mirror_dir
from tfctr.data.errors import FetchError


@dataclass(frozen=True)
class ByHand:
    """A folder of the mirror (see `mirror_dir`) that the user fills.

    There is no checksum to compare with: who wrote the entry could not have the files. So the files that decide the
    table are hashed as they are, and other files make another table.

    Args:
        folder: Folder inside the mirror.
        how: What the user does to have the files, a sentence without its full stop.
        patterns: Glob patterns, below the folder, of the files that decide the table.
        read: Makes the table of the folder itself; nothing is copied.
    """

    folder: str
    how: str
    patterns: Sequence[str]
    read: Read = field(repr=False)

    @property
    def label(self) -> str:
        """What is tried, for messages."""
        return f"files put by hand into the folder {self.folder} of TFCTR_DATA"

    @property
    def place(self) -> Path | None:
        """The folder, where it is there."""
        mirror = mirror_dir()
        place = mirror / self.folder if mirror is not None else None
        return place if place is not None and place.is_dir() else None

    @property
    def files(self) -> tuple[DataFile, ...]:
        """One entry that stands for all the files that decide the table; none where the folder is not there."""
        place = self.place
        if place is None:
            return ()
        found = sorted({path for pattern in self.patterns for path in place.rglob(pattern) if path.is_file()})
        hasher, size = hashlib.sha256(), 0
        for path in found:
            data = path.read_bytes()
            size += len(data)
            hasher.update(f"{path.relative_to(place).as_posix()} {len(data)}\n".encode() + data)
        return (DataFile(self.folder, hasher.hexdigest(), size),)

    def collect(self, folder: Path, downloads: Path, *, progress: bool) -> None:
        """Leave a link to the user's files in `folder`, under the name that `read` looks for.

        Raises:
            FetchError: How to have the files, when they are not there.
        """
        place = self.place
        if place is None:
            mirror = mirror_dir()
            where = f"{mirror / self.folder}" if mirror is not None else f"$TFCTR_DATA/{self.folder}"
            raise FetchError(f"it is not fetched. {self.how}, into {where}")
        (folder / self.folder).symlink_to(place.resolve(), target_is_directory=True)

"""A file written aside and renamed, so that half a file is never taken for a whole one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; the file is on the disk and takes its own name when the block ends.

    When the block raises, what `path` held before stays, and the partial file is deleted. The name keeps the suffix,
    from which some writers tell the format. One process at a time writes a path; what a killed one left is
    overwritten by the next.

    Args:
        path: Of the file; its folder is made when missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)

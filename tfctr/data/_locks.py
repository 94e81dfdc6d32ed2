"""One process at a time in a folder; the lock dies with the process that holds it."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfctr.data.errors import DataError

WAIT_SECONDS = 1800.0


@contextmanager
def locked(folder: Path, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of a folder, which is made when it is not there.

    Raises:
        DataError: When another process holds it for longer than `wait_seconds`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    give_up = time.monotonic() + wait_seconds
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise DataError(
                        f"{folder}: another process has been working here for {wait_seconds:g} s; wait for it or end it"
                    ) from None
                time.sleep(0.1)
        yield  # closing the file gives the lock back

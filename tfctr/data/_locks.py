"""One process at a time in a folder; the lock dies with the process that holds it."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tfctr.data.errors import DataError

logger = logging.getLogger(__name__)

WAIT_SECONDS = 1800.0

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
"""What file systems answer that know no locks, such as mounted object stores."""


@contextmanager
def locked(folder: Path, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of a folder, which is made when it is not there.

    Who has to wait says so in the log, once, and for whom.

    Raises:
        DataError: When another process holds it for longer than `wait_seconds`; with 0 at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    give_up, waiting = time.monotonic() + wait_seconds, False
    with path.open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    logger.warning(
                        "%s: this file system has no locks; two processes here would disturb each other", folder
                    )
                    break
                if not isinstance(error, BlockingIOError):
                    raise
                holder = _holder(file)
                if time.monotonic() >= give_up:
                    since = f" for {wait_seconds:g} s" if wait_seconds else ""
                    raise DataError(
                        f"{folder}: another process{holder} has been working here{since}; wait for it, end it, or "
                        "take another folder"
                    ) from None
                if not waiting:
                    waiting = True
                    logger.warning("%s: waiting for another process%s that works here", folder, holder)
                time.sleep(0.1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield  # closing the file gives the lock back


def _holder(file: IO[str]) -> str:
    """The process that holds a lock, as it wrote itself down."""
    file.seek(0)
    number = file.read(20)
    return f" ({number})" if number.isdigit() else ""

"""A quiet console: what frameworks say goes to a log file, what a person needs stays on the screen."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

FILE_WIDTH = 160
"""Characters in a line where the screen is a file or a pipe."""


@contextlib.contextmanager
def quiet(log: Path) -> Iterator[Console]:
    """Send everything written to file descriptors 1 and 2 to `log`; yield a console on the real screen.

    Redirecting the descriptors, not Python's objects, also catches what C++ code writes.

    Args:
        log: File to append to; its folder is made.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    _flush()
    saved = os.dup(1), os.dup(2)
    with log.open("ab") as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
    handler = logging.StreamHandler(open(2, "w", closefd=False))  # noqa: SIM115 - lives as long as the handler
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(name)s: %(message)s"))
    root = logging.getLogger()
    others, level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    try:
        with os.fdopen(os.dup(saved[0]), "w") as screen:
            yield Console(file=screen, highlight=False, width=None if screen.isatty() else FILE_WIDTH)
    finally:
        root.handlers[:] = others
        root.setLevel(level)
        _flush()
        for target, original in zip((1, 2), saved, strict=True):
            os.dup2(original, target)
            os.close(original)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError):  # a stream that a test runner closed already
            stream.flush()

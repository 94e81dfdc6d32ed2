"""Files written whole or not at all, and never over a file that the user did not name for it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import typer


def write_text(text: str, output: Path | None, *, force: bool = False) -> None:
    """Print a text, or write it to a file.

    Args:
        text: What to write.
        output: The file; None prints.
        force: Write over a file that is there.

    Raises:
        typer.Exit: With status 1 when the file is there and `force` is not given.
    """
    if output is None:
        print(text, end="" if text.endswith("\n") else "\n")
        return
    if output.exists() and not force:
        print(f"{output} is there already; give --force to write over it", file=sys.stderr)
        raise typer.Exit(1)
    output.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, output)
    except BaseException:
        os.unlink(partial)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

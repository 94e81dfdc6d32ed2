"""`benchmarks/RESULTS.md`: one section a command, replaced when the command runs again."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from tfctr.data._atomic_write import atomic_write

HEAD = "# Results\n\nEvery figure here was measured by the command above it.\n"


def write_section(path: Path, title: str, command: str, body: str) -> None:
    """Put a section into the file, in place of an older one of the same title.

    Args:
        path: The Markdown file; made when missing.
        title: Heading of the section.
        command: What gives these figures.
        body: Markdown.
    """
    text = path.read_text() if path.exists() else HEAD
    section = f"## {title}\n\n`{command}`\n\n{machine()}\n\n{body.strip()}\n"
    pattern = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    replaced, found = pattern.subn(lambda _: section + "\n", text)
    text = replaced if found else f"{text.rstrip()}\n\n{section}"
    with atomic_write(path) as partial:
        partial.write_text(text.rstrip() + "\n")


def machine() -> str:
    """Return a line on when and on what the figures were measured."""
    today = datetime.now(UTC).date().isoformat()
    return f"*{today}, {os.cpu_count()} cores ({_processor()}), Python {platform.python_version()}*"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()

"""How much memory a process has had at most. Plain Python: the peers' environments import it too."""

from __future__ import annotations

import re
from pathlib import Path


def peak_bytes(process: int | str = "self") -> int:
    """Return the high-water mark of a process's resident set.

    `resource.getrusage` would tell that of the process that started it, if larger.

    Args:
        process: Its number; this one's when left out.

    Raises:
        ProcessLookupError: When the process has ended, or the system (other than Linux) does not tell.
    """
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    if found is None:
        raise ProcessLookupError(f"/proc/{process}/status has no VmHWM: the process has ended, or this is not Linux")
    return int(found.group(1)) * 1024

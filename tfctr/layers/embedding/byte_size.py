"""Sizes in bytes as people write them: "64 MB", "1.5 GiB"."""

from __future__ import annotations

import re

_UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_PATTERN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


def parse_bytes(size: str | int) -> int:
    """Return the bytes that `size` says.

    Args:
        size: A number of bytes, or a number and a unit: B, kB, MB, GB, TB count in thousands, KiB, MiB, GiB,
            TiB in 1024s; capitals do not matter, no unit means bytes.

    Raises:
        ValueError: When it is no such text, or less than one byte.

    Example:
        >>> parse_bytes("64 MB"), parse_bytes("1.5 GiB"), parse_bytes(4096)
        (64000000, 1610612736, 4096)
    """
    match = _PATTERN.fullmatch(str(size)) if not isinstance(size, bool) else None
    unit = _UNITS.get(match[2].upper() or "B") if match else None
    if match is None or unit is None:
        raise ValueError(f"a size in bytes is a number and a unit, such as '64 MB' or '1.5 GiB'. Received: {size!r}")
    total = round(float(match[1]) * unit)
    if total < 1:
        raise ValueError(f"a size is at least one byte. Received: {size!r}")
    return total


def format_bytes(size: float) -> str:
    """Return `size` in the largest decimal unit that keeps it at least 1.

    Example:
        >>> format_bytes(64_000_000), format_bytes(1_610_612_736), format_bytes(900)
        ('64.0 MB', '1.61 GB', '900 B')
    """
    for unit in ("TB", "GB", "MB", "kB"):
        scaled = size / _UNITS[unit.upper()]
        if scaled >= 1:
            return f"{scaled:.{max(0, 3 - len(str(int(scaled))))}f} {unit}"
    return f"{size:.0f} B"

"""Where data sets are kept and where a local mirror of them may stand."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Return the folder for fetched data: ``TFCTR_CACHE``, else ``~/.cache/tfctr``."""
    named = os.environ.get("TFCTR_CACHE")
    return (Path(named) if named else Path.home() / ".cache" / "tfctr").expanduser()


def mirror_dir() -> Path | None:
    """Return the folder of a local mirror: ``TFCTR_DATA``, else ``../shared/data`` beside a checkout; None without."""
    named = os.environ.get("TFCTR_DATA")
    folder = Path(named).expanduser() if named else Path(__file__).resolve().parents[4] / "shared" / "data"
    return folder if folder.is_dir() else None

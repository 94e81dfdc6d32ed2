"""Types, as `make lint` checks them; a test, so that the other core need not wait for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_mypy_finds_nothing(project_dir: Path) -> None:
    checked = subprocess.run([sys.executable, "-m", "mypy"], cwd=project_dir, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr

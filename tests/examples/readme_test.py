"""What the README shows runs, and the options it names exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest


def blocks(project_dir: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (project_dir / "README.md").read_text(), re.DOTALL)


@pytest.mark.slow
@pytest.mark.real_data
def test_the_python_example_runs(project_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    (code,) = blocks(project_dir, "python")
    environment = {**os.environ, "PYTHONPATH": str(project_dir), "TFCTR_DATA": str(data_dir)}
    environment["TFCTR_CACHE"] = str(tmp_path / "cache")
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = re.search(r"'auc': ([\d.]+)", done.stdout)
    assert found is not None
    assert float(found[1]) > 0.68


def test_every_option_of_the_commands_exists(project_dir: Path) -> None:
    commands = [
        shlex.split(line.split("#")[0])
        for block in blocks(project_dir, "bash")
        for line in block.splitlines()
        if line.startswith(("tfctr ", "python -m tfx_pipeline "))
    ]
    assert len(commands) >= 5
    for words in commands:
        words = words[1:] if words[0] == "tfctr" else words[3:]
        module = "tfctr.cli" if "tfx_pipeline" not in shlex.join(words) and words[0] != "run" else "tfx_pipeline"
        subcommands = words[:2] if words[0] == "spec" else words[:1]
        command = [sys.executable, "-m", module, *subcommands, "--help"]
        environment = {**os.environ, "COLUMNS": "200"}
        help_text = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
        for option in (word.split("=")[0] for word in words if word.startswith("-")):
            assert option in help_text.stdout, f"{option} is no option of {shlex.join(subcommands)}"

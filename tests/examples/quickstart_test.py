"""The notebook runs as it stands and shows what it promises."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient


@pytest.mark.slow
def test_the_quickstart_runs(project_dir: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(project_dir / "examples" / "quickstart.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    reached, best = map(float, re.findall(r"AUC +([\d.]+)  \(best possible ([\d.]+)", printed)[0])
    assert 0.62 < reached < best
    assert any("image/png" in output.get("data", {}) for output in outputs)


def test_the_quickstart_is_short(project_dir: Path) -> None:
    notebook = nbformat.read(project_dir / "examples" / "quickstart.ipynb", as_version=4)
    lines = [line for c in notebook.cells if c.cell_type == "code" for line in c.source.splitlines() if line.strip()]
    assert len(lines) < 40

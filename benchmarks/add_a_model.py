"""What a further model costs: lines to edit, and seconds of the test run.

``python -m benchmarks.add_a_model`` clones the committed project into a scratch folder, adds a model as CONTRIBUTING
says, runs the tests that a model has (its own file, conformance, export, trained and served), takes it out again and
tells the edited lines and the processor seconds. What it costs is the difference between two runs: of the tests of
another model with it and without it, since imports, JAX's child and the pipeline before training are shared. Nothing of
the project itself is touched.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NAME, MODULE = "Scratch", "scratch"
MODEL = f'''"""A model that is here to be counted: a plain DNN under another name."""

from __future__ import annotations

from tfctr.models._registry import register_model
from tfctr.models.dnn import DNN


@register_model(paper="nobody, never", small={{"embedding_dim": 4, "hidden_units": (6, 5), "batch_norm": True}})
class {NAME}(DNN):
    """See `DNN`."""
'''
TEST = f'''"""Scratch is a DNN."""

from __future__ import annotations

from tfctr.models import DNN, {NAME}


def test_it_is_a_dnn() -> None:
    assert issubclass({NAME}, DNN)
'''
ENTRY = f"from tfctr.models.{MODULE} import {NAME} as {NAME}\n"
OTHER = "DNN"
"""The model that pays for what all share."""
TESTS = ("tests/models/{module}_test.py", "tests/conformance", "tests/tfx_pipeline/models_test.py")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it prints."""
    return subprocess.check_output(["git", "-C", str(folder), *arguments], text=True)


def add(folder: Path) -> None:
    """Write the model, its entry and its test; the golden file is made by a command."""
    (folder / "tfctr/models" / f"{MODULE}.py").write_text(MODEL, encoding="utf-8")
    (folder / "tests/models" / f"{MODULE}_test.py").write_text(TEST, encoding="utf-8")
    entries = folder / "tfctr/models/__init__.py"
    text = entries.read_text(encoding="utf-8")
    after = text.index("from tfctr.models.sdim ")
    entries.write_text(text[:after] + ENTRY + text[after:], encoding="utf-8")


def run(folder: Path, *command: str) -> float:
    """Run a command of this environment on the clone; return the processor seconds of it and its children.

    Raises:
        CalledProcessError: When it fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Add, test, count, take out, compare."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "clone")
        git(PROJECT, "clone", "--quiet", str(PROJECT), str(folder))
        add(folder)
        run(folder, "-m", "tests.conformance.regenerate_goldens", NAME)
        tests = [place.format(module=MODULE) for place in TESTS]
        shared = [place for place in tests if MODULE not in place]
        with_it = run(folder, "-m", "pytest", "-q", *tests, f"-k={OTHER} or {NAME} or {MODULE}")
        without = run(folder, "-m", "pytest", "-q", *shared, f"-k={OTHER}")
        git(folder, "add", "--all")
        lines = git(folder, "diff", "--cached", "--numstat", "HEAD")
        git(folder, "rm", "--quiet", "--force", f"tfctr/models/{MODULE}.py", f"tests/models/{MODULE}_test.py")
        git(folder, "rm", "--quiet", "--force", f"tests/conformance/goldens/model-{NAME}.json")
        entries = folder / "tfctr/models/__init__.py"
        entries.write_text(entries.read_text(encoding="utf-8").replace(ENTRY, ""), encoding="utf-8")
        git(folder, "add", "--all")
        left = git(folder, "status", "--porcelain")
    print(f"lines added, lines deleted, file:\n{lines}")
    print(
        f"{with_it - without:.1f} processor seconds: {with_it:.1f} with {NAME} and {OTHER}, {without:.1f} with {OTHER}"
    )
    print(f"left behind after it was taken out: {left.strip() or 'nothing'}")


if __name__ == "__main__":
    main()

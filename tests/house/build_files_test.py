"""BUILD files: what `make builds` writes, and what a reader that knows nothing of it makes of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import build_files
import pytest
import starlark

from tests.house.tree import PROJECT, sources


@dataclass
class Rule:
    """A rule as the BUILD file states it; the lists hold labels or files relative to the project."""

    kind: str
    label: str
    srcs: list[Path]
    deps: list[str] = field(default_factory=list)


class Page:
    """One BUILD file, evaluated by a Starlark interpreter with `glob` and the rules stubbed."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self.rules: list[Rule] = []
        module = starlark.Module()
        for name in ("package", "licenses", "exports_files"):
            module.add_callable(name, lambda *args, **kwargs: None)
        module.add_callable("glob", self.glob)
        module.add_callable("alias", lambda **kwargs: self.add("alias", **kwargs))
        dialect = starlark.Dialect.extended()
        ast = starlark.parse(str(path), (PROJECT / path).read_text(encoding="utf-8"), dialect)
        starlark.eval(module, ast, starlark.Globals.extended_by([]), starlark.FileLoader(self.load))

    def load(self, label: str) -> starlark.FrozenModule:
        assert label == "@rules_python//python:defs.bzl"
        module = starlark.Module()
        for kind in ("py_library", "py_test"):
            module.add_callable(kind, lambda _kind=kind, **kwargs: self.add(_kind, **kwargs))
        return module.freeze()

    def glob(self, include: list[str], exclude: tuple[str, ...] = (), allow_empty: bool = True) -> list[str]:
        """Match as Bazel does: files below, but not into a folder with a BUILD file of its own."""
        base = PROJECT / self.folder
        left = {path for pattern in exclude for path in base.glob(pattern)}
        found = sorted({path for pattern in include for path in base.glob(pattern)} - left)
        return [
            str(path.relative_to(base))
            for path in found
            if path.is_file()
            and "__pycache__" not in path.parts
            and not any((parent / "BUILD").exists() for parent in path.parents if base in parent.parents)
        ]

    def add(self, kind: str, name: str, **attributes: object) -> None:
        srcs = [self.file(str(source)) for source in attributes.get("srcs", [])]
        deps = [self.absolute(str(label)) for label in attributes.get("deps", [])]
        self.rules.append(Rule(kind, self.absolute(f":{name}"), srcs, deps))

    def file(self, source: str) -> Path:
        if source.startswith("//"):
            return Path(*source.removeprefix("//").split(":"))
        return self.folder / source

    def absolute(self, label: str) -> str:
        """Write a label in full: `//folder:name`."""
        if label.startswith(":"):
            return f"//{self.folder}".rstrip(".") + label
        return label if ":" in label or label.startswith("@") else f"{label}:{label.rpartition('/')[2]}"


@pytest.fixture(scope="module")
def rules() -> list[Rule]:
    pages = [path.relative_to(PROJECT) for part in build_files.PARTS for path in (PROJECT / part).rglob("BUILD")]
    pages += [Path("BUILD")]
    return [rule for path in sorted(pages) for rule in Page(path).rules]


def test_files_are_what_the_imports_say():
    wanted = build_files.build_files()
    stale = [
        str(path)
        for path, text in wanted.items()
        if not (PROJECT / path).exists() or (PROJECT / path).read_text(encoding="utf-8") != text
    ]
    assert not stale, f"type `make builds` and commit: {stale}"


def test_every_source_belongs_to_one_target(rules: list[Rule]):
    owners = Counter(source for rule in rules for source in rule.srcs if source.suffix == ".py")
    del owners[Path("tests/bazel_main.py")]  # the entry point of every test
    assert {source: count for source, count in owners.items() if count > 1} == {}
    assert set(sources()) - set(owners) == {Path("tests/bazel_main.py")}
    assert set(owners) <= set(sources())


def test_every_test_file_has_a_test_rule(rules: list[Rule]):
    tested = {source for rule in rules if rule.kind == "py_test" for source in rule.srcs}
    assert {path for path in sources() if path.name.endswith("_test.py")} <= tested


def test_every_label_leads_somewhere(rules: list[Rule]):
    labels = {rule.label for rule in rules}
    dangling = {dep for rule in rules for dep in rule.deps if not dep.startswith("@")} - labels
    assert dangling == set()


def test_every_package_of_the_index_is_locked(rules: list[Rule]):
    lock = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    locked = {"@pypi//" + name.replace("-", "_") for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    wanted = {dep for rule in rules for dep in rule.deps if dep.startswith("@")}
    assert wanted - locked == set()


def test_rooms_form_no_circle(rules: list[Rule]):
    left = {rule.label: set(rule.deps) for rule in rules if rule.kind == "py_library"}
    while left:
        free = [label for label, deps in left.items() if not deps & set(left)]
        assert free, f"these depend on each other in a circle: {sorted(left)}"
        for label in free:
            del left[label]


STUB = """
def py_library(**kwargs):
    native.py_library(**kwargs)

def py_test(**kwargs):
    native.py_test(**kwargs)
"""


@pytest.mark.skipif(shutil.which("bazel") is None, reason="bazel is not on PATH")
def test_bazel_reads_the_same(rules: list[Rule], tmp_path: Path):
    """Bazel itself, in a copy without network: the rules of Python are a stub, the files are ours."""
    house, stub = tmp_path / "house", tmp_path / "rules_python"
    ignore = shutil.ignore_patterns(".*", "__pycache__", "runs")
    for part in build_files.PARTS:
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, house / part, ignore=ignore)
    for name in ("BUILD", "requirements.txt", "setup.py", "pyproject.toml"):
        shutil.copy(PROJECT / name, house / name)
    (stub / "python").mkdir(parents=True)
    for path in (house / "WORKSPACE", stub / "WORKSPACE", stub / "python" / "BUILD"):
        path.touch()
    (stub / "python" / "defs.bzl").write_text(STUB, encoding="utf-8")
    command = ["bazel", f"--output_user_root={tmp_path / 'root'}", "--batch", "query", "//..."]
    command += [f"--override_repository=rules_python={stub}"]
    done = subprocess.run(
        command, cwd=house, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {rule.label for rule in rules}

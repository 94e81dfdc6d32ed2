"""Lint, and the tests of what changed: `make quick`, after an edit and before `make test`.

What changed is what differs from a commit (BASE, the last one by default) and what git does not know yet. An import of
a name leads to the file that defines the name, not to the package that hands it on; so a layer is used by the models
that name it, and not by everybody who imports layers. Of the files that lead to a changed one the tests run, and the
conformance cases of the classes in them. Tests marked `end_to_end` or `slow` are left to `make test`.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PARTS = ("tfctr", "tfx_pipeline", "tests", "benchmarks", "examples", "tools")
CONFORMANCE = Path("tests/conformance")
LINT = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["lint-imports"])


def changed_files(base: str) -> set[Path]:
    """Return the Python files that differ from a commit, new ones too."""
    commands = (["git", "diff", "--name-only", base], ["git", "ls-files", "--others", "--exclude-standard"])
    names = "\n".join(subprocess.check_output(command, cwd=PROJECT, text=True) for command in commands).split()
    return {Path(name) for name in names if name.endswith(".py")}


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the parsed file."""
    return ast.parse((PROJECT / path).read_text(encoding="utf-8"), str(path))


def file_of(dotted: str) -> Path | None:
    """Return the file of a module or package of ours, None for anything else."""
    base = Path(*dotted.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if base.parts[0] in PARTS and (PROJECT / path).exists():
            return path
    return None


def imports_of(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name) of every import in a file, at its top or later; the name is None for a whole module."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def definition(module: str, name: str | None) -> Path | None:
    """Return the file that an import leads to: through packages that hand a name on, to where it is defined."""
    if name is None:
        return file_of(module)
    whole = file_of(f"{module}.{name}")
    if whole is not None:
        return whole
    path = file_of(module)
    if path is not None and path.name == "__init__.py":
        for origin, given in imports_of(path):
            if given == name and origin != module:
                return definition(origin, name)
    return path


def users() -> dict[Path, set[Path]]:
    """Return file -> the files that import something defined in it."""
    found: dict[Path, set[Path]] = defaultdict(set)
    for part in PARTS:
        for file in sorted((PROJECT / part).rglob("*.py")):
            path = file.relative_to(PROJECT)
            if path.name == "__init__.py":
                continue  # hands names on; who wants one is led past it
            for module, name in imports_of(path):
                target = definition(module, name)
                if target is not None and target != path:
                    found[target].add(path)
    return found


def reached(changed: Iterable[Path]) -> dict[Path, int]:
    """Return the files that lead to a changed one -> over how many imports, nearest first."""
    by_file, steps = users(), dict.fromkeys(sorted(changed), 0)
    queue = deque(steps)
    while queue:
        path = queue.popleft()
        for user in sorted(by_file.get(path, ())):
            if user not in steps:
                steps[user] = steps[path] + 1
                queue.append(user)
    return steps


def classes_in(paths: Iterable[Path]) -> list[str]:
    """Return the public classes of the package's files: conformance cases bear their names."""
    files = (path for path in paths if path.parts[0] == "tfctr" and (PROJECT / path).exists())
    nodes = (node for path in files for node in tree_of(path).body)
    return sorted({node.name for node in nodes if isinstance(node, ast.ClassDef) and not node.name.startswith("_")})


def main() -> int:
    """Lint, then run the nearest tests; the exit code is the first that is not 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--base", default="HEAD", help="commit to compare with (HEAD)")
    parser.add_argument("--list", action="store_true", help="only say which tests would run")
    options = parser.parse_args()
    steps = reached(changed_files(options.base))
    tests = [path for path in steps if path.name.endswith("_test.py") and not path.is_relative_to(CONFORMANCE)]
    doctests = [path for path, distance in steps.items() if path.parts[0] == "tfctr" and distance == 0]
    names = classes_in(path for path, distance in steps.items() if distance <= 2)
    paths = [str(path) for path in (*tests, *doctests) if (PROJECT / path).exists()]
    print(f"{len(tests)} test files, conformance of {', '.join(names) or 'nothing'}")
    if options.list:
        print("\n".join(paths))
        return 0
    commands = [[str(Path(sys.executable).with_name(tool[0])), *tool[1:]] for tool in LINT]
    pytest = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "not end_to_end and not slow"]
    commands += [[*pytest, *paths]] if paths else []
    cases = " or ".join(f"-{name}-" for name in names)
    commands += [[*pytest, str(CONFORMANCE), "-k", cases]] if cases else []
    for command in commands:
        status = subprocess.run(command, cwd=PROJECT, check=False).returncode
        if status not in (0, 5):  # 5: pytest found no test that was wanted
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())

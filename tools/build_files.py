"""Write the BUILD files: one target a room, with the dependencies its imports say.

Run it by `make builds` after a new import between rooms, or a new room. The tests compare
the files with what this would write, so nobody has to remember which import crossed a wall.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PARTS = ("tfctr", "tfx_pipeline", "feature_specs", "examples", "benchmarks", "tests", "tools")
# Of environments of their own (`make peers`): no package of requirements.txt provides them.
ELSEWHERE = {"deepctr", "fuxictr", "model_zoo", "torch"}
LOAD = 'load("@rules_python//python:defs.bzl", {symbols})'
# Files that a target reads at run time, by label.
DATA = {
    "//feature_specs": 'glob(["*.yaml"])',
    "//tfctr": '["py.typed"]',
    "//tfctr/spec": '["//feature_specs"]',
    "//tfx_pipeline": """glob(
        ["deploy/**", "templates/**"],
        allow_empty = True,
        exclude = ["**/*.py"],
    )""",
}
TEST_RULE = """\
[
    py_test(
        name = file[:-3],
        size = "large",
        srcs = [
            file,
            "//tests:bazel_main.py",
        ],
        args = ["$(location %s)" % file],
        main = "//tests:bazel_main.py",
        deps = {deps},
    )
    for file in glob(["**/*_test.py"])
]
"""


@dataclass
class Target:
    """One rule of a BUILD file.

    Args:
        folder: The folder of its BUILD file, relative to the project, such as "tfctr/spec".
        name: Its name in there.
        srcs: Its sources as they are written in the file.
        files: Its sources, relative to the project.
        is_tests: True for the rules of a folder's test files, which nothing depends on.
    """

    folder: str
    name: str
    srcs: str
    files: list[Path] = field(default_factory=list)
    is_tests: bool = False

    @property
    def label(self) -> str:
        """The label, short where the name is that of the folder."""
        short = self.name == Path(self.folder).name
        return f"//{self.folder}" if short else f"//{self.folder}:{self.name}"


def sources(folder: Path, pattern: str = "**/*.py") -> list[Path]:
    """Return the Python files of a folder, relative to the project, sorted."""
    return sorted(path.relative_to(PROJECT) for path in folder.glob(pattern))


def rooms() -> list[Target]:
    """Find all targets: those of `tfctr` itself, its rooms, the pipeline, the tests and the rest."""
    found = list(_package_targets())
    for part in sorted({*PARTS} - {"tfctr", "tests"}):
        found.append(Target(part, part, 'glob(["**/*.py"])', sources(PROJECT / part)))
    found += _test_targets()
    return [target for target in found if target.files]


def _package_targets() -> Iterator[Target]:
    package = PROJECT / "tfctr"
    yield Target("tfctr", "tfctr", 'glob(["*.py"])', sources(package, "*.py"))
    for folder in sorted(path for path in package.iterdir() if path.is_dir()):
        yield Target(f"tfctr/{folder.name}", folder.name, 'glob(["**/*.py"])', sources(folder))


def _test_targets() -> Iterator[Target]:
    tests = PROJECT / "tests"
    yield Target("tests", "support", 'glob(["*.py"])', sources(tests, "*.py"))
    for folder in sorted(path for path in tests.iterdir() if path.is_dir()):
        files = sources(folder)
        helpers = [path for path in files if not path.name.endswith("_test.py")]
        where = f"tests/{folder.name}"
        only_helpers = 'glob(\n        ["**/*.py"],\n        exclude = ["**/*_test.py"],\n    )'
        yield Target(where, "support", only_helpers, helpers)
        yield Target(where, "tests", "", [path for path in files if path not in helpers], is_tests=True)


def module_names(path: Path) -> list[str]:
    """Return the names a file is imported by.

    >>> module_names(Path("tfctr/spec/__init__.py")), module_names(Path("tools/lock.py"))
    (['tfctr.spec'], ['tools.lock', 'lock'])
    >>> module_names(Path("tools/old_glibc/compiler.py"))
    ['tools.old_glibc.compiler', 'old_glibc.compiler']
    """
    parts = path.with_suffix("").parts
    dotted = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return [dotted, dotted.removeprefix("tools.")] if parts[0] == "tools" else [dotted]


def imported_names(path: Path) -> set[str]:
    """Return all dotted names that a file imports, at its top or later; relative ones made absolute."""
    names: set[str] = set()
    package = path.parent.parts
    tree = ast.parse((PROJECT / path).read_text(encoding="utf-8"), str(path))
    for node in _without_types(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) + 1 - node.level]) if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names.update(f"{origin}.{alias.name}" for alias in node.names)
    return names


def _without_types(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree, imports for the type checker left out: nothing needs them at run time."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            yield node
            yield from _without_types(node)


def dependencies(target: Target, owners: dict[str, str]) -> list[str]:
    """Return the labels a target needs: other targets first, then packages of the index."""
    labels: set[str] = set()
    for path in target.files:
        for name in imported_names(path):
            labels |= _labels_of(name, owners, path)
        labels |= {owners[name] for name in _parents(path) if name in owners}
    if target.is_tests:
        labels |= {owners["tests.conftest"], package_label("pytest", Path("pyproject.toml"))}
        labels |= {f"//{target.folder}:support"} & set(owners.values())
    labels.discard(target.label)
    return [_relative(label, target.folder) for label in sorted(labels, key=lambda label: (label[0] == "@", label))]


def _labels_of(name: str, owners: dict[str, str], path: Path) -> set[str]:
    """Look a dotted name up among our modules, the longest first, else in the index."""
    root = name.partition(".")[0]
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        owner = owners.get(".".join(parts[:length]))
        if owner:
            return {owner}
    if root in {*PARTS, *ELSEWHERE} or root in sys.stdlib_module_names:
        return set()
    return {package_label("google.protobuf" if name.startswith("google.protobuf") else root, path)}


def _parents(path: Path) -> list[str]:
    """Return the packages above a file: importing it runs their `__init__` too."""
    parts = path.parent.parts
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _relative(label: str, folder: str) -> str:
    return label.removeprefix(f"//{folder}") if label.startswith(f"//{folder}:") else label


@cache
def _distributions() -> dict[str, list[str]]:
    found = {name: list(names) for name, names in metadata.packages_distributions().items()}
    return {**found, "google.protobuf": ["protobuf"]}


def package_label(module: str, path: Path) -> str:
    """Return the label of the package that provides a top-level module.

    Raises:
        ValueError: No installed package provides it.
    """
    providers = _distributions().get(module)
    if not providers:
        raise ValueError(f"{path} imports {module}, which no package of requirements.txt provides")
    # Several packages may fill one namespace: the one of that name, if there is one.
    provider = module if module in providers else sorted(providers)[0]
    return "@pypi//" + re.sub(r"[-_.]+", "_", provider).lower()


def build_files() -> dict[Path, str]:
    """Return the text of every BUILD file below the parts, by path relative to the project."""
    targets = rooms()
    owners = {name: target.label for target in targets for path in target.files for name in module_names(path)}
    by_folder: dict[str, list[str]] = {}
    for target in targets:
        by_folder.setdefault(target.folder, []).append(render(target, dependencies(target, owners)))
    return {Path(folder, "BUILD"): _page(folder, rules) for folder, rules in by_folder.items()}


def render(target: Target, labels: list[str]) -> str:
    """Write one rule, laid out as buildifier does."""
    if target.is_tests:
        return TEST_RULE.format(deps=_list(labels, indent=8))
    lines = [f'    name = "{target.name}",']
    lines += ["    testonly = True,"] if target.folder.startswith("tests") else []
    lines += [f"    srcs = {target.srcs},"]
    lines += [f"    data = {DATA[target.label]},"] if target.label in DATA else []
    lines += [f"    deps = {_list(labels, indent=4)},"] if labels else []
    return "py_library(\n" + "\n".join(lines) + "\n)\n"


def _list(labels: list[str], *, indent: int) -> str:
    """Write a list of labels: on one line if there is one, else one a line."""
    if len(labels) == 1:
        return f'["{labels[0]}"]'
    space = " " * indent
    return "[\n" + "".join(f'{space}    "{label}",\n' for label in labels) + f"{space}]"


def _page(folder: str, rules: Iterable[str]) -> str:
    body = "\n".join(rules)
    symbols = ", ".join(f'"{rule}"' for rule in ("py_library", "py_test") if f"{rule}(" in body)
    head = [f"# {folder}: written by `make builds`.", LOAD.format(symbols=symbols)]
    head += ['package(default_visibility = ["//:__subpackages__"])']
    head += ['exports_files(["bazel_main.py"])'] if folder == "tests" else []
    return "\n\n".join([*head, body])


def main() -> int:
    """Write the files that differ and say which."""
    for path, text in build_files().items():
        file = PROJECT / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

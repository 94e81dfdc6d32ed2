"""A YAML text as plain data that remembers its lines; refuses what a spec has no business with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from tfctr.spec.errors import Problem, SpecError

Path = tuple[str | int, ...]

MAX_BYTES = 1 << 20
"""Largest spec file. 5,000 features take about half of it; a log given by mistake is larger."""

MAX_NODES = 200_000
"""Most values after aliases are expanded: what stops a file of nested aliases from filling the memory."""

MAX_DEPTH = 20
"""Deepest nesting; a spec needs 5."""

_TAG = "tag:yaml.org,2002:"
_KNOWN_TAGS = frozenset(_TAG + name for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge"))
PLAIN_SCALARS = {
    "bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"),
    "int": (re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), "-+0123456789"),
    "float": (
        re.compile(r"^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan)$"),
        "-+0123456789.",
    ),
}
"""What an unquoted scalar may mean besides text and null: the rules of YAML 1.2 with their first characters."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars: a column named `no` or `on` stays text, `1e-3` is a number, `010` is not octal."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML wants a class attribute


for _char, _resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items():
    _kept = [(tag, regexp) for tag, regexp in _resolvers if tag in (_TAG + "null", _TAG + "merge")]
    _Loader.yaml_implicit_resolvers[_char] = _kept
for _name, (_regexp, _first) in PLAIN_SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _name, _regexp, list(_first))


@dataclass
class Document:
    """Plain data (dict, list, str, int, float, bool, None) and the line of every part of it.

    Args:
        data: The content.
        lines: Path of keys and indices -> 1-based line; of a mapping's entry the line of its key.
    """

    data: object
    lines: dict[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """Line of the part at `path`, or of the nearest part around it that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_document(text: str, file: str = "") -> Document:
    """Return the one document of a YAML text.

    Args:
        text: The YAML.
        file: Name for messages.

    Raises:
        SpecError: For a syntax error, an empty text, a key given twice, unknown tags, and anything beyond
            `MAX_BYTES`, `MAX_NODES` or `MAX_DEPTH`.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise SpecError([Problem(f"has {size:,} bytes; a feature spec has at most {MAX_BYTES:,}", file=file)])
    try:
        node = _Loader(text).get_single_node()
    except yaml.YAMLError as error:
        raise SpecError([_syntax_problem(error, text, file)]) from None
    except RecursionError:
        raise SpecError([Problem(f"is nested more than {MAX_DEPTH} deep", file=file)]) from None
    if node is None:
        raise SpecError([Problem("is empty; `tfctr spec infer LOG` writes a first spec from a log", file=file)])
    return _Converter(file).document(node)


class _Converter:
    """Turns nodes into plain data, collecting lines and problems on the way."""

    def __init__(self, file: str):
        self.file = file
        self.nodes = 0
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self.scalars = yaml.constructor.SafeConstructor()

    def document(self, node: yaml.Node) -> Document:
        data = self.convert(node, ())
        if self.problems:
            raise SpecError(self.problems)
        return Document(data, self.lines)

    def convert(self, node: yaml.Node, path: Path) -> object:
        self.lines.setdefault(path, _line(node))
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            limit = f"{MAX_NODES:,} values" if self.nodes > MAX_NODES else f"{MAX_DEPTH} levels"
            message = f"expands to more than {limit}; look at the aliases (`*name`)"
            raise SpecError([Problem(message, "", self.file, _line(node))])
        if node.tag not in _KNOWN_TAGS:
            self.complain(
                f"the tag {node.tag.replace(_TAG, '!!')!r} is not allowed in a spec; write a plain value", node
            )
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(child, (*path, index)) for index, child in enumerate(node.value)]
        return self.scalar(node)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        merged: dict[str, object] = {}
        own: dict[str, object] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                for part in self.merged_nodes(value):
                    merged = {**self.mapping(part, path), **merged}
                continue
            if not isinstance(key, yaml.ScalarNode):
                self.complain("a key must be a plain word", key)
                continue
            name = key.value
            if name in own:
                self.complain(f"key {name!r} is given twice, first in line {self.lines[(*path, name)]}", key)
                continue
            self.lines[(*path, name)] = _line(key)
            own[name] = self.convert(value, (*path, name))
        return {**merged, **own}

    def merged_nodes(self, node: yaml.Node) -> Iterator[yaml.MappingNode]:
        """The mappings behind `<<`: one, or a list of them."""
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            self.nodes += 1
            if isinstance(part, yaml.MappingNode):
                yield part
            else:
                self.complain("`<<` takes another mapping, as in `<<: *name`", part)

    def scalar(self, node: yaml.Node) -> object:
        try:
            return self.scalars.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self.complain(f"cannot read {_short(str(node.value))} as {node.tag.removeprefix(_TAG)}", node)
            return None

    def complain(self, message: str, node: yaml.Node) -> None:
        self.problems.append(Problem(message, "", self.file, _line(node)))


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """What PyYAML found, in one sentence, at its line."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return Problem(f"the character U+{code:04X} is not allowed in YAML; is this a text file?", "", file, line)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else 0
    what = getattr(error, "problem", None) or str(error)
    if "'\\t'" in what:
        return Problem("a tab stands where YAML wants spaces; indent with spaces", "", file, line)
    if "expected a single document" in (getattr(error, "context", None) or ""):
        return Problem("holds more than one document; keep one, without `---` between", "", file, line)
    return Problem(f"is not valid YAML: {what}", "", file, line)

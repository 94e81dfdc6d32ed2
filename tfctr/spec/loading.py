"""From a YAML file to a FeatureSpec and back; everything that is wrong with a file is reported at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import yaml
from pydantic import ValidationError

from tfctr.spec._document import MAX_BYTES, PLAIN_SCALARS, Document, Path, read_document
from tfctr.spec._schema_problems import repaired, schema_problems
from tfctr.spec.catalog import find_spec
from tfctr.spec.errors import Problem, SpecError
from tfctr.spec.feature_spec import FeatureSpec
from tfctr.spec.features import ColumnFeature, CrossFeature
from tfctr.spec.tasks import DEFAULT_KIND


def load_spec(path: str | os.PathLike[str]) -> FeatureSpec:
    """Return the spec of a YAML file, or the shipped spec of this name.

    Args:
        path: A file, or a name out of `shipped_specs` such as ``movielens_100k``.

    Raises:
        SpecError: For anything that is wrong, each problem with file, line and key.
    """
    file = find_spec(path)
    return parse_spec(_read_text(file), str(file))


def parse_spec(text: str, file: str = "") -> FeatureSpec:
    """Return the spec of a YAML text.

    Args:
        text: The YAML; aliases and `<<` are allowed.
        file: Name for messages.

    Raises:
        SpecError: For anything that is wrong, each problem with its line and key.

    Example:
        >>> parse_spec('''
        ... name: ads
        ... meta: {time: seconds}
        ... features:
        ...   - {kind: categorical, name: site, rolle: context}
        ... tasks:
        ...   - {name: click, label: clicked}
        ... ''', "ads.yaml")
        Traceback (most recent call last):
        ...
        tfctr.spec.errors.SpecError: 1 problem in the feature spec:
          ads.yaml:5: features.0.rolle: unknown key (did you mean 'role'?)
    """
    document = read_document(text, file)
    if not isinstance(document.data, dict):
        kind = "a list" if isinstance(document.data, list) else "a single value"
        raise SpecError([Problem(f"holds {kind}; a feature spec is a mapping of keys such as `name`", file=file)])
    try:
        return FeatureSpec.model_validate(document.data)
    except SpecError as error:
        problems = list(error.problems)
    except ValidationError as error:
        problems = [*schema_problems(error, document.data), *_reference_problems(error, document.data)]
    raise SpecError(_located(problems, document, file))


def locate_problems(problems: Iterable[Problem], path: str | os.PathLike[str]) -> list[Problem]:
    """Return problems that were found in a loaded spec with their lines in its file, in the order of the file."""
    file = find_spec(path)
    return _located(list(problems), read_document(_read_text(file), str(file)), str(file))


class _Dumper(yaml.SafeDumper):
    """Quotes whatever YAML 1.1 or 1.2 readers would not take for text."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML wants a class attribute
        char: list(resolvers) for char, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Escape rare line separators, which plain and single-quoted scalars fold into a newline."""
    style = '"' if any(char in text for char in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
for _name, (_regexp, _first) in PLAIN_SCALARS.items():
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", _regexp, list(_first))


def dump_spec(spec: FeatureSpec, *, defaults: bool = False) -> str:
    """Return the YAML text that `parse_spec` reads back as an equal spec.

    Args:
        spec: The spec.
        defaults: Write every key, also those that hold their default.

    Example:
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "categorical", "name": "site", "role": "context"}],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     split={"by": "hash", "column": "site"},
        ... )
        >>> print(dump_spec(spec))
        name: ads
        split:
          by: hash
          column: site
        features:
        - kind: categorical
          name: site
          role: context
        tasks:
        - name: click
          label: clicked
        <BLANKLINE>
    """
    return dump_yaml(spec.model_dump(mode="json") if defaults else _without_defaults(spec))


def dump_yaml(data: object, *, flow: bool = False) -> str:
    """Return plain data as YAML text, keys in their order.

    Args:
        data: Dicts, lists and scalars.
        flow: In one line, as in ``{kind: numeric, name: age}``, without a line end.

    Example:
        >>> dump_yaml({"header": False, "delimiter": ","}, flow=True)
        "{header: false, delimiter: ','}"
    """
    if not flow:
        return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    # A list around the value keeps PyYAML from ending a scalar with "..." and tells it that commas need quotes.
    line = yaml.dump(
        [data], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"), default_flow_style=True
    )
    return line.strip()[1:-1]


def _without_defaults(spec: FeatureSpec) -> dict[str, object]:
    """Plain data that leaves out what the reader fills in by itself."""
    data = spec.model_dump(mode="json", exclude_defaults=True)
    for feature, part in zip(spec.features, data["features"], strict=True):
        if isinstance(feature, ColumnFeature) and feature.column == feature.name:
            del part["column"]
        if isinstance(feature, CrossFeature):
            part.pop("role", None)  # it follows from the crossed features
    data["tasks"] = [
        part if task.kind == DEFAULT_KIND else {"kind": task.kind, **part}
        for task, part in zip(spec.tasks, data["tasks"], strict=True)
    ]
    data["features"] = [
        {"kind": feature.kind, **part} for feature, part in zip(spec.features, data["features"], strict=True)
    ]
    return data


def _reference_problems(error: ValidationError, data: dict[str, Any]) -> tuple[Problem, ...]:
    """Problems of references in the spec as it was probably meant; none when that cannot be known."""
    meant = repaired(error, data)
    if meant is None:
        return ()
    try:
        FeatureSpec.model_validate(meant)
    except SpecError as found:
        return found.problems
    except ValidationError:
        return ()
    return ()


def _located(problems: list[Problem], document: Document, file: str) -> list[Problem]:
    """The problems with file and line, in the order of the file."""
    placed = [replace(problem, file=file, line=document.line_of(_path(problem.key))) for problem in problems]
    return sorted(placed, key=lambda problem: problem.line)


def _path(key: str) -> Path:
    return tuple(int(part) if part.isdigit() else part for part in key.split(".")) if key else ()


def _read_text(file: os.PathLike[str]) -> str:
    try:
        with open(file, "rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError([Problem(f"cannot be read: {error.strerror}", file=str(file))]) from None
    if len(content) > MAX_BYTES:
        raise SpecError([Problem(f"is larger than {MAX_BYTES:,} bytes; is this a feature spec?", file=str(file))])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 text: byte 0x{content[error.start]:02x} in this line; save the file as UTF-8"
        raise SpecError([Problem(message, file=str(file), line=line)]) from None

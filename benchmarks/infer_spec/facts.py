"""What is known of a log, and how much of it `tfctr spec infer` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from tfctr.analysis import InferredSpec, infer_spec
from tfctr.data import DataError

FACTS = Path(__file__).with_name("facts.yaml")


@dataclass(frozen=True)
class Facts:
    """Of one log.

    Args:
        log: Its path below the folder of public logs.
        columns: Pattern of columns (several with blanks between) -> what they are, `a|b` for either.
        roles: Pattern of columns -> role.
        group: Column of the group, `none`; None where nothing is said.
        shares: History -> feature whose ids it lists.
        refused: Whether it is no log of rows.
    """

    log: str
    columns: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    shares: Mapping[str, str] = field(default_factory=dict)
    refused: bool = False


@dataclass(frozen=True)
class Score:
    """Facts of a log, and those that were found.

    Args:
        columns: Facts, one a column, and one each for the group and a shared vocabulary.
        wrong: Fact -> what was said instead.
    """

    columns: int
    wrong: Mapping[str, str]

    @property
    def right(self) -> int:
        """Facts that were found."""
        return self.columns - len(self.wrong)


def read_facts() -> list[Facts]:
    """Return the facts of the public logs."""
    return [Facts(**entry) for entry in yaml.safe_load(FACTS.read_text(encoding="utf-8"))["logs"]]


def score(facts: Facts, path: Path, **options: Any) -> Score:
    """Return how much of the facts is said by the inferred spec of a log."""
    try:
        found = infer_spec(path, **options)
    except DataError as error:
        return Score(1, {} if facts.refused else {"the log": str(error)})
    if facts.refused:
        return Score(1, {"the log": "taken for rows with a label"})
    return score_of(facts, found)


def score_of(facts: Facts, found: InferredSpec) -> Score:
    """Return how much of the facts an inferred spec says."""
    said = _said(found)
    tests = [*_column_tests(facts, found, said), *_other_tests(facts, found)]
    return Score(len(tests), {name: f"{got}, not {wanted}" for name, wanted, got, right in tests if not right})


def _said(found: InferredSpec) -> dict[str, str]:
    """Column -> what the spec makes of it."""
    spec = found.spec
    said = dict.fromkeys(found.left_out, "out")
    said |= {feature.column: feature.kind for feature in spec.features if hasattr(feature, "column")}
    if spec.split.by == "column" and spec.split.column:
        said[spec.split.column] = "split"
    if spec.meta.time_column:
        said[spec.meta.time_column] = "time"
    label = spec.tasks[0].label_columns[0]
    return said | ({label: "label"} if label in said or "no column looks like" not in found.text else {})


def _column_tests(facts: Facts, found: InferredSpec, said: Mapping[str, str]) -> Iterator[tuple[str, str, str, bool]]:
    roles = {f.column: f.role for f in found.spec.features if hasattr(f, "column")}
    for column, kind in said.items():
        wanted = _fact(facts.columns, column)
        if wanted is None:
            raise ValueError(f"{facts.log}: no fact about column {column!r}")
        role = _fact(facts.roles, column)
        wrong_role = role is not None and column in roles and roles[column] != role
        got = f"{kind} of {roles[column]}" if wrong_role else kind
        yield column, f"{wanted} of {role}" if wrong_role else wanted, got, kind in wanted.split("|") and not wrong_role


def _other_tests(facts: Facts, found: InferredSpec) -> Iterator[tuple[str, str, str, bool]]:
    if facts.group is not None:
        group = found.spec.meta.group or "none"
        yield "the group", facts.group, group, group == facts.group
    for history, wanted in facts.shares.items():
        feature = next((f for f in found.spec.features if getattr(f, "column", "") == history), None)
        shared = getattr(feature, "shares", None)
        of = next((getattr(f, "column", "") for f in found.spec.features if f.name == shared), "none")
        yield f"the ids of {history}", wanted, of, of == wanted


def _fact(patterns: Mapping[str, str], column: str) -> str | None:
    for pattern, fact in patterns.items():
        if column == pattern or any(fnmatchcase(column, part) for part in pattern.split()):
            return fact
    return None

"""What is said when a spec, its data and its model do not fit together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it is, and what to do about it.

    Args:
        message: What is wrong and what would be right, one sentence.
        key: Dotted path inside the spec, such as ``features.2.shares``; empty for the file as a whole.
        file: Path of the spec file, empty when the spec was built in Python.
        line: 1-based line in that file, 0 when unknown.
    """

    message: str
    key: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.key, self.message) if part)


class SpecError(Exception):
    """All problems of a spec at once, so that one edit can mend them all.

    Not a `ValueError`, because pydantic would wrap that into an error of its own.

    Attributes:
        problems: Every `Problem` found, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__(f"{head} in the feature spec:\n" + "\n".join(f"  {p}" for p in self.problems))


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest known name, or the list of known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f" (known: {', '.join(names)})" if names else ""

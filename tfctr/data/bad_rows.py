"""Rows that could not be read: counted by reason, the first ones kept, all of them written aside if wanted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from tfctr.data.errors import BadRowsError

EARLY_ROWS = 10_000
"""From so many rows on, a log of which most cannot be read is given up before its end."""

VALUE_CHARACTERS = 500


@dataclass(frozen=True)
class BadRow:
    """One row that was set aside.

    Args:
        file: The file it stands in.
        row: Number of the row in that file, from 1; a header and blank lines do not count.
        reason: What is wrong with it, in words that are the same for all rows of that kind.
        value: The value at fault, or the whole row where its columns could not be told apart; cut at
            `VALUE_CHARACTERS`.
    """

    file: str
    row: int
    reason: str
    value: str


class BadRows:
    """Counts, examples and an optional file of the rows set aside.

    Args:
        max_examples: Bad rows kept in `examples`; all of them are counted.
        path: A JSON lines file that gets every bad row (fields of `BadRow`); None writes none.

    Example:
        >>> bad_rows = BadRows()
        >>> bad_rows.read(99)
        >>> bad_rows.add("log.csv", [7], "age: not a number", ["abc"])
        >>> print(bad_rows.summary())
        1 of 100 rows set aside (1 %)
                 1  age: not a number     first: log.csv row 7: 'abc'
    """

    def __init__(self, *, max_examples: int = 20, path: Path | str | None = None):
        self.max_examples = max_examples
        self.path = Path(path) if path is not None else None
        self.counts: Counter[str] = Counter()
        self.examples: list[BadRow] = []
        self.notes: Counter[str] = Counter()
        self.good = 0
        self._first: dict[str, BadRow] = {}
        self._file: IO[str] | None = None

    @property
    def bad(self) -> int:
        """Rows set aside so far."""
        return self.counts.total()

    @property
    def total(self) -> int:
        """Rows seen so far, good and bad."""
        return self.good + self.bad

    @property
    def share(self) -> float:
        """Bad rows over all rows; 0 when there are none."""
        return self.bad / self.total if self.total else 0.0

    def read(self, rows: int) -> None:
        """Count rows that were read well."""
        self.good += rows

    def note(self, what: str, rows: int) -> None:
        """Count rows that were read by a guess that a person should know of, in words that name it."""
        self.notes[what] += rows

    def add(self, file: str, rows: Sequence[int] | np.ndarray, reason: str, values: Sequence[object]) -> None:
        """Set rows aside for one reason.

        Args:
            file: The file they stand in.
            rows: Their numbers in it, from 1.
            reason: What is wrong.
            values: The value at fault of each.
        """
        if not len(rows):
            return
        self.counts[reason] += len(rows)
        wanted = len(rows) if self.path else max(self.max_examples - len(self.examples), 1)
        rows_wanted, values_wanted = list(rows)[:wanted], list(values)[:wanted]
        found = [
            BadRow(file, int(row), reason, _short(value)) for row, value in zip(rows_wanted, values_wanted, strict=True)
        ]
        self._first.setdefault(reason, found[0])
        self.examples += found[: max(self.max_examples - len(self.examples), 0)]
        if self.path is not None:
            self._write(found)

    def check(self, max_share: float, *, finished: bool = True) -> None:
        """Raise when too many rows are bad: at the end, or early when most of the rows are.

        Raises:
            BadRowsError: With the table of reasons.
        """
        hopeless = self.total >= EARLY_ROWS and self.share > max(max_share, 0.5)
        if (finished and self.share > max_share) or hopeless:
            raise BadRowsError(
                f"{self.summary()}\nThe spec allows {max_share:.3g} of the rows to be bad (source.max_bad_share). "
                "Mend the log or the spec, or raise that share."
            )

    def summary(self) -> str:
        """Return a table of the reasons with the first row of each, one line a reason; empty when none is bad."""
        if not self.bad:
            return ""
        lines = [f"{self.bad:,} of {self.total:,} rows set aside ({100 * self.share:.3g} %)"]
        width = max(len(reason) for reason in self.counts)
        for reason, count in self.counts.most_common():
            first = self._first[reason]
            where = f"{first.file} row {first.row}: {first.value!r}"
            lines.append(f"{count:>10,}  {reason:<{width}}     first: {where}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for a report."""
        return {
            "rows": self.total,
            "bad": self.bad,
            "reasons": dict(self.counts.most_common()),
            "notes": dict(self.notes.most_common()),
            "examples": [vars(example) for example in self.examples],
        }

    def close(self) -> None:
        """Close the file of bad rows; more may still be added."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> BadRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, found: list[BadRow]) -> None:
        assert self.path is not None
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8")
        for row in found:
            self._file.write(json.dumps(vars(row), ensure_ascii=False) + "\n")
        self._file.flush()


def _short(value: object) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…"

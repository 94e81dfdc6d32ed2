"""Where the raw rows come from, how they are cut into splits, which histories are built from them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tfctr.spec.base import Frozen
from tfctr.spec.features import Identifier


class Source(Frozen):
    """The raw log.

    Args:
        dataset: Name in the registry of public data sets; fetched on demand. None for a log of your own.
        format: Format of the files; None tells it from the file's name.
        header: Whether a csv/tsv file starts with the names of its columns.
        columns: Names of the columns, in order, where the file has no header.
        delimiter: Between columns; None means comma for csv and tab for tsv.
        max_bad_share: A run stops when a larger share of rows cannot be read; below it they are set aside
            and reported.
    """

    dataset: str | None = None
    format: Literal["csv", "tsv", "jsonl", "parquet", "tfrecord", "libfm"] | None = None
    header: bool = True
    columns: tuple[str, ...] = ()
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    max_bad_share: float = Field(default=0.01, ge=0, le=1)


class Split(Frozen):
    """How rows are divided into train, valid and test.

    Args:
        by: `time` (earliest rows train, latest test: no look into the future), `hash` (of `column`, so that
            all rows of one user stay together) or `column` (values of `column` are train, valid, test).
        column: Raw column for `hash` and `column`; `time` uses `meta.time`.
        train, valid, test: Shares, adding up to 1.
    """

    by: Literal["time", "hash", "column"] = "time"
    column: str | None = None
    train: float = Field(default=0.8, gt=0, lt=1)
    valid: float = Field(default=0.1, gt=0, lt=1)
    test: float = Field(default=0.1, gt=0, lt=1)

    @model_validator(mode="after")
    def _consistent(self) -> Split:
        if abs(self.train + self.valid + self.test - 1) > 1e-6:
            raise ValueError(f"train + valid + test must be 1, received {self.train + self.valid + self.test:g}")
        if self.by != "time" and not self.column:
            raise ValueError(f"split by {self.by} needs a column")
        return self


class History(Frozen):
    """A sequence column built from the log: what this user did strictly before the row.

    Args:
        name: Name of the raw column that is made (one list per row, oldest first).
        of: Raw column whose values are collected.
        by: Raw column that tells whose history it is.
        positives_of: Only rows where this task's label is 1 enter the history; None takes all rows.
        max_length: Latest events kept.
        times: Name of an int64 column made beside it with the events' times; None makes none.
    """

    name: Identifier
    of: str
    by: str
    positives_of: str | None = None
    max_length: int = Field(default=50, ge=1, le=100_000)
    times: Identifier | None = None

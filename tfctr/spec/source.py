"""Where the raw rows come from, how they are cut into splits, which histories are built from them."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tfctr.spec._base import Frozen
from tfctr.spec._raw_text import NULL_VALUES, Texts
from tfctr.spec.features import Identifier


def _patterns(value: object) -> object:
    """Let one pattern stand for a list of one."""
    return (value,) if isinstance(value, str) else value


Patterns = Annotated[tuple[str, ...], BeforeValidator(_patterns, json_schema_input_type=str | list[str])]


class Source(Frozen):
    """The raw log.

    Args:
        dataset: Name in the registry of public data sets; fetched on demand. None for a log of your own.
        format: Format of the files; None tells it from the file's name.
        header: Whether a csv/tsv file starts with the names of its columns.
        columns: Names of the columns, in order, where the file has no header.
        positions: A list column -> names of the columns that its places are, first one first, such as thirteen numbers
            that a TFRecord keeps as one feature. A place that a row's list has not is missing.
        delimiter: Between columns, one character or several such as `::`; None means comma for csv and tab for tsv.
        decimal: Between the whole part of a number written as text and its fraction.
        encoding: Of a text file: gbk, latin-1 or another one that Python knows; None reads UTF-8, or UTF-16 where the
            file begins with its byte order mark.
        null_values: Texts that mean a missing value, in every column; an empty one always does. The default is what
            databases, data frames and spreadsheets write. Features may have more.
        max_bad_share: A run stops when a larger share of rows cannot be read; below it they are set aside
            and reported.
    """

    dataset: str | None = None
    format: Literal["csv", "tsv", "jsonl", "parquet", "tfrecord", "libfm"] | None = None
    header: bool = True
    columns: tuple[str, ...] = ()
    positions: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    delimiter: str | None = Field(default=None, min_length=1, max_length=8)
    decimal: Literal[".", ","] = "."
    encoding: str | None = None
    null_values: Texts = NULL_VALUES
    max_bad_share: float = Field(default=0.01, ge=0, le=1)

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                codecs.getincrementaldecoder(value)
            except LookupError:
                raise ValueError(f"unknown encoding {value!r}; such as utf-8, utf-16, gbk, latin-1") from None
        return value


SPLIT_OF_FILE = "split_of_file"
"""The raw column that tells the part of a row where files do."""


class SplitFiles(Frozen):
    """Which files are which part of the log.

    Args:
        train, valid, test: Names, folders or glob patterns, which the end of a file's path must match. Without
            `valid`, rows of train are drawn for it.
    """

    train: Patterns
    valid: Patterns = ()
    test: Patterns


class Split(Frozen):
    """How rows are divided into train, valid and test.

    Args:
        by: `time` (earliest rows train, latest test: no look into the future), `hash` (of `column`, so that
            all rows of one user stay together), `column` (values of `column` say the part of a row), `files` (each
            file is one part, see `files`) or `random` (each row by itself, for benchmarks that are cut so; it looks
            into the future).
        files: Of each part its files, with `by: files`, which then may be left out.
        column: Raw column for `hash` and `column`; `time` uses `meta.time`.
        train, valid, test: Shares, adding up to 1; not used with `column`.
        valid_values, test_values: With `column`, its values that mean valid and test, every other is train.
            Left out, the values of the column are the words train, valid and test themselves.
    """

    by: Literal["time", "hash", "column", "files", "random"] = "time"
    files: SplitFiles | None = None
    column: str | None = None
    train: float = Field(default=0.8, gt=0, lt=1)
    valid: float = Field(default=0.1, gt=0, lt=1)
    test: float = Field(default=0.1, gt=0, lt=1)
    valid_values: Texts = ()
    test_values: Texts = ()

    @model_validator(mode="before")
    @classmethod
    def _files_say_how(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("files") is not None:
            return {"by": "files", **data, "column": SPLIT_OF_FILE}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Split:
        if (self.by == "files") != (self.files is not None):
            raise ValueError("split by files needs `files`, and no other split takes them")
        if abs(self.train + self.valid + self.test - 1) > 1e-6:
            raise ValueError(f"train + valid + test must be 1, received {self.train + self.valid + self.test:g}")
        if self.by in ("hash", "column") and not self.column:
            raise ValueError(f"split by {self.by} needs a column")
        if self.valid_values or self.test_values:
            self._check_values()
        return self

    def _check_values(self) -> None:
        if self.by != "column":
            raise ValueError(f"valid_values and test_values go with `by: column`, not with `by: {self.by}`")
        if not self.valid_values or not self.test_values:
            raise ValueError("give both valid_values and test_values, or neither")
        if both := set(self.valid_values) & set(self.test_values):
            raise ValueError(f"{', '.join(sorted(both))} cannot be valid and test at once")


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

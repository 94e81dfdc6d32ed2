"""What is said when rows cannot be had or cannot be used."""

from __future__ import annotations


class DataError(Exception):
    """The data cannot be used as it is; the message says what, where and what to do."""


class BadRowsError(DataError):
    """More rows were set aside than the spec's `source.max_bad_share` allows; the message has the table of reasons."""


class MissingColumnsError(DataError):
    """A file lacks columns that are wanted.

    Attributes:
        present: Names of the columns that it has.
    """

    def __init__(self, message: str, present: tuple[str, ...] = ()):
        super().__init__(message)
        self.present = present


class FetchError(DataError):
    """A public data set could not be had; the message names every way that was tried and how it ended."""

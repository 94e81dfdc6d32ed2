"""Errors that the user can mend, as a message and exit status 1 instead of a traceback."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

P = ParamSpec("P")
R = TypeVar("R")


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Wrap a command: what the rooms say about bad input is printed to stderr, and the exit status is 1.

    Errors of the program itself keep their traceback.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if not _is_for_the_user(error):
                raise
            print(_message(error), file=sys.stderr)
            raise typer.Exit(1) from None

    return wrapped


def _is_for_the_user(error: Exception) -> bool:
    from tfctr.data.errors import DataError
    from tfctr.spec import SpecError

    return isinstance(error, SpecError | DataError | OSError)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)

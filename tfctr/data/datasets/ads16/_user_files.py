"""The files of one user: ratings, ten answers, and what they told of themselves."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tfctr.data.datasets.ads16._layout import ADS_A_CATEGORY, CATEGORIES
from tfctr.data.datasets.ads16.big_five import ITEMS
from tfctr.data.errors import DataError

LOWEST, HIGHEST = 0, 5
ANSWER = "Answer"


@dataclass(frozen=True)
class UserFiles:
    """What the files of a user hold.

    Args:
        ratings: int64 ``(300,)``, 0 to 5, in the order of category and number.
        categories: Names of the categories in the ratings file.
        answers: int64 ``(10,)``.
        told: Column -> text, of the files INF and PREF together.
    """

    ratings: NDArray[np.int64]
    categories: tuple[str, ...]
    answers: NDArray[np.int64]
    told: dict[str, str]


def read_user(folder: Path) -> UserFiles:
    """Read the files of a user's folder; pictures and what is written about them are left alone.

    Raises:
        DataError: When a file is not there or not of its form; says which, where, and what was expected.
    """
    user = folder.name
    categories, ratings = read_ratings(folder / f"{user}-RT.csv")
    answers = read_answers(folder / f"{user}-B5.csv")
    told = read_told(folder / f"{user}-INF.csv") | read_told(folder / f"{user}-PREF.csv")
    return UserFiles(ratings, categories, answers, told)


def read_ratings(path: Path) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Read a header row, a row of category names and a row of 20 cells, each of 15 numbers.

    Returns:
        Names of the categories, and int64 ``(300,)``.
    """
    rows = _rows(path)
    if len(rows) != 3:
        raise DataError(f"{path}: {len(rows)} rows, expected 3: a header, names of categories, ratings")
    for what, row in zip(("header", "row of categories", "row of ratings"), rows, strict=True):
        if len(row) != CATEGORIES:
            raise DataError(f"{path}: the {what} has {len(row)} cells, expected {CATEGORIES}, separated by ;")
    ratings = [_cell(path, number, cell) for number, cell in enumerate(rows[2], start=1)]
    return tuple(rows[1]), np.array(ratings, np.int64).reshape(-1)


def _cell(path: Path, number: int, cell: str) -> list[int]:
    texts = cell.split(",")
    if len(texts) != ADS_A_CATEGORY:
        raise DataError(f"{path}: cell {number} of the ratings has {len(texts)} numbers, expected {ADS_A_CATEGORY}")
    try:
        values = [int(text) for text in texts]
    except ValueError as error:
        raise DataError(f"{path}: cell {number} of the ratings holds other things than numbers: {cell!r}") from error
    if wrong := [value for value in values if not LOWEST <= value <= HIGHEST]:
        raise DataError(f"{path}: cell {number} has the rating {wrong[0]}, expected {LOWEST} to {HIGHEST}")
    return values


def read_answers(path: Path) -> NDArray[np.int64]:
    """Read the column `Answer` of ten rows, int64 ``(10,)``."""
    header, *rows = _rows(path)
    if ANSWER not in header:
        raise DataError(f"{path}: the column {ANSWER!r} is not there; the columns are {', '.join(header)}")
    place = header.index(ANSWER)
    if len(rows) != ITEMS:
        raise DataError(f"{path}: {len(rows)} answers, expected {ITEMS}")
    texts = [row[place] if place < len(row) else "" for row in rows]
    try:
        return np.array([int(text) for text in texts], np.int64)
    except ValueError as error:
        raise DataError(f"{path}: an answer is no whole number: {', '.join(map(repr, texts))}") from error


def read_told(path: Path) -> dict[str, str]:
    """Read a header and one row of values as column -> text, column names in lower case."""
    header, *rows = _rows(path)
    if len(rows) != 1:
        raise DataError(f"{path}: {len(rows)} rows below the header, expected 1")
    if any(rows[0][len(header) :]):
        raise DataError(f"{path}: {len(rows[0])} values, but {len(header)} columns")
    return {name.lower(): value for name, value in zip(header, rows[0], strict=False)}


def _rows(path: Path) -> list[list[str]]:
    """The rows of a text table that are not empty, cells trimmed; a trailing empty cell of all rows is no column."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there; unpack this part of the archive anew") from error
    text = _decoded(data)
    cells = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=";")]
    rows = [row for row in cells if any(row)]
    if not rows:
        raise DataError(f"{path} is empty")
    while all(len(row) > 1 and not row[-1] for row in rows):
        rows = [row[:-1] for row in rows]
    return rows


def _decoded(data: bytes) -> str:
    """UTF-8 with or without a mark, else Latin-1, which reads anything."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")

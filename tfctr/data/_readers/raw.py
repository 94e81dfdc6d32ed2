"""What a reader is given and what it yields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from tfctr.data._readers.files import LogFile
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import MissingColumnsError
from tfctr.spec import RawColumn, Source, suggest


@dataclass(frozen=True)
class RawBatch:
    """Rows as a file holds them.

    Args:
        columns: Name -> values, of any Arrow type; text may hold bytes that are not UTF-8.
        rows: Number of each row in the file, from 1, int64 ``(rows,)``.
    """

    columns: dict[str, pa.Array]
    rows: np.ndarray


class Reader(Protocol):
    """Reads one file of one format."""

    def __call__(
        self, file: LogFile, columns: tuple[RawColumn, ...], source: Source, bad_rows: BadRows
    ) -> Iterator[RawBatch]:
        """Yield the wanted columns in batches; rows that cannot be told apart go to `bad_rows`."""
        ...


def require_columns(file: object, columns: Iterable[RawColumn], present: Iterable[str], where: str = "") -> None:
    """Raise when wanted columns are not present.

    Raises:
        MissingColumnsError: Naming all that are missing, each with the nearest present name.
    """
    names = list(present)
    missing = [column.name for column in columns if column.name not in names]
    if missing:
        listed = "; ".join(f"{name!r}{suggest(name, names)}" for name in missing)
        raise MissingColumnsError(f"{file}: missing column(s){where}: {listed}", tuple(names))

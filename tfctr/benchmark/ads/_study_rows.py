"""The table of a study as arrays, and its folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tfctr.benchmark.ads.config import SplitKind, StudyConfig
from tfctr.data import DataError, Holdout, group_holdouts, random_holdouts

NEEDED = ("user_id", "ad_id", "category", "rating", "click")
KEYS: dict[SplitKind, str] = {"users": "user_id", "ads": "ad_id", "categories": "category"}


@dataclass(frozen=True)
class StudyRows:
    """A table of ratings, one row a user and an ad, with codes from 0 for who and what.

    Args:
        table: As `read_ads16` gives it, or another one with the columns `NEEDED`.
    """

    table: pa.Table

    def __post_init__(self) -> None:
        """Refuse a table that no study can be made of."""
        names = self.table.column_names
        if missing := [name for name in NEEDED if name not in names]:
            raise DataError(f"the table has no column {' and '.join(missing)}; its columns are {', '.join(names)}")
        for name in NEEDED:
            if gaps := self.table.column(name).null_count:
                raise DataError(f"{gaps:,} of {self.table.num_rows:,} rows have no {name}; leave them out")
        clicks = np.unique(self.click)
        if not np.isin(clicks, (0, 1)).all() or len(clicks) < 2:
            raise DataError(
                f"click must be 0 in some rows and 1 in others; it is {', '.join(map(str, clicks)) or 'empty'}"
            )

    @cached_property
    def _codes(self) -> dict[str, tuple[NDArray[Any], NDArray[np.int64]]]:
        texts = {name: np.asarray(self.table.column(name).cast(pa.string())) for name in KEYS.values()}
        return {name: np.unique(values, return_inverse=True) for name, values in texts.items()}

    def codes(self, name: str) -> NDArray[np.int64]:
        """Return the number of each row's user, ad or category, int64 ``(rows,)``."""
        return self._codes[name][1]

    def count(self, name: str) -> int:
        """Return how many users, ads or categories there are."""
        return len(self._codes[name][0])

    @cached_property
    def rating(self) -> NDArray[np.float64]:
        """Stars, float64 ``(rows,)``."""
        return np.asarray(self.table.column("rating"), np.float64)

    @cached_property
    def click(self) -> NDArray[np.float64]:
        """0 or 1, float64 ``(rows,)``."""
        return np.asarray(self.table.column("click"), np.float64)

    @cached_property
    def category_of_ad(self) -> NDArray[np.int64]:
        """Category of each ad, int64 ``(ads,)``."""
        first = np.unique(self.codes("ad_id"), return_index=True)[1]
        return self.codes("category")[first]

    def holdouts(self, split: SplitKind, config: StudyConfig) -> list[Holdout]:
        """Return the folds of a split.

        Raises:
            DataError: When there are fewer users, ads or categories than folds.
        """
        options: dict[str, Any] = {"valid_share": config.valid_share, "seed": config.fold_seed}
        if split == "pairs":
            return random_holdouts(self.table.num_rows, config.folds, **options)
        return group_holdouts(self.codes(KEYS[split]), config.folds, **options)

    def columns(self, names: Sequence[str]) -> list[str]:
        """Return which of these columns the table has with anything in them."""
        kept = []
        for name in names:
            if name in self.table.column_names and not _is_empty(self.table.column(name)):
                kept.append(name)
        return kept


def _is_empty(column: pa.ChunkedArray) -> bool:
    if column.null_count == len(column):
        return True
    return bool(pa.types.is_list(column.type) and not pa.compute.list_flatten(column).length())

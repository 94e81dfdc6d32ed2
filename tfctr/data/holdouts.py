"""Folds for experiments on small data: rows dealt out one by one, or whole users, ads or categories at a time.

A log in production is split by its spec (`split`); these are for tables of a few thousand rows, where each row has to
be held out once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.data.errors import DataError

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Holdout:
    """One fold: which rows are learned from, which decide, and which judge.

    Args:
        fold: Its number, from 0.
        train, valid, test: Places of rows, ascending, int64; together all rows, each once.
    """

    fold: int
    train: Places = field(repr=False)
    valid: Places = field(repr=False)
    test: Places = field(repr=False)


def random_holdouts(rows: int, folds: int = 5, *, valid_share: float = 0.1, seed: int = 0) -> list[Holdout]:
    """Deal the rows out one by one. A model meets every user and every ad in training: this split is optimistic.

    Args:
        rows: How many there are.
        folds: How many parts; each is the test of one fold.
        valid_share: Share of the other rows that decides (early stopping) and is not learned from; 0 for none.
        seed: Of the dealing.

    Raises:
        DataError: When there are fewer rows than folds, or nothing would be left to learn from.

    Example:
        >>> [len(holdout.test) for holdout in random_holdouts(10, 3, valid_share=0.2)]
        [4, 3, 3]
    """
    return group_holdouts(np.arange(rows), folds, valid_share=valid_share, seed=seed)


def group_holdouts(groups: ArrayLike, folds: int = 5, *, valid_share: float = 0.1, seed: int = 0) -> list[Holdout]:
    """Deal out whole groups: a user, ad or category of the test rows is in no other row.

    The rows that decide are held out in the same way, so that the epoch is chosen for groups that were never seen.

    Args:
        groups: Key of each row's group, ``(rows,)``, integers or text.
        folds: How many parts; each is the test of one fold.
        valid_share: Share of the other groups that decides and is not learned from; at least one group unless 0.
        seed: Of the dealing.

    Raises:
        DataError: When there are fewer groups than folds, or nothing would be left to learn from.

    Example:
        >>> holdouts = group_holdouts(["a", "a", "b", "b", "c", "c"], 3, valid_share=0.0)
        >>> sorted(holdout.test.tolist() for holdout in holdouts)
        [[0, 1], [2, 3], [4, 5]]
    """
    if folds < 2:
        raise DataError(f"at least 2 folds are needed; received {folds}")
    if not 0 <= valid_share < 1:
        raise DataError(f"valid_share is in [0, 1); received {valid_share}")
    names, of_row = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < folds:
        raise DataError(f"{folds} folds need as many groups; there are {len(names)}. Take fewer folds")
    dealt = np.random.default_rng([seed, len(names)]).permutation(len(names))
    fold_of = np.empty(len(names), np.int64)
    fold_of[dealt] = np.arange(len(names)) % folds
    return [_holdout(fold, fold_of, dealt, of_row, valid_share) for fold in range(folds)]


def _holdout(fold: int, fold_of: Places, dealt: Places, of_row: NDArray[Any], valid_share: float) -> Holdout:
    others = dealt[fold_of[dealt] != fold]
    wanted = max(1, round(valid_share * len(others))) if valid_share else 0
    if wanted >= len(others):
        raise DataError(f"{len(others)} groups outside fold {fold} are too few to learn from; take a smaller share")
    role = np.zeros(len(fold_of), np.int64)
    # Not always the same ones: behind the groups of this fold, in the order in which they were dealt.
    role[np.roll(others, -fold * wanted)[:wanted]] = 1
    role[fold_of == fold] = 2
    of_rows = role[of_row]
    train, valid, test = (np.flatnonzero(of_rows == code) for code in range(3))
    return Holdout(fold, train, valid, test)

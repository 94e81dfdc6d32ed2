"""What the row of a new id starts from."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tfctr.training.growth.vocabulary_change import VocabularyChange

NewRows = Literal["oov", "popularity"]


def started_rows(old: NDArray[np.float32], change: VocabularyChange, new_rows: NewRows) -> NDArray[np.float32]:
    """Return the rows of today's ids, float32 ``(rows, dim)``, from yesterday's ``(old_rows, dim)``.

    An id that stayed has its row. A new one starts, with `oov`, from the out-of-vocabulary row that answered for it
    yesterday, so that no prediction jumps overnight; with `popularity`, from the mean of the kept rows that were seen
    about as often today (within a factor of two, else those nearest to that), since the length of a row, and often
    its direction, goes with popularity.
    """
    rows: NDArray[np.float32] = old[change.oov]
    wanted = np.flatnonzero(change.source < 0)
    kept = change.first + np.flatnonzero(change.source[change.first :] >= 0)
    if new_rows == "oov" or not len(wanted) or not len(kept):
        return rows
    octaves = np.floor(np.log2(np.maximum(change.counts, 1))).astype(np.int64)
    levels, group = np.unique(octaves[kept], return_inverse=True)
    sums = np.zeros((len(levels), old.shape[1]))
    np.add.at(sums, group, old[change.source[kept]])
    means = sums / np.bincount(group)[:, np.newaxis]
    nearest = np.abs(octaves[wanted][:, np.newaxis] - levels).argmin(axis=1)
    rows[wanted] = means[nearest]
    return rows

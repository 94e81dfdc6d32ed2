"""What new rows start from, by hand."""

from __future__ import annotations

import numpy as np

from tfctr.training.growth.new_rows import started_rows
from tfctr.training.growth.vocabulary_change import VocabularyChange

# Yesterday: padding, one OOV row, values a, b, c. Today: a, x (new), c, y (new), z (new); b is gone.
OLD = np.array([[0, 0], [9, 9], [1, 2], [5, 5], [3, 8]], np.float32)
CHANGE = VocabularyChange(
    name="v",
    old_rows=5,
    source=np.array([0, 1, 2, -1, 4, -1, -1]),
    oov=np.array([0, 1, 2, 1, 4, 1, 1]),
    counts=np.array([0, 7, 100, 70, 3, 2, 1]),
    first=2,
)


def test_oov() -> None:
    rows = started_rows(OLD, CHANGE, "oov")
    assert rows.tolist() == [[0, 0], [9, 9], [1, 2], [9, 9], [3, 8], [9, 9], [9, 9]]


def test_popularity() -> None:
    # 70 is in the octave of 100, 64..127; 2 is in that of 3, 2..3; 1 is nearest to the latter.
    rows = started_rows(OLD, CHANGE, "popularity")
    assert rows.tolist() == [[0, 0], [9, 9], [1, 2], [1, 2], [3, 8], [3, 8], [3, 8]]


def test_popularity_takes_the_mean_of_an_octave() -> None:
    change = VocabularyChange("v", 5, CHANGE.source, CHANGE.oov, np.array([0, 7, 100, 70, 90, 2, 1]), 2)
    assert started_rows(OLD, change, "popularity")[3].tolist() == [2, 5]


def test_popularity_without_kept_values_is_oov() -> None:
    change = VocabularyChange("v", 5, np.array([0, 1, -1]), np.array([0, 1, 1]), np.array([0, 1, 5]), 2)
    assert started_rows(OLD, change, "popularity").tolist() == [[0, 0], [9, 9], [9, 9]]
    assert (change.kept, change.new, change.dropped) == (0, 1, 3)

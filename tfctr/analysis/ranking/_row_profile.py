"""What rows of each label look like as a whole: empty fields, zeros, long texts, characters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.analysis.ranking._fields import Column

LONG = 32
"""A text of more characters is long."""

ROWS = 32_768
"""Rows looked at, the first ones; the figures are averages, more rows change them little."""

FIGURES = ("empty", "zeros", "long", "character_entropy")


class RowProfile:
    """Per label, the mean number of empty fields, zeros and long texts a row, and the summed character entropy.

    A click log in which the two labels differ here was often put together from two sources.

    Source: instance ranking of OutRank's released code, which prints the distribution per label group.
    """

    def __init__(self) -> None:
        self.rows = np.zeros(2, dtype=np.int64)
        self._sums = np.zeros((2, len(FIGURES)))

    def update(self, columns: Mapping[str, Column], labels: np.ndarray) -> None:
        """Count a batch while fewer than `ROWS` rows were seen; `labels` is bool ``(rows,)``."""
        if self.rows.sum() >= ROWS:
            return
        figures = np.zeros((len(labels), len(FIGURES)))
        for column in columns.values():
            figures += _figures(column.values)[column.codes.values]
        for label in (0, 1):
            self.rows[label] += (labels == label).sum()
            self._sums[label] += figures[labels == label].sum(axis=0)

    def result(self) -> dict[str, dict[str, float]]:
        """Return label -> figure -> mean; labels without rows are left out."""
        found = {}
        for label in np.flatnonzero(self.rows):
            means = self._sums[label] / self.rows[label]
            found[str(label)] = dict(zip(FIGURES, (round(float(mean), 6) for mean in means), strict=True))
        return found


def _figures(values: pa.Array) -> np.ndarray:
    """`FIGURES` of each distinct value, ``(values, 4)``."""
    texts = pc.fill_null(values.cast(pa.string()), "")
    lengths = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
    zero = pc.is_in(texts, value_set=pa.array(["0", "0.0"])).to_numpy(zero_copy_only=False)
    return np.stack([lengths == 0, zero, lengths > LONG, _character_entropy(texts)], axis=1).astype(np.float64)


def _character_entropy(texts: pa.Array) -> np.ndarray:
    """Entropy, in nats, of the bytes of each text."""
    encoded = texts.to_pylist()
    return np.array([_entropy_of(text.encode("utf-8", "surrogatepass")) for text in encoded])


def _entropy_of(text: bytes) -> float:
    if not text:
        return 0.0
    counts = np.bincount(np.frombuffer(text, dtype=np.uint8))
    shares = counts[counts > 0] / len(text)
    return float(-(shares * np.log(shares)).sum())

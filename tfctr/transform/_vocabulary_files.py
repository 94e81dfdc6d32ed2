"""The files that learning leaves behind: vocabularies with training counts, and totals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfctr.spec import FeatureSpec, IdFeature, NumericFeature, Vocabulary

SPACE_CODE = "\x1f"
"""Stands for blanks and line ends inside a value in a vocabulary file, whose lines are ``count value``."""

TOTALS_NAME = "tfctr_totals"
"""Name of the file that holds the number of values each table was learned from."""

SCALES_NAME = "tfctr_label_scales"
"""Name of the file of the scales of regression tasks' labels."""

EMPTY_MARK = b"49d0cd50-04bb-48c0-bc6f-5b575dce351a"
"""The value of a vocabulary without values, as TFT has it: TensorFlow loads no empty file."""


def vocabulary_name(table: str) -> str:
    """Return the name of the file of a table's vocabulary."""
    return f"tfctr_vocabulary_{table}"


@dataclass(frozen=True)
class CountedFile:
    """A file of counted values.

    Args:
        name: Of the file.
        min_count: Values seen less often are left out.
        max_size: Values that are kept at most, the most frequent first; None for all.
    """

    name: str
    min_count: int = 1
    max_size: int | None = None


_CODED = bytes(ord(SPACE_CODE) if byte in b" \n\r" else byte for byte in range(256))


def coded(value: bytes) -> bytes:
    """Replace what would break the lines of a vocabulary file."""
    return value.translate(_CODED)


def vocabulary_text(counted: Iterable[tuple[int, bytes]], file: CountedFile) -> bytes:
    """Return a file's lines, ``count value``, the largest count first.

    Values of one count are ordered by their bytes, descending, as TFT orders them: the same rows give the same file.

    Args:
        counted: Number of seen values, and the value as `coded`; the empty one is none.
        file: What is kept of them.
    """
    kept = (pair for pair in counted if pair[1] and pair[0] >= file.min_count)
    lines = sorted(kept, reverse=True)[: file.max_size]
    return b"".join(b"%d %s\n" % line for line in lines or [(1, EMPTY_MARK)])


class CountedValues(NamedTuple):
    """A vocabulary: its values as text, and how often each was seen in training, int64 (values,)."""

    values: list[str]
    counts: np.ndarray


class VocabularyFiles:
    """Sizes, values and counts of the tables of a transform.

    Args:
        assets: Folder of the transform graph's assets.
        spec: The spec of the transform.
    """

    def __init__(self, assets: Path, spec: FeatureSpec):
        self._assets = assets
        self._spec = spec
        self._read: dict[str, CountedValues] = {}

    def rows(self) -> dict[str, int]:
        """Return the rows of every table, padding and out-of-vocabulary rows included."""
        return {table: self._rows(table) for table in self._spec.tables}

    def _rows(self, table: str) -> int:
        size = self._fixed_size(table)
        if size is not None:
            return 1 + size
        return 1 + self._settings(table).oov_buckets + len(self.learned(table).values)

    def learned(self, table: str) -> CountedValues:
        """Return the vocabulary of a table, most frequent value first.

        Raises:
            KeyError: For an unknown table.
            ValueError: For a table of hash or quantile buckets, which has no vocabulary.
            FileNotFoundError: When the transform output has no such vocabulary.
        """
        if table not in self._spec.tables:
            raise KeyError(f"no table {table!r}; tables: {', '.join(self._spec.tables)}")
        if self._fixed_size(table) is not None:
            raise ValueError(f"table {table!r} is made of hash or quantile buckets and has no vocabulary")
        if table not in self._read:
            self._read[table] = _read(self._assets / vocabulary_name(table))
        return self._read[table]

    def counts(self, table: str) -> np.ndarray:
        """Return how often each row of a table was met in training, int64 (rows,); see `TransformOutput`."""
        size = self._fixed_size(table)
        if size is not None:
            return np.concatenate([[0], _spread(self._totals.get(table, 0), size)])
        learned = self.learned(table)
        outside = max(self._totals.get(table, 0) - int(learned.counts.sum()), 0)
        return np.concatenate([[0], _spread(outside, self._settings(table).oov_buckets), learned.counts])

    @cached_property
    def _totals(self) -> dict[str, int]:
        """Number of values each table was learned from."""
        totals = _read(self._assets / TOTALS_NAME)
        return dict(zip(totals.values, totals.counts.tolist(), strict=True))

    def _settings(self, table: str) -> Vocabulary:
        owner = self._spec.feature(table)
        assert isinstance(owner, IdFeature)
        return owner.effective_vocabulary

    def _fixed_size(self, table: str) -> int | None:
        """Ids of a table that are known without data; None where a vocabulary is learned."""
        owner = self._spec.feature(table)
        if isinstance(owner, NumericFeature):
            return owner.buckets
        return owner.hash_buckets if isinstance(owner, IdFeature) else None


def _spread(total: int, buckets: int) -> np.ndarray:
    """Divide `total` over `buckets` as evenly as whole numbers allow."""
    shares = np.full(buckets, total // buckets, np.int64)
    shares[: total % buckets] += 1
    return shares


def _read(path: Path) -> CountedValues:
    """Read lines of ``count value``; values that are no UTF-8 keep their bytes as surrogates."""
    values, counts = [], []
    for line in path.read_bytes().split(b"\n"):
        count, _, value = line.partition(b" ")
        if value and value != EMPTY_MARK:
            values.append(value.decode("utf-8", "surrogateescape").replace(SPACE_CODE, " "))
            counts.append(round(float(count)))
    return CountedValues(values, np.array(counts, np.int64))

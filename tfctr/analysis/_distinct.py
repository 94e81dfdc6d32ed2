"""How many different values went by, in memory that does not grow with their number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

_HASH_SPACE = 2**64


class DistinctCounter:
    """Counts distinct texts: exactly up to `size`, beyond that with a relative error of about 1/sqrt(size).

    Keeps the `size` smallest 64-bit hashes. If the largest of them lies at the share s of the hash space, about
    size/s values went by (the k-minimum-values sketch).

    Args:
        size: Hashes kept; 4096 give 1.6 % error and at most 0.5 MB.

    Example:
        >>> counter = DistinctCounter()
        >>> counter.update(["a", "b", "a"])
        >>> counter.count
        2

    Reference: Bar-Yossef et al., "Counting Distinct Elements in a Data Stream", RANDOM 2002.
    """

    def __init__(self, size: int = 4096):
        self.size = size
        self._smallest: set[int] = set()
        self._threshold = _HASH_SPACE

    def update(self, values: Iterable[str]) -> None:
        """Count these values."""
        for value in values:
            digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            hashed = int.from_bytes(digest, "big")
            if hashed < self._threshold:
                self._smallest.add(hashed)
                if len(self._smallest) >= 2 * self.size:
                    self._shrink()

    def update_hashes(self, hashes: np.ndarray) -> None:
        """Count values by hashes made elsewhere, uint64 ``(n,)``; do not mix these with `update`."""
        news = hashes if self.exact else hashes[hashes < np.uint64(self._threshold)]
        for start in range(0, len(news), self.size):  # so that no more than 2 * size are ever kept
            self._smallest.update(news[start : start + self.size].tolist())
            if len(self._smallest) >= 2 * self.size:
                self._shrink()

    def _shrink(self) -> None:
        smallest = sorted(self._smallest)[: self.size]
        self._smallest = set(smallest)
        self._threshold = smallest[-1] + 1

    @property
    def exact(self) -> bool:
        """Whether `count` is not an estimate."""
        return self._threshold == _HASH_SPACE

    @property
    def count(self) -> int:
        """Number of distinct values."""
        if self.exact:
            return len(self._smallest)
        smallest = sorted(self._smallest)[: self.size]
        return round((self.size - 1) * _HASH_SPACE / smallest[-1])

    def share_within(self, other: DistinctCounter) -> float:
        """Share of these values that the other has counted, too; estimated where one of them is no longer exact."""
        threshold = min(self._threshold, other._threshold)
        mine = [hashed for hashed in self._smallest if hashed < threshold]
        return sum(hashed in other._smallest for hashed in mine) / len(mine) if mine else 0.0

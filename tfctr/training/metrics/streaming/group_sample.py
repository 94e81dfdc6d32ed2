"""Group metrics of a stream in any order: all rows while they fit, then all rows of a hashed sample of groups."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics._gauc import group_auc_mean
from tfctr.training.metrics.group_mean import GroupedResult, Weighting
from tfctr.training.metrics.metric_inputs import Floats, Rows, read_groups, read_rows
from tfctr.training.metrics.ranking import RankingResult, ranking_means

UInts = NDArray[np.uint64]


class GroupSample:
    """GAUC and ranking metrics of a stream whose groups come in any order, in bounded memory.

    A group is kept when its 64-bit hash is below `2^(64 - level)`. The level starts at 0 (all groups are kept and
    results are exact) and rises by one, halving the groups, whenever more than `max_rows` rows are held. A kept group
    is always whole, so the result is that of an unbiased random sample of groups, with a standard error
    (`GroupedResult.standard_error`). The final level depends only on the rows, not on their order or on how parts were
    merged, so results can be reproduced.

    Args:
        max_rows: Rows held, at 24 bytes each (96 MB by default; about three times that while sorting for a result).
            A single group of more rows than this cannot be kept.

    Raises:
        ValueError: max_rows is below 1.

    Example:
        >>> sample = GroupSample().add([1, 0, 1, 0], [0.9, 0.2, 0.4, 0.6], groups=["A", "A", "B", "B"])
        >>> sample.gauc().value, sample.gauc().sampled_share
        (0.5, 1.0)
    """

    def __init__(self, *, max_rows: int = 4_000_000) -> None:
        if max_rows < 1:
            raise ValueError(f"max_rows must be at least 1. Received: {max_rows}.")
        self.max_rows = max_rows
        self.level = 0
        self.rows_seen = 0
        self._parts: list[tuple[UInts, Floats, Floats]] = []  # hash, score, weight (negative for label 0)
        self._held = 0

    def add(
        self,
        labels: ArrayLike,
        probabilities: ArrayLike,
        groups: ArrayLike,
        weights: ArrayLike | None = None,
    ) -> GroupSample:
        """Add rows; arguments and errors as in `tfctr.training.metrics.gauc.gauc`."""
        keys = read_groups(groups, weights, len(np.atleast_1d(np.asarray(labels))))
        return self.add_rows(keys, read_rows(labels, probabilities, weights, probabilities=False))

    def add_rows(self, keys: NDArray[Any], rows: Rows) -> GroupSample:
        """Add rows already read."""
        self.rows_seen += len(keys)
        self._append(hash_groups(keys), rows.scores, np.where(rows.labels > 0, rows.weights, -rows.weights))
        return self

    def merge(self, other: GroupSample) -> GroupSample:
        """Add the rows of `other`; groups may be in both.

        Raises:
            ValueError: It has another `max_rows`.
        """
        if self.max_rows != other.max_rows:
            raise ValueError(f"Only samples of equal max_rows merge. Received: {self.max_rows} and {other.max_rows}.")
        self.rows_seen += other.rows_seen
        self._raise_level(max(self.level, other.level))
        for part in other._parts:
            self._append(*part)
        return self

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on elsewhere."""
        hashes, scores, weights = self._arrays()
        settings = np.array([self.max_rows, self.level, self.rows_seen], np.int64)
        return {"hashes": hashes, "scores": scores, "weights": weights, "settings": settings}

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> GroupSample:
        """The accumulator that gave this state."""
        max_rows, level, rows_seen = (int(value) for value in state["settings"])
        sample = cls(max_rows=max_rows)
        sample.level, sample.rows_seen = level, rows_seen
        sample._append(
            state["hashes"].astype(np.uint64),
            state["scores"].astype(np.float64),
            state["weights"].astype(np.float64),
        )
        return sample

    @property
    def sampled_share(self) -> float:
        """Expected share of groups that are held: 1 or a power of one half."""
        return float(2.0**-self.level)

    def gauc(
        self, *, weighting: Weighting = "impressions", min_rows: int = 1, max_rows: int | None = None
    ) -> GroupedResult:
        """GAUC of the groups held; arguments as in `tfctr.training.metrics.gauc.gauc`."""
        mean = group_auc_mean(*self._rows(), weighting, min_rows, max_rows)
        return mean.result(self.sampled_share)

    def ranking(self, k: int, *, weighting: Weighting = "uniform") -> RankingResult:
        """NDCG, recall and precision at k; arguments as in `tfctr.training.metrics.ranking.ranking_at_k`."""
        means = ranking_means(*self._rows(), k, weighting)
        return RankingResult(k, *(mean.result(self.sampled_share) for mean in means))

    def _rows(self) -> tuple[UInts, Rows]:
        hashes, scores, weights = self._arrays()
        return hashes, Rows((weights > 0).astype(np.float64), scores, np.abs(weights))

    def _arrays(self) -> tuple[UInts, Floats, Floats]:
        if len(self._parts) != 1:
            columns = zip(*self._parts, strict=True) if self._parts else ((), (), ())
            types = (np.uint64, np.float64, np.float64)
            joined = [np.concatenate([np.zeros(0, t), *c]) for t, c in zip(types, columns, strict=True)]
            self._parts = [(joined[0], joined[1], joined[2])]
        return self._parts[0]

    def _append(self, hashes: UInts, scores: Floats, weights: Floats) -> None:
        if self.level:
            kept = hashes < _bound(self.level)
            hashes, scores, weights = hashes[kept], scores[kept], weights[kept]
        if not len(hashes):
            return
        self._parts.append((hashes, scores, weights))
        self._held += len(hashes)
        if self._held > self.max_rows:
            hashes = self._arrays()[0]
            level = self.level
            while np.count_nonzero(hashes < _bound(level)) > self.max_rows:
                level += 1
            self._raise_level(level)

    def _raise_level(self, level: int) -> None:
        if level <= self.level:
            return
        self.level = level
        hashes, scores, weights = self._arrays()
        kept = hashes < _bound(level)
        self._parts = [(hashes[kept], scores[kept], weights[kept])]
        self._held = len(self._parts[0][0])


def _bound(level: int) -> np.uint64:
    """Hashes below this are kept; level 0 keeps all but the one highest hash in 2^64."""
    return np.uint64((1 << (64 - min(level, 64))) - 1)


def hash_groups(keys: NDArray[Any]) -> UInts:
    """Evenly spread 64-bit hash of each key, equal on every machine; integers never collide.

    Integers go through the finalizer of SplitMix64, which is one to one; text through BLAKE2b (of 10 million groups
    two share a hash with a probability of 3e-6).
    """
    if keys.dtype.kind in "iub":
        h = keys.astype(np.int64).view(np.uint64) if keys.dtype.kind != "u" else keys.astype(np.uint64)
        h = h + np.uint64(0x9E3779B97F4A7C15)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return h ^ (h >> np.uint64(31))
    if not len(keys):
        return np.zeros(0, np.uint64)
    unique, inverse = np.unique(keys, return_inverse=True)
    digests = (
        hashlib.blake2b(k if isinstance(k, bytes) else k.encode(), digest_size=8).digest() for k in unique.tolist()
    )
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)[inverse]

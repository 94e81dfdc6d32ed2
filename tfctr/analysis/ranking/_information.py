"""What one column of codes tells about another: mutual information, and how much of it is more than noise.

For a batch of n rows let n_v count the value v of X, n_vc the rows with value v and label c, and f(n) = n log n. Then
H(Y|X) = (sum_v f(n_v) - sum_vc f(n_vc)) / n, so every score here is a difference of sums over two contingency tables
and costs O(rows), whatever the number of values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

_DENSE = 8
"""Tables with at most so many cells a row are counted in place; larger ones by sorting their keys."""


@dataclass(frozen=True)
class Codes:
    """A column as numbers that stand for its values.

    Args:
        values: int64 ``(rows,)``, from 0 to below `size`, each of them taken. Numbered by first appearance, two
            columns that are the same but for the names of their values have the same codes.
        size: Number of values.
    """

    values: np.ndarray
    size: int

    @cached_property
    def counts(self) -> np.ndarray:
        """Rows of each value, int64 ``(size,)``."""
        return np.bincount(self.values, minlength=self.size)

    @cached_property
    def entropy(self) -> float:
        """H(X) in nats."""
        return _entropy(self.counts)

    def ordered(self, order: np.ndarray) -> Codes:
        """Return the rows in another order."""
        return Codes(self.values[order], self.size)

    def shifted_rows(self) -> NDArray[np.int64]:
        """Return, for every row, the row as many places further on as its value has rows: (row + n_v) mod n."""
        rows = len(self.values)
        shifted: NDArray[np.int64] = (np.arange(rows) + self.counts[self.values]) % rows
        return shifted


@dataclass(frozen=True)
class Information:
    """What a column X tells about a column Y, in nats.

    Args:
        mutual: Plain mutual information MI(X;Y) = H(Y) - H(Y|X); grows with the number of values of X.
        corrected: CC(X;Y) = H(Y'|X) - H(Y|X), near 0 for noise of any cardinality, below 0 by chance.
        balanced: MI(X;Y) - MI(X;Y') = CC(X;Y) + H(Y) - H(Y'). Ours: Y' is no permutation of Y, so its rate differs
            from that of Y by chance, and that difference alone moves CC by more than a weak field tells.
        shadow: CC of a label in random order: what CC is for a column that tells nothing but has exactly these counts.
            NaN when no order was given. `balanced_shadow` likewise.
        scale: About the standard deviation of CC for noise with these counts. `balanced_scale` likewise.
    """

    mutual: float
    corrected: float
    balanced: float
    shadow: float = float("nan")
    balanced_shadow: float = float("nan")
    scale: float = 0.0
    balanced_scale: float = 0.0


def information(x: Codes, y: Codes, shuffled: np.ndarray | None = None) -> Information:
    """Return what `x` tells about `y`.

    The noise label of the correction is Y' = Y[(row + n_v) mod n]: the rows of a value keep their pattern, moved on by
    the count of that value. So the noise has exactly the counts of X, and no random numbers are drawn. Rows must be in
    an order that says nothing about X and Y. Values that come once add nothing to either term. A column that equals the
    label but for names gets MI as CC.

    Args:
        x: The column.
        y: The label, of the same rows.
        shuffled: The label's codes in random order, for `Information.shadow`.

    Example:
        >>> x, y = np.array([1, 0, 0, 0, 1, 1, 1, 1]), np.array([1, 0, 0, 0, 1, 1, 1, 0])
        >>> found = information(Codes(x, 2), Codes(y, 2))
        >>> round(found.mutual, 6), round(found.corrected, 6)
        (0.380396, 0.107881)

    Reference: Skrlj and Mramor, "OutRank: Speeding up AutoML-based Model Search for Large Sparse Data sets with
    Cardinality-aware Feature Ranking", RecSys 2023, arXiv 2309.01552, and its released code. Taken differently: equal
    columns are found by comparing them (the code sums differences, which makes [0, 1] and [1, 0] equal), and there is
    no subsample of each value's rows: a batch is counted in linear time already.
    """
    rows = len(x.values)
    joint = _joint(x, y.values, y.size)
    mutual = y.entropy - float(_n_log_n(rows)[x.counts].sum() - joint) / rows
    noise_label = y.values[x.shifted_rows()]
    noise = _joint(x, noise_label, y.size)
    balance = y.entropy - _entropy(np.bincount(noise_label))
    same = np.array_equal(x.values, y.values)
    corrected, balanced = (mutual, mutual) if same else ((joint - noise) / rows, (joint - noise) / rows + balance)
    shadow = float("nan") if shuffled is None else (_joint(x, shuffled, y.size) - noise) / rows
    balanced_scale = _scale(x, y)
    scale = float(np.hypot(balanced_scale, _entropy_deviation(y)))
    return Information(mutual, corrected, balanced, shadow, shadow + balance, scale, balanced_scale)


def cross(*columns: Codes) -> Codes:
    """Return the column whose values are the combinations of values that occur.

    Codes are combined, not texts, so that ("1", "23") and ("12", "3") stay apart.
    """
    made = columns[0]
    for column in columns[1:]:
        made = _compact(made.values * column.size + column.values, made.size * column.size)
    return made


def is_renaming(x: Codes, y: Codes) -> bool:
    """Whether each value of `x` goes with one value of `y` and the other way round."""
    return x.size == y.size == cross(x, y).size


def _scale(x: Codes, y: Codes) -> float:
    """Standard deviation of MI(X;Y) - MI(X;Y') when X tells nothing.

    Twice n times a mutual information of nothing is chi-squared with (values - 1)(classes - 1) degrees of freedom,
    values that come once not counted: its variance is twice that, and there are two of them.
    """
    freedom = max(int((x.counts > 1).sum()) - 1, 0) * (y.size - 1)
    return float(np.sqrt(freedom) / len(x.values))


def _entropy_deviation(y: Codes) -> float:
    """Standard deviation of the entropy of as many labels drawn at random: sqrt((sum p log^2 p - H^2) / n)."""
    shares = y.counts / len(y.values)
    variance = float((shares * np.log(shares) ** 2).sum()) - y.entropy**2
    return float(np.sqrt(max(variance, 0.0) / len(y.values)))


def _joint(x: Codes, y: np.ndarray, y_size: int) -> float:
    """Sum of f(n_vc) over the contingency table of two columns."""
    keys = x.values * y_size + y
    rows = len(keys)
    if x.size * y_size <= _DENSE * rows:
        return float(_n_log_n(rows)[np.bincount(keys)].sum())
    keys.sort()
    ends = np.flatnonzero(np.concatenate([keys[1:] != keys[:-1], [True]]))
    return float(_n_log_n(rows)[np.diff(ends, prepend=-1)].sum())


def _compact(keys: np.ndarray, size: int) -> Codes:
    """Number the keys that occur, from 0 on."""
    if size > _DENSE * len(keys):
        known, values = np.unique(keys, return_inverse=True)
        return Codes(values, len(known))
    seen = np.zeros(size, dtype=bool)
    seen[keys] = True
    numbers = np.cumsum(seen) - 1
    return Codes(numbers[keys], int(numbers[-1]) + 1)


def _entropy(counts: np.ndarray) -> float:
    """Entropy, in nats, of a value with these counts."""
    rows = int(counts.sum())
    table = _n_log_n(rows)
    return float((table[rows] - table[counts].sum()) / rows)


@lru_cache(maxsize=4)
def _n_log_n(rows: int) -> np.ndarray:
    """f(n) for n from 0 to `rows`, float64."""
    counts = np.arange(rows + 1, dtype=np.float64)
    counts[1:] *= np.log(counts[1:])
    counts.setflags(write=False)
    return counts

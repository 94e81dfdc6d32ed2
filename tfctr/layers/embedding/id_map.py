"""Which row of a smaller table each id has: learned from data or drawn, always written down."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.layers.embedding._hashing import hashed_rows


@dataclass(frozen=True, eq=False)
class IdMap:
    """The row, or the rows that are summed, of every id of a vocabulary.

    Row 0 is the padding's alone. Ids of which nothing is known (see `grouped`) have the out-of-vocabulary row.

    Args:
        row_indices: Rows of each id, int32 ``(ids, codes)``. The first code of every id but padding is above 0; 0 as a
            later code means that there is none.
        rows: Rows of the table, padding's included.

    Raises:
        ValueError: When row_indices and rows do not fit each other.

    Example:
        >>> shared = IdMap.grouped([-1, -1, 7, 7, 3, -1])  # padding, out of vocabulary, four values
        >>> shared.row_indices[:, 0].tolist(), shared.rows
        ([0, 1, 3, 3, 2, 1], 4)
    """

    row_indices: NDArray[np.int32]
    rows: int

    def __post_init__(self) -> None:
        indices = np.asarray(self.row_indices)
        if indices.ndim != 2 or indices.shape[0] < 2 or not np.issubdtype(indices.dtype, np.integer):
            raise ValueError(f"row_indices are integers (ids, codes). Received: {indices.dtype} {indices.shape}")
        if indices.min() < 0 or indices.max() >= self.rows or indices[0].any() or not indices[1:, 0].all():
            raise ValueError(
                f"row_indices lie in [1, {self.rows}), and in row 0 those of padding. Received: padding "
                f"{indices[0].tolist()}, first codes {indices[1:, 0].min()} to {indices[1:, 0].max()}, codes up to "
                f"{indices.max()}"
            )
        object.__setattr__(self, "row_indices", indices.astype(np.int32))

    @classmethod
    def grouped(cls, groups: ArrayLike, *, reserved: int = 2) -> IdMap:
        """Return the map in which the ids of one group share a row.

        Args:
            groups: Group of each id of a vocabulary, integers ``(ids,)``; negative for an id of which nothing is
                known, as one without an edge in a graph.
            reserved: First ids that are no values: padding, then the out-of-vocabulary ids, which keep a row each.
                Ids without a group share the first of those: what was never seen and what says nothing are alike.

        Raises:
            ValueError: When there is no id behind the reserved ones.
        """
        numbers = np.asarray(groups)
        values = np.arange(len(numbers)) >= _checked(reserved, len(numbers))
        known = values & (numbers >= 0)
        names, rows = np.unique(numbers[known], return_inverse=True)
        row_indices = np.where(values, 1, np.arange(len(numbers)))
        row_indices[known] = reserved + rows
        return cls(row_indices[:, None], reserved + len(names))

    @classmethod
    def modulo(cls, ids: int, shared: int, *, reserved: int = 2) -> IdMap:
        """Return the map of `ids` ids whose n-th value has the shared row ``n mod shared``.

        Args:
            ids: Ids of the vocabulary, padding included.
            shared: Rows that its values share, at least 1.
            reserved: As in `grouped`.
        """
        if shared < 1:
            raise ValueError(f"values share at least one row. Received: {shared}")
        return cls.grouped((np.arange(ids) - _checked(reserved, ids)) % shared, reserved=reserved)

    def doubled(self, *, reserved: int = 2, salt: int = 0) -> IdMap:
        """Return this map with a second code: a hash of the id into the rows that groups have.

        The sum of both rows tells ids of one group apart. Ids without a group keep the one row that they have.
        """
        numbers = np.arange(len(self.row_indices))
        hashed = reserved + np.asarray(hashed_rows(numbers, max(1, self.rows - reserved), salt))
        second = np.where(self.row_indices[:, 0] >= reserved, hashed, 0)
        return IdMap(np.column_stack([self.row_indices[:, 0], second]), self.rows)

    def shuffled(self, *, reserved: int = 2, seed: int = 0) -> IdMap:
        """Return a map with as many ids in each row, but others: what is left of this one when it says nothing."""
        order = np.arange(len(self.row_indices))
        np.random.default_rng(seed).shuffle(order[reserved:])
        return IdMap(self.row_indices[order], self.rows)

    @property
    def ids(self) -> int:
        """Ids of the vocabulary, padding included."""
        return len(self.row_indices)

    def to_config(self) -> dict[str, Any]:
        """Return a plain form, small and exact."""
        packed = base64.b64encode(zlib.compress(np.ascontiguousarray(self.row_indices, "<i4").tobytes())).decode()
        return {"rows": self.rows, "codes": self.row_indices.shape[1], "places": packed}

    @classmethod
    def coerce(cls, value: IdMap | dict[str, Any]) -> IdMap:
        """Return a map, or the one whose plain form this is."""
        if isinstance(value, IdMap):
            return value
        numbers = np.frombuffer(zlib.decompress(base64.b64decode(value["places"])), "<i4")
        return cls(numbers.reshape(-1, value["codes"]), value["rows"])


def _checked(reserved: int, ids: int) -> int:
    if not 2 <= reserved < ids:
        raise ValueError(
            f"reserved ids are padding and at least one for what is out of vocabulary, and values follow. Received: "
            f"reserved={reserved} of {ids} ids"
        )
    return reserved

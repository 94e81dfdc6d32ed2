"""A table of which most numbers are zero, and only the others are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from tfctr.layers.embedding._gather import gather_rows
from tfctr.layers.embedding._precision import bytes_of_rows
from tfctr.layers.embedding._ranked_bits import (
    BLOCK,
    add_ranked_bits,
    bytes_of,
    mask_of,
    ranked,
    set_ranked_bits,
    unpacked,
)
from tfctr.layers.embedding.full_table import plain_table
from tfctr.layers.embedding.table import EmbeddingTable

_WIDEST = 1024
"""Where a row begins is 2 bytes, counted from the first of 64 rows."""


@keras.saving.register_keras_serializable(package="tfctr")
class SparseTable(EmbeddingTable):
    """Rows of which single numbers are kept, in memory, on disk and when served.

    The kept numbers stand one after the other. A row without any costs a bit and a half. One that has some costs a bit
    a dimension for where they stand, and 2 bytes for where they begin. A look-up is of fixed shape, whatever a row has.
    Kept numbers train; which ones are kept is fixed by `keep`. Without it the first rows are kept whole.

    A table of width 1 is a plain one (`sized`), as a linear part wants.

    Args:
        rows, dim, initializer, penalty: See `EmbeddingTable`.
        entries: Numbers that are kept; None keeps all. Of a template also by vocabulary, as a table may hold several.
        kept: Rows that have any, as `entries`.

    Raises:
        ValueError: When there are more numbers than the kept rows can have, or fewer than rows.

    Reference: the sparse tables of Cheng, Shen, Huang, "Differentiable Neural Input Search for Recommender Systems",
    arXiv 2006.04466; there as rows of (index, value) pairs.
    """

    def __init__(
        self,
        rows: int | None = None,
        dim: int | None = None,
        *,
        entries: int | dict[str, int] | None = None,
        kept: int | dict[str, int] | None = None,
        **kwargs: Any,
    ):
        super().__init__(rows, dim, **kwargs)
        self.entries, self.kept = entries, kept
        if rows is not None and dim is not None:
            if dim > _WIDEST:
                raise ValueError(f"a row of a SparseTable has at most {_WIDEST} numbers. Received: dim={dim}")
            held, numbers = self._kept_rows, self._numbers
            if not (0 <= held < rows and held <= numbers <= held * dim):
                raise ValueError(
                    f"{held} kept of {rows} rows of {dim}, one of them padding, cannot have {numbers} numbers"
                )
        if self.precision == "int4":
            raise ValueError("single numbers have no neighbour to share a byte with; keep them in int8")

    @property
    def _kept_rows(self) -> int:
        assert not isinstance(self.kept, dict), "a template by vocabulary has no size"
        return self.size[0] - 1 if self.kept is None else self.kept

    @property
    def _numbers(self) -> int:
        assert not isinstance(self.entries, dict), "a template by vocabulary has no size"
        return self._kept_rows * self.size[1] if self.entries is None else self.entries

    def for_vocabularies(self, names: Iterable[str]) -> EmbeddingTable:
        if not isinstance(self.entries, dict) or not isinstance(self.kept, dict):
            return self
        names = tuple(names)
        sizes = {"entries": sum(self.entries[n] for n in names), "kept": sum(self.kept[n] for n in names)}
        known: EmbeddingTable = type(self).from_config({**self.get_config(), **sizes})
        return known

    def sized(self, rows: int, dim: int, name: str) -> EmbeddingTable:
        return super().sized(rows, dim, name) if dim > 1 else plain_table(self, rows, dim, name)

    def weight_shapes(self) -> dict[str, tuple[int, int]]:
        return {"numbers": (self._numbers + 1, 1)}

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        rows, dim = self.size
        self.numbers = self.add_rows("numbers", self.weight_shapes()["numbers"], self.initializer)
        mask = np.zeros((rows, dim), bool)
        mask[1 : 1 + self._kept_rows] = _filled(self._kept_rows, dim, self._numbers)
        there = np.any(mask, axis=1, keepdims=True)[:, 0]
        self.bits, self.before = add_ranked_bits(self, "kept", there)
        for name, values in _directory(mask[there]).items():
            weight = self.add_weight(
                name=name,
                shape=values.shape,
                initializer=lambda shape, dtype=None, values=values: ops.convert_to_tensor(values, dtype),
                dtype=values.dtype.name,
                trainable=False,
                autocast=False,
            )
            setattr(self, name, weight)

    def vectors(self, ids: Any) -> Any:
        dim = self.size[1]
        there, row = ranked(self.bits, self.before, ids)  # (...) both
        row = ops.where(there, row, 0)
        bits = unpacked(gather_rows(self.columns, row))[..., :dim]  # (..., dim) of 0 and 1
        bits = bits * ops.cast(ops.expand_dims(there, -1), bits.dtype)
        first = gather_rows(self.starts, ops.floor_divide(row, BLOCK)) + ops.cast(
            gather_rows(self.offsets, row), "int32"
        )
        place = ops.expand_dims(first, -1) + ops.cumsum(bits, axis=-1)  # of a kept number; row 0 is nobody's
        numbers = self.take_rows(self.numbers, ops.where(bits > 0, place, 0))[..., 0]  # (..., dim)
        return numbers * ops.cast(bits, numbers.dtype)

    def keep(self, mask: np.ndarray, rows: np.ndarray | None = None) -> None:
        """Say which numbers are kept, and what they are.

        Args:
            mask: bool ``(rows, dim)``, as many True as `entries`, in as many rows as `kept`; none of the padding.
            rows: ``(rows, dim)``, of which the kept numbers are taken; None leaves them as they are.

        Raises:
            ValueError: When other numbers of rows or entries are kept, or the padding is.
        """
        there = np.any(mask, axis=1, keepdims=True)[:, 0]
        if there[0] or int(there.sum()) != self._kept_rows or int(mask.sum()) != self._numbers:
            raise ValueError(
                f"this table keeps {self._numbers} numbers in {self._kept_rows} rows and not the padding. Received: "
                f"{int(mask.sum())} in {int(there.sum())}"
            )
        set_ranked_bits(self.bits, self.before, there)
        for name, values in _directory(mask[there]).items():
            getattr(self, name).assign(values)
        if rows is not None:
            self.numbers.assign(np.concatenate([np.zeros(1, rows.dtype), rows[mask]])[:, None])

    def kept_ids(self) -> np.ndarray:
        """Return which ids have any number, bool ``(rows,)``."""
        return mask_of(self.bits, self.size[0])

    def kept_numbers(self) -> np.ndarray:
        """Return which numbers are kept, bool ``(rows, dim)``."""
        rows, dim = self.size
        mask = np.zeros((rows, dim), bool)
        columns = np.unpackbits(ops.convert_to_numpy(self.columns), axis=1, bitorder="little")[:, :dim]
        mask[self.kept_ids()] = columns[: self._kept_rows]
        return mask

    def serving_bytes(self) -> int:
        """Bytes of the numbers and of what says where they stand; the table need not be built."""
        rows, dim = self.size
        held = max(self._kept_rows, 1)
        directory = held * (-(-dim // 8) + 2) + 4 * -(-held // BLOCK)
        return bytes_of_rows(self._numbers + 1, 1, self.precision) + bytes_of(rows) + directory


def _filled(rows: int, dim: int, numbers: int) -> np.ndarray:
    """A mask ``(rows, dim)`` of so many numbers, one in each row at least."""
    each = np.full(rows, numbers // rows if rows else 0)
    each[: numbers - each.sum()] += 1
    return np.arange(dim) < each[:, None]


def _directory(mask: np.ndarray) -> dict[str, np.ndarray]:
    """Where the numbers of kept rows stand: which columns, and where the first one is. Of no row one empty row."""
    mask = mask if len(mask) else np.zeros((1, mask.shape[1]), bool)
    counts = mask.sum(axis=1)
    first = np.cumsum(counts) - counts
    starts = first[::BLOCK]
    return {
        "columns": np.packbits(mask, axis=1, bitorder="little"),
        "starts": starts.astype("int32"),
        "offsets": (first - np.repeat(starts, BLOCK)[: len(first)]).astype("uint16"),
    }

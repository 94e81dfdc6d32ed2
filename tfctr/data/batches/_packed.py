"""Tensors of one dtype side by side in one matrix: a batch is then one gather a dtype, not one a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfctr.spec import TensorInfo


@dataclass(frozen=True)
class Layout:
    """Where each tensor stands in the matrix of its dtype: single numbers first, then lists and vectors.

    Attributes:
        scalars: dtype -> names of the tensors with one number a row, in the order of their columns.
        wide: dtype -> names and widths of the tensors with several, in the order of their columns.
    """

    scalars: Mapping[str, tuple[str, ...]]
    wide: Mapping[str, tuple[tuple[str, int], ...]]

    @classmethod
    def from_infos(cls, infos: Sequence[TensorInfo]) -> Layout:
        """Return the layout of tensors of a spec."""
        dtypes = dict.fromkeys(info.dtype for info in infos)
        return cls(
            {dtype: tuple(i.name for i in infos if i.dtype == dtype and not i.shape) for dtype in dtypes},
            {dtype: tuple((i.name, i.shape[0]) for i in infos if i.dtype == dtype and i.shape) for dtype in dtypes},
        )

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each matrix, by dtype."""
        return {
            dtype: len(names) + sum(width for _, width in self.wide[dtype]) for dtype, names in self.scalars.items()
        }

    @property
    def bytes_per_row(self) -> int:
        """Memory of one row, all matrices together."""
        return sum(width * np.dtype(dtype).itemsize for dtype, width in self.widths.items())

    def pack(self, arrays: Mapping[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
        """Return the arrays as one matrix ``(rows, width)`` a dtype."""
        matrices = {dtype: np.empty((rows, width), dtype) for dtype, width in self.widths.items()}
        for dtype, matrix in matrices.items():
            for column, name in enumerate(self.scalars[dtype]):
                matrix[:, column] = arrays[name]
            start = len(self.scalars[dtype])
            for name, width in self.wide[dtype]:
                matrix[:, start : start + width] = arrays[name]
                start += width
        return matrices

    def unpack(self, matrices: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return the tensors of a batch by name: scalars ``(batch,)``, others ``(batch, width)``."""
        tensors: dict[str, tf.Tensor] = {}
        for dtype, matrix in matrices.items():
            names = self.scalars[dtype]
            if names:
                columns = tf.unstack(matrix[:, : len(names)], num=len(names), axis=1)
                tensors.update(zip(names, columns, strict=True))
            start = len(names)
            for name, width in self.wide[dtype]:
                tensors[name] = matrix[:, start : start + width]
                start += width
        return tensors

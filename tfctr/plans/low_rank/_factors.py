"""A map or a table in two thin factors: by its outputs, or by its weights alone."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

Method = Literal["outputs", "weights"]
"""Atomic feature mimicking keeps the directions in which outputs vary; plain SVD those of the largest weights."""


class MapFactors(NamedTuple):
    """``y = (x · inner + inner_bias) · outer + outer_bias``, all float32."""

    inner: np.ndarray
    inner_bias: np.ndarray
    outer: np.ndarray
    outer_bias: np.ndarray


class TableFactors(NamedTuple):
    """``row = code · expansion + mean``, all float32: ``(rows, rank)``, ``(rank, dim)`` and ``(dim,)``."""

    codes: np.ndarray
    expansion: np.ndarray
    mean: np.ndarray


def directions(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the variances ``(dim,)`` along principal directions, largest first, and them as columns ``(dim, dim)``."""
    values, vectors = np.linalg.eigh(covariance)
    return np.maximum(values[::-1], 0), vectors[:, ::-1]


def map_by_outputs(kernel: np.ndarray, bias: np.ndarray, mean: np.ndarray, basis: np.ndarray) -> MapFactors:
    """Return the map followed by the projection of its outputs on a basis, around their mean.

    Over the data that gave mean and basis the mean squared difference is the variance along the directions left out,
    the least that any map of this rank has.

    Args:
        kernel: Of the map, ``(width, units)``.
        bias: Of the map, ``(units,)``.
        mean: Of its outputs, ``(units,)``.
        basis: Principal directions of its outputs, ``(units, rank)``.
    """
    return MapFactors(*_floats(kernel @ basis, bias @ basis, basis.T, mean - mean @ basis @ basis.T))


def map_by_weights(kernel: np.ndarray, bias: np.ndarray, rank: int) -> MapFactors:
    """Return the kernel's truncated singular value decomposition, and the bias as it is."""
    left, sizes, right = np.linalg.svd(kernel.astype(np.float64), full_matrices=False)  # (width, r), (r,), (r, units)
    return MapFactors(*_floats(left[:, :rank] * sizes[:rank], np.zeros(rank), right[:rank], bias))


def table_moments(rows: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean ``(dim,)`` and covariance of a table's vectors as the data look them up.

    Args:
        rows: ``(rows, dim)``, padding first.
        counts: How often each id occurs, ``(rows,)``; when none does, all count alike.
    """
    counts = np.where(np.arange(len(rows)) > 0, counts, 0).astype(np.float64)
    if not counts.any():
        counts[1:] = 1
    shares, rows = counts / counts.sum(), rows.astype(np.float64)
    mean = shares @ rows  # (dim,)
    centred = rows - mean  # (rows, dim)
    return mean, (centred * shares[:, np.newaxis]).T @ centred  # (dim, dim)


def table_by_outputs(rows: np.ndarray, mean: np.ndarray, basis: np.ndarray) -> TableFactors:
    """Return the codes of the rows around the mean in a basis ``(dim, rank)``."""
    return TableFactors(*_floats((rows - mean) @ basis, basis.T, mean))


def table_by_weights(rows: np.ndarray, rank: int) -> TableFactors:
    """Return the table's truncated singular value decomposition; every row counts alike."""
    left, sizes, right = np.linalg.svd(rows.astype(np.float64), full_matrices=False)  # (rows, dim), (dim,), (dim, dim)
    return TableFactors(*_floats(left[:, :rank] * sizes[:rank], right[:rank], np.zeros(rows.shape[1])))


def table_factors(rows: np.ndarray, counts: np.ndarray, rank: int, method: Method) -> TableFactors:
    """Return a table's factors; those of a lower rank are the first codes and rows of those of a higher one.

    Args:
        rows: ``(rows, dim)``, padding first.
        counts: How often each id occurs, ``(rows,)``.
        rank: Numbers in a code.
        method: See `Method`.
    """
    if method == "weights":
        return table_by_weights(rows, rank)
    mean, covariance = table_moments(rows, counts)
    return table_by_outputs(rows, mean, directions(covariance)[1][:, :rank])


def _floats(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(array.astype(np.float32) for array in arrays)

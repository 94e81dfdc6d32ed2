"""Which of many positions are set, and how many are set before each: 1.5 bits a position."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

BLOCK = 64
"""Positions that share one count of what comes before them."""


def shapes_of(size: int) -> tuple[tuple[int, int], tuple[int]]:
    """Return the shapes of the bits, uint8, and of the counts, int32, for so many positions."""
    blocks = -(-size // BLOCK)
    return (blocks, BLOCK // 8), (blocks,)


def bytes_of(size: int) -> int:
    """Return the bytes of bits and counts."""
    (blocks, width), _ = shapes_of(size)
    return blocks * (width + 4)


def packed(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bits and counts of a mask ``(size,)``."""
    (blocks, width), _ = shapes_of(len(mask))
    padded = np.zeros(blocks * BLOCK, bool)
    padded[: len(mask)] = mask
    bits = np.packbits(padded.reshape(blocks, BLOCK), axis=1, bitorder="little")
    sums = padded.reshape(blocks, BLOCK).sum(axis=1)
    return bits.reshape(blocks, width), (np.cumsum(sums) - sums).astype("int32")


def add_ranked_bits(layer: Any, name: str, mask: np.ndarray) -> tuple[Any, Any]:
    """Give a layer bits and counts of a mask as weights that are not trained; they keep their whole numbers."""
    weights = []
    for part, values in zip((f"{name}_bits", f"{name}_before"), packed(mask), strict=True):
        weights.append(
            layer.add_weight(
                name=part,
                shape=values.shape,
                initializer=lambda shape, dtype=None, values=values: ops.convert_to_tensor(values, dtype),
                dtype=values.dtype.name,
                trainable=False,
                autocast=False,
            )
        )
    return weights[0], weights[1]


def set_ranked_bits(bits: Any, before: Any, mask: np.ndarray) -> None:
    """Write another mask of the same size."""
    for weight, values in zip((bits, before), packed(mask), strict=True):
        weight.assign(values)


def mask_of(bits: Any, size: int) -> np.ndarray:
    """Return the mask ``(size,)``."""
    return np.unpackbits(np.asarray(bits), axis=1, bitorder="little").reshape(-1)[:size].astype(bool)


def unpacked(bits: Any) -> Any:
    """Return bytes ``(..., width)`` as numbers 0 and 1, int32 ``(..., 8 · width)``, the lowest bit first."""
    powers = np.array([1, 2, 4, 8, 16, 32, 64, 128], "int32")
    # Division and remainder, not shifts: every format that a model is exported to knows them.
    spread = ops.floor_divide(ops.expand_dims(ops.cast(bits, "int32"), -1), powers)  # (..., width, 8)
    return ops.reshape(ops.mod(spread, 2), (*ops.shape(bits)[:-1], 8 * bits.shape[-1]))


def ranked(bits: Any, before: Any, positions: Any) -> tuple[Any, Any]:
    """Return whether positions are set, bool, and how many positions before them are, int32; both of their shape.

    Args:
        bits: What `packed` gave, a tensor or variable.
        before: Its counts, likewise.
        positions: Integers of any shape, in ``[0, size)``.
    """
    positions = ops.cast(positions, "int32")
    blocks = ops.floor_divide(positions, BLOCK)
    place = ops.expand_dims(ops.mod(positions, BLOCK), -1)  # (..., 1)
    block_bits = unpacked(ops.take(ops.convert_to_tensor(bits), blocks, axis=0))  # (..., 64)
    columns = np.arange(BLOCK, dtype="int32")
    here = ops.sum(block_bits * ops.cast(ops.equal(columns, place), "int32"), axis=-1)
    earlier = ops.sum(block_bits * ops.cast(ops.less(columns, place), "int32"), axis=-1)
    return here > 0, ops.take(ops.convert_to_tensor(before), blocks, axis=0) + earlier

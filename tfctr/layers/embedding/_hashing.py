"""A hash of integer ids that gives the same rows on every backend."""

from __future__ import annotations

from typing import Any

from keras import ops

_MULTIPLIERS = (0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F)
"""Odd 32-bit constants that spread consecutive ids; a salt picks one and an offset."""


def hashed_rows(ids: Any, size: int, salt: int = 0) -> Any:
    """Return a row in ``[0, size)`` for each id.

    Multiply, fold and multiply again in unsigned 32 bits, which every backend has (JAX keeps no 64-bit
    integers by default). Ids that agree in their low 32 bits share a row.

    Args:
        ids: Integer tensor.
        size: Number of rows, in ``[1, 2**31)``.
        salt: Picks the function.

    Returns:
        int32 tensor of the shape of `ids`.
    """
    state = ops.cast(ids, "uint32") + ops.cast((0x632BE59B * (salt + 1)) % 2**32, "uint32")
    for multiplier in (_MULTIPLIERS[salt % 4], _MULTIPLIERS[(salt + 1) % 4]):
        state = state * ops.cast(multiplier, "uint32")
        state = ops.bitwise_xor(state, ops.right_shift(state, ops.cast(15, "uint32")))
    return ops.cast(ops.mod(state, ops.cast(size, "uint32")), "int32")  # of the shape of ids

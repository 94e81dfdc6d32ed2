"""Rows of one group put together in blocks, so that each block meets the weights of its group alone.

Every shape follows from the size of the batch and the number of groups, never from how the rows fall: the same graph
compiles for JAX and XLA, and runs where no ragged operation does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from tfctr.layers._base import Tensor

LEAST_ROWS = 8
"""Rows of a block, at least: fewer make poor matrix products."""

BLOCKS_A_SHARE = 3
"""Full blocks that an even share of the batch fills. More copy weights more often, fewer compute more padding."""


class RowBlocks(NamedTuple):
    """Where the rows of a batch stand among the blocks.

    Attributes:
        place: Place of each row among the rows of all blocks, int32 ``(batch,)``.
        owner: Group of each block, int32 ``(blocks,)``; a block without rows has any.
        shape: Number of blocks, and rows of each.
    """

    place: Tensor
    owner: Tensor
    shape: tuple[Any, Any]


def row_blocks(groups: Tensor, count: int) -> RowBlocks:
    """Lay the rows of each group into blocks that no other group shares.

    The blocks hold at most ``4/3 · batch + 8 · count`` rows, padding included, and are at most 4 a group.

    Args:
        groups: Group of each row, int32 ``(batch,)``, in ``[0, count)``.
        count: Number of groups.
    """
    batch = ops.shape(groups)[0]
    rows = LEAST_ROWS + batch // (BLOCKS_A_SHARE * count)
    blocks = _smaller(batch, batch // rows + count)  # each group has at most one block that is not full
    member = ops.cast(ops.equal(ops.expand_dims(groups, 1), ops.arange(count, dtype="int32")), "int32")
    rank = ops.sum(member * ops.cumsum(member, axis=0), axis=1) - 1  # place within the group, (batch,)
    ends = ops.cumsum((ops.sum(member, axis=0) + rows - 1) // rows)  # blocks up to the end of each group, (count,)
    begins = ops.concatenate([ops.zeros((1,), "int32"), ends[:-1]], axis=0)
    place = ops.take(begins, groups, axis=0) * rows + rank
    behind = ops.cast(ops.expand_dims(ops.arange(blocks, dtype="int32"), 1) >= ends, "int32")  # (blocks, count)
    owner = ops.minimum(ops.sum(behind, axis=1), count - 1)
    return RowBlocks(place, owner, (blocks, rows))


def to_blocks(inputs: Tensor, blocks: RowBlocks) -> Tensor:
    """Return rows ``(batch, width)`` in their blocks, ``(blocks, rows, width)``, zeros between them."""
    number, rows = blocks.shape
    flat = ops.scatter(ops.expand_dims(blocks.place, 1), inputs, (number * rows, inputs.shape[1]))
    return ops.reshape(flat, (number, rows, inputs.shape[1]))


def from_blocks(outputs: Tensor, blocks: RowBlocks) -> Tensor:
    """Return ``(blocks, rows, units)`` in the order of the batch, ``(batch, units)``."""
    return ops.take(ops.reshape(outputs, (-1, outputs.shape[2])), blocks.place, axis=0)


def take_groups(weight: keras.Variable, groups: Tensor) -> Tensor:
    """Return a weight ``(groups, ...)`` of these groups, ``(n, ...)``; its gradient is dense.

    What has a gradient by rows would be summed row by row, which Keras' own optimizers do inexactly.
    """
    shape = tuple(weight.shape[1:])
    flat = ops.reshape(weight, (weight.shape[0], -1))  # no copy; takes a sparse gradient back as a dense one
    return ops.reshape(ops.take(flat, groups, axis=0), (-1, *shape))


def _smaller(one: Any, other: Any) -> Any:
    """The smaller of two sizes: numbers stay numbers, for shapes are made of them."""
    if ops.is_tensor(one):
        return ops.minimum(one, other)
    return min(one, other) if isinstance(one, int) else other  # JAX asks what shapes are, with a size that is none

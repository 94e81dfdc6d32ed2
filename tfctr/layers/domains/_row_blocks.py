"""Rows of one group put together, so that they meet the weights of their group and no others.

In blocks every shape follows from the size of the batch and the number of groups, never from how the rows fall: that
compiles for JAX and XLA. A plain graph of TensorFlow, as it is trained and served, may leave away what is not needed:
blocks without rows, or blocks altogether.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from tfctr.layers._base import Tensor

LEAST_ROWS = 32
"""Rows of a block, at least. To copy a kernel for a block takes about as long as to multiply so many rows by it."""

BLOCKS_A_SHARE = 3
"""Full blocks that an even share of the batch fills. More copy weights more often, fewer compute more padding."""


class RowBlocks(NamedTuple):
    """Where the rows of a batch stand among the blocks.

    Attributes:
        place: Place of each row among the rows of all blocks, int32 ``(batch,)``.
        owner: Group of each block, int32 ``(blocks,)``; a block without rows has any.
        shape: Number of blocks, and rows of each.
        used: How many blocks have rows; they come first.
    """

    place: Tensor
    owner: Tensor
    shape: tuple[Any, Any]
    used: Tensor

    def trimmed(self) -> RowBlocks:
        """The same without blocks that have no rows: their number is then not known before there are rows."""
        return self._replace(owner=self.owner[: self.used])


def row_blocks(groups: Tensor, count: int) -> RowBlocks:
    """Lay the rows of each group into blocks that no other group shares.

    The blocks hold at most ``4/3 · batch + 32 · count`` rows, padding included, and are at most 4 a group.

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
    return RowBlocks(place, owner, (blocks, rows), ends[-1])


def to_blocks(inputs: Tensor, blocks: RowBlocks) -> Tensor:
    """Return rows ``(batch, width)`` in their blocks, ``(blocks, rows, width)``, zeros between them."""
    number, rows = blocks.shape
    flat = ops.scatter(ops.expand_dims(blocks.place, 1), inputs, (number * rows, inputs.shape[1]))
    return ops.reshape(flat, (number, rows, inputs.shape[1]))[: ops.shape(blocks.owner)[0]]


def from_blocks(outputs: Tensor, blocks: RowBlocks) -> Tensor:
    """Return ``(blocks, rows, units)`` in the order of the batch, ``(batch, units)``."""
    return ops.take(ops.reshape(outputs, (-1, outputs.shape[2])), blocks.place, axis=0)


def sorted_parts(inputs: Tensor, groups: Tensor, count: int) -> tuple[list[Tensor], Tensor]:
    """Return the rows of each group, ``(rows, width)`` a group, and the place of each row among them one after another.

    A row of zeros is added to each part: LiteRT stops at tensors without rows.
    """
    every = ops.arange(count, dtype="int32")
    inputs = ops.concatenate([inputs, ops.zeros((count, inputs.shape[1]), inputs.dtype)], axis=0)
    groups = ops.concatenate([groups, every], axis=0)
    order = ops.argsort(groups)
    rows = ops.take(inputs, order, axis=0)
    ends = ops.cumsum(ops.sum(ops.cast(ops.equal(ops.expand_dims(groups, 1), every), "int32"), axis=0))
    parts = [rows[0 if group == 0 else ends[group - 1] : ends[group]] for group in range(count)]
    return parts, ops.argsort(order)[:-count]


def take_groups(weight: keras.Variable, groups: Tensor) -> Tensor:
    """Return a weight ``(groups, ...)`` of these groups, ``(n, ...)``; its gradient is dense.

    What has a gradient by rows would be summed row by row, which Keras' own optimizers do inexactly.
    """
    shape = tuple(weight.shape[1:])
    flat = ops.reshape(weight, (weight.shape[0], -1))  # no copy; takes a sparse gradient back as a dense one
    return ops.reshape(ops.take(flat, groups, axis=0), (-1, *shape))


def sizes_are_free(tensor: Tensor) -> bool:
    """Whether sizes may follow from values: in a graph of TensorFlow that XLA does not compile."""
    graph = getattr(tensor, "graph", None)  # tensors at once have none, nor have those of JAX
    found = graph is not None
    while graph is not None:
        context = graph._get_control_flow_context()
        while context is not None:
            if context.IsXLAContext():
                return False
            context = context.outer_context
        graph = getattr(graph, "outer_graph", None)
    return found


def _smaller(one: Any, other: Any) -> Any:
    """The smaller of two sizes: numbers stay numbers, for shapes are made of them."""
    if ops.is_tensor(one):
        return ops.minimum(one, other)
    return min(one, other) if isinstance(one, int) else other  # JAX asks what shapes are, with a size that is none

"""Rows of one group put together, so that they meet the weights of their group and no others.

In blocks every shape follows from the size of the batch and the number of groups, never from how the rows fall: that
compiles for JAX and XLA. A plain graph of TensorFlow, as it is trained and served, may choose blocks by how the rows
fall, or do without blocks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from tfctr.layers._base import Tensor

KERNEL_ROWS = 32
"""To copy a kernel for a block takes about as long as to multiply so many rows by it."""

BLOCK_ROWS = tuple(2**power for power in range(13))
"""Sizes of blocks that are tried where sizes are free."""

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


def row_blocks(groups: Tensor, count: int, *, free: bool = False) -> RowBlocks:
    """Lay the rows of each group into blocks that no other group shares.

    The blocks hold at most ``4/3 · batch + 32 · count`` rows, padding included, and are at most 4 a group. Where sizes
    are free, blocks are as large as makes the least work of these rows, and none is without rows.

    Args:
        groups: Group of each row, int32 ``(batch,)``, in ``[0, count)``.
        count: Number of groups.
        free: Whether sizes may follow from how the rows fall; see `sizes_are_free`.
    """
    batch = ops.shape(groups)[0]
    sizes = ops.sum(ops.cast(ops.equal(ops.expand_dims(groups, 1), ops.arange(count)), "int32"), axis=0)  # (count,)
    rows = _least_work(sizes) if free else KERNEL_ROWS + batch // (BLOCKS_A_SHARE * count)
    rank = _rank_in_group(groups, sizes)
    ends = ops.cumsum((sizes + rows - 1) // rows)  # blocks up to the end of each group, (count,)
    # Each group has at most one block that is not full.
    blocks = ends[-1] if free else _smaller(batch, batch // rows + count)
    begins = ops.concatenate([ops.zeros((1,), "int32"), ends[:-1]], axis=0)
    place = ops.take(begins, groups, axis=0) * rows + rank
    behind = ops.cast(ops.expand_dims(ops.arange(blocks, dtype="int32"), 1) >= ends, "int32")  # (blocks, count)
    owner = ops.minimum(ops.sum(behind, axis=1), count - 1)
    return RowBlocks(place, owner, (blocks, rows))


def _rank_in_group(groups: Tensor, sizes: Tensor) -> Tensor:
    """Return which of its group's rows each row is, int32 ``(batch,)``; the order within a group is any."""
    order = ops.argsort(groups)
    begins = ops.cumsum(sizes) - sizes
    rank = ops.arange(ops.shape(groups)[0], dtype="int32") - ops.take(begins, ops.take(groups, order, axis=0), axis=0)
    return ops.take(rank, ops.argsort(order), axis=0)


def _least_work(sizes: Tensor) -> Tensor:
    """Return how many rows a block should have for groups of these sizes ``(count,)``, int32 scalar.

    Small blocks copy kernels more often, large ones compute more padding.
    """
    tried = ops.expand_dims(ops.convert_to_tensor(BLOCK_ROWS, "int32"), 1)  # (sizes tried, 1)
    blocks = ops.sum((sizes + tried - 1) // tried, axis=1)  # (sizes tried,)
    work = ops.cast(blocks * (KERNEL_ROWS + tried[:, 0]), "float32")
    _, least = ops.top_k(-work, 1)  # `argmin` of Keras looks at bits, which other runtimes cannot
    return tried[least[0], 0]


def to_blocks(inputs: Tensor, blocks: RowBlocks) -> Tensor:
    """Return rows ``(batch, width)`` in their blocks, ``(blocks, rows, width)``, zeros between them."""
    number, rows = blocks.shape
    flat = ops.scatter(ops.expand_dims(blocks.place, 1), inputs, (number * rows, inputs.shape[1]))
    return ops.reshape(flat, (number, rows, inputs.shape[1]))


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

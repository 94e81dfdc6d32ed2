"""The latest events of a sequence, or the latest of those that are kept by a search."""

from __future__ import annotations

from keras import ops

from tfctr.layers._base import Tensor


def latest_events(sequence: Tensor, mask: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the last `count` kept events of each row, in any order, and which of them are events.

    Each event stays beside its own mask, wherever the kept positions lie; padding never takes the place of an event.

    Args:
        sequence: ``(batch, length, dim)``, oldest first, of a known length.
        mask: bool ``(batch, length)``, True = keep.
        count: Events wanted, at least 1.

    Returns:
        ``(batch, min(count, length), dim)`` and bool ``(batch, min(count, length))``.

    Example:
        >>> import numpy as np
        >>> events = np.array([[[1.0], [2.0], [3.0], [0.0]]])
        >>> latest, kept = latest_events(events, np.array([[True, False, True, False]]), 3)
        >>> latest[0, :, 0].numpy().tolist(), kept[0].numpy().tolist()
        ([3.0, 1.0, 1.0], [True, True, False])
    """
    length, dim = sequence.shape[1:]
    if length <= count:
        return sequence, mask
    numbers = ops.where(mask, ops.arange(1, length + 1, dtype="int32"), 0)  # (batch, length): 1 + position, 0 = padding
    last, _ = ops.top_k(numbers, count)  # (batch, count): 1 + position, 0 where there are too few
    row = ops.expand_dims(ops.arange(ops.shape(sequence)[0], dtype="int32") * length, 1)  # (batch, 1)
    flat = ops.reshape(sequence, (-1, dim))  # (batch · length, dim)
    events = ops.take(flat, row + ops.maximum(last - 1, 0), axis=0)  # (batch, count, dim)
    return events, last > 0

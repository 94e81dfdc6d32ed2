"""The gradients of all replicas as one."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def joint_gradients(grads: list[Any]) -> list[Any]:
    """Return the sum of each gradient over the replicas of the running `tf.distribute` strategy.

    Keras has divided each replica's loss by the number of replicas, so the sum is the gradient of the mean loss of
    the joint batch when all replicas hold equally many rows. Sparse gradients stay sparse: their rows are put one
    after the other, so that a row may stand there once for each replica. Without several replicas the gradients are
    returned as they are.

    Args:
        grads: Dense tensors, `tf.IndexedSlices` or None.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return grads
    present = [gradient for gradient in grads if gradient is not None]
    summed = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, present))
    return [None if gradient is None else next(summed) for gradient in grads]

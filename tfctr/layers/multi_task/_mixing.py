"""Experts mixed by the scores of a gate."""

from __future__ import annotations

from keras import ops

from tfctr.layers._base import Tensor


def expert_weights(scores: Tensor) -> Tensor:
    """Return the softmax of scores ``(batch, experts)`` in float32, also in mixed precision; 1 for a single expert.

    Example:
        >>> import numpy as np
        >>> print(np.array(expert_weights(np.log(np.array([[3.0, 1.0]])))).round(4))
        [[0.75 0.25]]
    """
    scores = ops.cast(scores, "float32")
    # Keras warns of a softmax over one number, which is what a single expert means.
    return ops.ones_like(scores) if scores.shape[-1] == 1 else ops.softmax(scores, axis=-1)


def mix_experts(weights: Tensor, experts: Tensor) -> Tensor:
    """Return experts ``(batch, experts, units)`` mixed by weights ``(batch, experts)``: ``(batch, units)``.

    Example:
        >>> import numpy as np
        >>> print(np.array(mix_experts(np.array([[0.75, 0.25]]), np.array([[[1.0, 2.0], [5.0, 6.0]]]))))
        [[2. 3.]]
    """
    return ops.einsum("be,beu->bu", ops.cast(weights, experts.dtype), experts)

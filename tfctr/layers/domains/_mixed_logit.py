"""The mean of several probabilities, without leaving the scale of logits."""

from __future__ import annotations

from keras import ops

from tfctr.layers._base import Tensor

_LEAST = 1e-30
"""Below this a weight counts as nothing; its logarithm stays finite."""


def mixed_logit(weights: Tensor, logits: Tensor) -> Tensor:
    """Return the logit of ``sum_k weight_k · sigmoid(logit_k)``, float32 ``(batch, 1)``.

    Args:
        weights: ``(batch, parts)``, rows add up to 1.
        logits: ``(batch, parts)``.

    Example:
        >>> import numpy as np
        >>> logit = lambda p: np.log(p / (1 - p))
        >>> mixed = mixed_logit(np.array([[0.25, 0.75]]), logit(np.array([[0.2, 0.6]])))
        >>> print(round(float(ops.sigmoid(mixed)[0, 0]), 6))
        0.5
    """
    logits = ops.cast(logits, "float32")
    weights = ops.log(ops.maximum(ops.cast(weights, "float32"), _LEAST))
    yes = ops.logsumexp(weights + ops.log_sigmoid(logits), axis=1, keepdims=True)
    no = ops.logsumexp(weights + ops.log_sigmoid(-logits), axis=1, keepdims=True)
    return yes - no

"""The probability of both of two events, without leaving the scale of logits."""

from __future__ import annotations

from keras import ops

from tfctr.layers._base import Tensor


def product_logit(first: Tensor, second: Tensor) -> Tensor:
    """Return the logit of ``sigmoid(first) · sigmoid(second)``, float32 of the common shape.

    ``log p = log s(a) + log s(b)`` and ``log (1 - p) = log (s(-a) + s(a) s(-b))``: sums of positive terms, so that
    neither a product close to 0 nor one close to 1 loses its digits.

    Example:
        >>> import numpy as np
        >>> logit = lambda p: np.log(p / (1 - p))
        >>> print(round(float(ops.sigmoid(product_logit(logit(0.2), logit(0.1)))), 6))
        0.02
    """
    first, second = (ops.cast(logit, "float32") for logit in (first, second))
    both = ops.log_sigmoid(first) + ops.log_sigmoid(second)
    neither, first_alone = ops.log_sigmoid(-first), ops.log_sigmoid(first) + ops.log_sigmoid(-second)
    # The log of the sum of both, as `ops.logaddexp` has it, by an operation that ONNX knows too.
    not_both = ops.maximum(neither, first_alone) + ops.softplus(-ops.abs(neither - first_alone))
    return both - not_both

"""Fields side by side."""

from __future__ import annotations

import math

from keras import ops

from tfctr.layers._base import Tensor


def flatten_fields(fields: Tensor) -> Tensor:
    """Return ``(batch, fields, dim)`` as ``(batch, fields · dim)``; a flat input stays as it is.

    Example:
        >>> import numpy as np
        >>> flatten_fields(np.ones((0, 3, 4))).shape[1]
        12
    """
    return ops.reshape(fields, (-1, math.prod(fields.shape[1:])))

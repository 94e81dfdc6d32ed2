"""Fields side by side."""

from __future__ import annotations

import math
from typing import Any

from keras import ops


def flatten_fields(fields: Any) -> Any:
    """Return ``(batch, fields, dim)`` as ``(batch, fields · dim)``; a flat input stays as it is.

    Example:
        >>> import numpy as np
        >>> flatten_fields(np.ones((0, 3, 4))).shape[1]
        12
    """
    return ops.reshape(fields, (-1, math.prod(fields.shape[1:])))

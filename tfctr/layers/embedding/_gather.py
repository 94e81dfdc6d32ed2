"""Rows of a variable, without a read of the whole of it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def gather_rows(weight: keras.Variable, places: Any) -> Any:
    """Return ``weight[places]``: integer ``(...)`` -> ``(..., dim)`` in the variable's dtype.

    On TensorFlow ``ops.take`` reads the variable first, and once an optimizer has scattered into it every read is a
    copy: 60 ms a step for 10,000,000 rows of 16. A TensorFlow variable's own `sparse_read` touches its rows alone.

    Args:
        weight: Variable ``(rows, dim)`` made with ``autocast=False``.
        places: Rows to take, in ``[0, rows)``.
    """
    value = weight.value
    try:
        return value.sparse_read(places)
    except AttributeError:  # another backend, a symbolic call, or a variable mirrored on several devices
        return ops.take(value, places, axis=0)

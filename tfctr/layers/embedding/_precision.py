"""Rows kept in few bits: whole numbers and a scale a column, made into floats where they are looked up."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from keras import ops

from tfctr.layers.embedding._gather import gather_rows

Precision: TypeAlias = Literal["int8", "int4"]
"""How the rows of a table are kept where they are not float32."""

PRECISIONS: tuple[str, ...] = get_args(Precision)

_LARGEST = {"int8": 127, "int4": 7}
_SCALES = np.linspace(0.3, 1.0, 36)
"""Shares of the largest number that are tried as the largest code."""


def check_precision(precision: str | None) -> None:
    """Raise `ValueError` for a precision that is not known."""
    if precision is not None and precision not in PRECISIONS:
        raise ValueError(f"precision is {' or '.join(PRECISIONS)}, or None for float32. Received: {precision!r}")


def precision_of_width(precision: str | None, width: int) -> str | None:
    """Return the precision of rows of a width: one number alone, whose error nothing averages out, has 8 bits."""
    return "int8" if precision is not None and width == 1 else precision


def bytes_of_row(width: int, precision: str | None) -> int:
    """Return the bytes of one row, scales apart."""
    return 4 * width if precision is None else _code_width(width, precision)


def bytes_of_rows(rows: int, width: int, precision: str | None) -> int:
    """Return the bytes of rows of `width` numbers, scales included."""
    return rows * bytes_of_row(width, precision) + (0 if precision is None else 4 * width)


def _code_width(width: int, precision: str) -> int:
    """Bytes a row: two numbers share one in int4."""
    return width if precision == "int8" else -(-width // 2)


class QuantizedRows:
    """Rows of a table as codes and scales, weights of the table that do not train.

    A number is ``code · scale``, the scale that of its column. Codes of ``int8`` lie in -127..127, of ``int4`` in
    -7..7, two in a byte.

    Args:
        layer: The table.
        name: Of the weight in whose place they stand.
        shape: ``(rows, width)`` of the numbers.
        precision: ``int8`` or ``int4``.
    """

    def __init__(self, layer: Any, name: str, shape: tuple[int, int], precision: str):
        rows, self.width = shape
        self.precision = precision
        self.codes = layer.add_weight(
            name=f"{name}_codes",
            shape=(rows, _code_width(self.width, precision)),
            initializer="zeros",
            dtype="int8" if precision == "int8" else "uint8",
            trainable=False,
            autocast=False,
        )
        self.scales = layer.add_weight(
            name=f"{name}_scales",
            shape=(self.width,),
            initializer="ones",
            dtype="float32",
            trainable=False,
            autocast=False,
        )

    def take(self, row_indices: Any) -> Any:
        """Return rows as float32 ``(..., width)``."""
        codes = ops.cast(gather_rows(self.codes, row_indices), "int32")
        if self.precision == "int4":
            pairs = ops.stack([ops.mod(codes, 16), ops.floor_divide(codes, 16)], axis=-1)  # (..., bytes, 2)
            codes = ops.reshape(pairs, (*ops.shape(codes)[:-1], 2 * codes.shape[-1]))[..., : self.width] - 8
        return ops.cast(codes, "float32") * ops.convert_to_tensor(self.scales)

    def assign(self, values: np.ndarray) -> None:
        """Write rows ``(rows, width)`` of floats, rounded."""
        codes, scales = quantized(values, self.precision)
        if self.precision == "int4":
            codes = np.pad(codes, ((0, 0), (0, codes.shape[1] % 2))) + 8
            codes = (codes[:, 0::2] + 16 * codes[:, 1::2]).astype("uint8")
        self.codes.assign(codes)
        self.scales.assign(scales)

    def numpy(self) -> np.ndarray:
        """Return all rows as float32 ``(rows, width)``."""
        rows: np.ndarray = np.asarray(ops.convert_to_numpy(self.take(np.arange(self.codes.shape[0]))))
        return rows


def quantized(values: np.ndarray, precision: str) -> tuple[np.ndarray, np.ndarray]:
    """Return codes, int32 ``(rows, width)``, and a scale a column: that of least squared error.

    A scale of the largest number alone would spend the few codes of int4 on outliers; a smaller one cuts these off.
    """
    largest = _LARGEST[precision]
    values = np.asarray(values, np.float32)
    reach = np.abs(values).max(axis=0, initial=0.0)  # (width,)
    best, least = np.ones_like(reach), np.full(reach.shape, np.inf)
    for share in _SCALES:
        scales = np.where(reach > 0, share * reach / largest, 1.0).astype("float32")
        errors = np.square(_codes(values, scales, largest) * scales - values).sum(axis=0, dtype=np.float64)
        best, least = np.where(errors < least, scales, best), np.minimum(errors, least)
    return _codes(values, best, largest), best.astype("float32")


def _codes(values: np.ndarray, scales: np.ndarray, largest: int) -> np.ndarray:
    codes: np.ndarray = np.clip(np.rint(values / scales), -largest, largest).astype("int32")
    return codes

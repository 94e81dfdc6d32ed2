"""TensorProto to NumPy and back, by the rules of TensorFlow's own C++ conversion.

A request carries its values as `tensor_content` (raw bytes: read without a copy) or in the typed field of its dtype
(`float_val`, `string_val`, ...). A typed list shorter than the shape repeats its last value, an empty one means
zeros (or empty strings), a longer one is cut. Answers use the typed fields, since many clients read those directly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from tfctr.serving.server._errors import RequestError, invalid

DEFAULT_MAX_BYTES = 2**31 - 1
"""Largest tensor, in bytes, that a short typed list may be stretched to."""


@dataclass(frozen=True)
class _Field:
    """Where a TensorProto keeps values of one dtype."""

    name: str
    stored: np.dtype  # what one entry of the list is
    dtype: np.dtype  # what the tensor is made of: the same bytes, possibly grouped


def _field(name: str, stored: Any, dtype: Any = None) -> _Field:
    return _Field(name, np.dtype(stored), np.dtype(stored if dtype is None else dtype))


_FIELDS: dict[int, _Field] = {
    types_pb2.DT_FLOAT: _field("float_val", np.float32),
    types_pb2.DT_DOUBLE: _field("double_val", np.float64),
    types_pb2.DT_INT8: _field("int_val", np.int8),
    types_pb2.DT_INT16: _field("int_val", np.int16),
    types_pb2.DT_INT32: _field("int_val", np.int32),
    types_pb2.DT_UINT8: _field("int_val", np.uint8),
    types_pb2.DT_UINT16: _field("int_val", np.uint16),
    types_pb2.DT_INT64: _field("int64_val", np.int64),
    types_pb2.DT_UINT32: _field("uint32_val", np.uint32),
    types_pb2.DT_UINT64: _field("uint64_val", np.uint64),
    types_pb2.DT_BOOL: _field("bool_val", np.bool_),
    types_pb2.DT_STRING: _field("string_val", np.object_),
    types_pb2.DT_HALF: _field("half_val", np.uint16, np.float16),
    types_pb2.DT_BFLOAT16: _field("half_val", np.uint16, tf.bfloat16.as_numpy_dtype),
    types_pb2.DT_COMPLEX64: _field("scomplex_val", np.float32, np.complex64),
    types_pb2.DT_COMPLEX128: _field("dcomplex_val", np.float64, np.complex128),
}


def dtype_name(dtype: int) -> str:
    """Return a dtype as people write it: `int64`, `string`.

    >>> dtype_name(types_pb2.DT_INT64)
    'int64'
    """
    return str(types_pb2.DataType.Name(dtype)).removeprefix("DT_").lower()


def decode(proto: tensor_pb2.TensorProto, max_bytes: int = DEFAULT_MAX_BYTES) -> np.ndarray:
    """Return the array a TensorProto stands for; strings become an object array of bytes.

    Args:
        proto: The tensor of a request.
        max_bytes: Refuse a tensor that would be larger than this once stretched to its shape.

    Raises:
        RequestError: INVALID_ARGUMENT for a shape or content that is not one tensor, UNIMPLEMENTED for a dtype that
            cannot be sent, RESOURCE_EXHAUSTED above `max_bytes`.

    Example:
        >>> short = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1, 2])
        >>> short.tensor_shape.dim.add().size = 4
        >>> decode(short)
        array([1., 2., 2., 2.], dtype=float32)
    """
    field = _FIELDS.get(proto.dtype)
    if field is None:
        raise RequestError(grpc.StatusCode.UNIMPLEMENTED, f"tensors of dtype {dtype_name(proto.dtype)} are not served")
    shape = _shape(proto)
    count = math.prod(shape)
    if count * field.dtype.itemsize > max_bytes:
        raise RequestError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"a tensor of shape {list(shape)} and dtype {dtype_name(proto.dtype)} is larger than the {max_bytes} bytes "
            "the server takes in one request",
        )
    if proto.tensor_content:
        values = _from_content(proto.tensor_content, field, count)
    else:
        values = _from_list(getattr(proto, field.name), field, count)
    return values.reshape(shape)


def _shape(proto: tensor_pb2.TensorProto) -> tuple[int, ...]:
    if proto.tensor_shape.unknown_rank:
        raise invalid("the tensor has no shape: tensor_shape.unknown_rank is set")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if any(size < 0 for size in shape):
        raise invalid(f"the tensor's shape {list(shape)} has a negative size")
    return shape


def _from_content(content: bytes, field: _Field, count: int) -> np.ndarray:
    if field.dtype == object:
        return _objects(_split_strings(content, count))
    if len(content) != count * field.dtype.itemsize:
        raise invalid(
            f"tensor_content has {len(content)} bytes, but the shape needs {count} values of "
            f"{field.dtype.itemsize} bytes"
        )
    return np.frombuffer(content, field.dtype)


def _from_list(values: Iterable[Any], field: _Field, count: int) -> np.ndarray:
    """Return `count` values of a typed list, cut or stretched by its last value."""
    if field.dtype == object:
        stored = _objects(list(values))
    else:
        # int_val is int32 whatever the dtype: wrap as a C++ cast does instead of refusing 255 for an int8.
        wide = np.int64 if field.name in ("int_val", "half_val") else field.stored
        stored = np.array(values, wide).astype(field.stored, copy=False)
    given = stored.view(field.dtype) if field.stored != field.dtype else stored
    if len(given) >= count:
        return given[:count]
    if len(given) == 0:
        return np.full(count, b"", object) if field.dtype == object else np.zeros(count, field.dtype)
    return np.concatenate([given, np.repeat(given[-1:], count - len(given))])


def _objects(values: list[bytes]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _split_strings(content: bytes, count: int) -> list[bytes]:
    """Split the packed form of a string tensor: `count` varint lengths, then all bytes in a row."""
    if count > len(content):
        raise invalid(f"tensor_content of {len(content)} bytes cannot hold {count} strings")
    sizes, position = [], 0
    for _ in range(count):
        size, position = _read_varint(content, position)
        sizes.append(size)
    if position + sum(sizes) != len(content):
        raise invalid(f"tensor_content does not hold {count} strings: its lengths do not add up")
    strings = []
    for size in sizes:
        strings.append(content[position : position + size])
        position += size
    return strings


def _read_varint(content: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 35, 7):
        if position >= len(content):
            break
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
    raise invalid("tensor_content of a string tensor ends inside a length")


def encode(array: np.ndarray, proto: tensor_pb2.TensorProto, dtype: int, *, as_content: bool = False) -> None:
    """Write `array` into an empty TensorProto.

    Args:
        array: The values; strings as an object array of bytes.
        proto: Filled in place, so that the entry of a response map is written without a copy.
        dtype: DataType number that the signature declares.
        as_content: Raw bytes in `tensor_content` instead of the typed field.

    Example:
        >>> answer = tensor_pb2.TensorProto()
        >>> encode(np.array([[0.25]], np.float32), answer, types_pb2.DT_FLOAT)
        >>> list(answer.float_val)
        [0.25]
    """
    field = _FIELDS.get(dtype)
    if field is None:
        raise RequestError(grpc.StatusCode.UNIMPLEMENTED, f"outputs of dtype {dtype_name(dtype)} are not served")
    array = np.asarray(array)
    proto.dtype = dtype
    proto.tensor_shape.SetInParent()  # a scalar has a shape without dimensions, not an absent shape
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    flat = array.ravel()
    if as_content:
        proto.tensor_content = _packed(flat) if field.dtype == object else flat.tobytes()
    else:
        stored = flat.view(field.stored) if field.stored != field.dtype else flat
        getattr(proto, field.name).extend(stored.tolist())


def _packed(strings: np.ndarray) -> bytes:
    parts = [bytes(string) for string in strings]
    return b"".join(_varint(len(part)) for part in parts) + b"".join(parts)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)

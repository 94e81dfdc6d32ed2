"""TensorProto <-> NumPy against TensorFlow's own conversions."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2

from tests.serving.models import DTYPES, enum_of
from tfctr.serving.server._errors import RequestError
from tfctr.serving.server._tensors import decode, encode

NUMBERS = [name for name in DTYPES if name != "string"]


def values_of(dtype: str) -> np.ndarray:
    numbers = np.array([[0, 1, 2], [3, 4, 100]])
    if dtype == "string":
        return np.array([[b"", b"a", b"\xff\x00"], [b"bb", "é".encode(), b"x" * 300]], object)
    return (numbers % 2 == 1) if dtype == "bool" else numbers.astype(tf.dtypes.as_dtype(dtype).as_numpy_dtype)


def shaped(dtype: str, *sizes: int, **fields: object) -> tensor_pb2.TensorProto:
    proto = tensor_pb2.TensorProto(dtype=enum_of(dtype), **fields)
    for size in sizes:
        proto.tensor_shape.dim.add().size = size
    return proto


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_tensorflow_writes_is_read(dtype: str) -> None:
    values = values_of(dtype)
    proto = tf.make_tensor_proto(values, dtype)  # tensor_content for numbers, string_val for strings
    np.testing.assert_array_equal(decode(proto), values)
    assert decode(proto).dtype == values.dtype


@pytest.mark.parametrize("as_content", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_written_tensorflow_reads(dtype: str, as_content: bool) -> None:
    values = values_of(dtype)
    proto = tensor_pb2.TensorProto()
    encode(values, proto, enum_of(dtype), as_content=as_content)
    assert bool(proto.tensor_content) == as_content
    read = tf.io.parse_tensor(proto.SerializeToString(), dtype).numpy()  # the C++ conversion of the real server
    np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(decode(proto), values)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("given_count", [0, 1, 4, 9])
def test_typed_lists_of_any_length_mean_what_they_mean_to_tensorflow(dtype: str, given_count: int) -> None:
    full = tensor_pb2.TensorProto()
    source = np.resize(values_of(dtype).ravel(), 9)[:given_count]
    encode(source, full, enum_of(dtype))
    full.tensor_shape.Clear()
    full.tensor_shape.dim.add().size = 2
    full.tensor_shape.dim.add().size = 3
    expected = tf.io.parse_tensor(full.SerializeToString(), dtype).numpy()
    np.testing.assert_array_equal(decode(full), expected)


def test_a_scalar_and_an_empty_tensor_keep_their_shapes() -> None:
    assert decode(tf.make_tensor_proto(7)).shape == ()
    assert decode(tf.make_tensor_proto(np.zeros((0, 3), np.float32))).shape == (0, 3)
    proto = tensor_pb2.TensorProto()
    encode(np.array(5, np.int64), proto, enum_of("int64"))
    assert proto.HasField("tensor_shape")
    assert tf.make_ndarray(proto) == 5


def test_numbers_are_read_without_a_copy() -> None:
    array = decode(tf.make_tensor_proto(np.arange(1000.0)))
    assert not array.flags.owndata


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_packed_strings_round_trip(strings: list[bytes]) -> None:
    array = np.empty(len(strings), object)
    array[:] = strings
    proto = tensor_pb2.TensorProto()
    encode(array, proto, enum_of("string"), as_content=True)
    assert decode(proto).tolist() == strings


@pytest.mark.parametrize(
    ("proto", "code", "words"),
    [
        (shaped("float32", 2, tensor_content=b"1234567"), "INVALID_ARGUMENT", "7 bytes"),
        (shaped("string", 2, tensor_content=b"\x05\x01abc"), "INVALID_ARGUMENT", "do not add up"),
        (shaped("string", 2, tensor_content=b"\xff\xff"), "INVALID_ARGUMENT", "inside a length"),
        (shaped("string", 2**20, tensor_content=b"\x01a"), "INVALID_ARGUMENT", "cannot hold"),
        (shaped("float32", -1, float_val=[1]), "INVALID_ARGUMENT", "negative"),
        (shaped("float32", 2**20, 2**20, float_val=[1]), "RESOURCE_EXHAUSTED", "larger than"),
        (tensor_pb2.TensorProto(dtype=enum_of("variant")), "UNIMPLEMENTED", "variant"),
    ],
)
def test_what_is_no_tensor_is_refused(proto: tensor_pb2.TensorProto, code: str, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        decode(proto, 2**30)
    assert caught.value.code is grpc.StatusCode[code]


def test_an_unknown_rank_is_refused() -> None:
    proto = shaped("float32", float_val=[1])
    proto.tensor_shape.unknown_rank = True
    with pytest.raises(RequestError, match="no shape"):
        decode(proto)

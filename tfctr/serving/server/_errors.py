"""The one exception that a request is answered with, and how TensorFlow's own errors become it."""

from __future__ import annotations

import grpc
import tensorflow as tf

MAX_MESSAGE_LENGTH = 4_000
"""Characters kept of a message: gRPC carries it in a header, whose size is limited to about 8 KiB."""

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class RequestError(Exception):
    """A request that cannot be answered, with the code TensorFlow Serving gives it.

    Args:
        code: Canonical status code.
        message: What was wrong with the request and what would be right.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        self.code = code
        self.message = message[:MAX_MESSAGE_LENGTH]
        super().__init__(self.message)


def invalid(message: str) -> RequestError:
    """Return an INVALID_ARGUMENT error."""
    return RequestError(grpc.StatusCode.INVALID_ARGUMENT, message)


def status_code(number: int) -> grpc.StatusCode:
    """Return the gRPC code of a canonical error number; UNKNOWN for numbers outside the list."""
    return _CODES.get(number, grpc.StatusCode.UNKNOWN)


def from_tensorflow(error: tf.errors.OpError) -> RequestError:
    """Return the request error that says what TensorFlow's runtime said."""
    return RequestError(status_code(error.error_code), error.message or str(error))

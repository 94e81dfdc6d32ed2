"""Signatures of a SavedModel in the form that answering a call needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from tfctr.serving.server import _tensors as tensors
from tfctr.serving.server._errors import invalid

DEFAULT_SIGNATURE = "serving_default"
PREDICT_METHOD = "tensorflow/serving/predict"
CLASSIFY_METHOD = "tensorflow/serving/classify"
REGRESS_METHOD = "tensorflow/serving/regress"


@dataclass(frozen=True)
class Endpoint:
    """One named input or output of a signature.

    Args:
        alias: Name that requests use.
        tensor: Name of the tensor in the graph; empty for sparse and composite ones, which no request can carry.
        dtype: DataType number.
        shape: Sizes, -1 where any size goes; None when even the rank is open.
    """

    alias: str
    tensor: str
    dtype: int
    shape: tuple[int, ...] | None

    @classmethod
    def from_proto(cls, alias: str, info: meta_graph_pb2.TensorInfo) -> Endpoint:
        """Read the entry of a SignatureDef."""
        shape = None if info.tensor_shape.unknown_rank else tuple(dim.size for dim in info.tensor_shape.dim)
        return cls(alias, info.name, info.dtype, shape)

    def describe(self) -> str:
        """Return ``int64 [?, 3]`` for messages."""
        if self.shape is None:
            return f"{tensors.dtype_name(self.dtype)} of any shape"
        sizes = ", ".join("?" if size < 0 else str(size) for size in self.shape)
        return f"{tensors.dtype_name(self.dtype)} [{sizes}]"

    def check(self, dtype: int, shape: tuple[int, ...]) -> None:
        """Refuse a tensor that does not fit, naming this input.

        Raises:
            RequestError: INVALID_ARGUMENT.
        """
        fits = self.shape is None or (
            len(shape) == len(self.shape)
            and all(want in (-1, size) for want, size in zip(self.shape, shape, strict=True))
        )
        if dtype != self.dtype or not fits:
            raise invalid(
                f"input {self.alias!r} must be {self.describe()}, received {tensors.dtype_name(dtype)} {list(shape)}"
            )


@dataclass(frozen=True)
class Signature:
    """A callable of the model: named inputs to named outputs, each in the order of its names.

    Args:
        name: Key of the signature.
        method: Method name: predict, classify or regress (`PREDICT_METHOD`, ...).
        inputs, outputs: Alias -> endpoint, sorted by alias.
        defaults: Values of inputs that a request may leave out.
    """

    name: str
    method: str
    inputs: Mapping[str, Endpoint]
    outputs: Mapping[str, Endpoint]
    defaults: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def from_proto(cls, name: str, definition: meta_graph_pb2.SignatureDef) -> Signature:
        """Read a SignatureDef."""
        return cls(
            name,
            definition.method_name,
            {alias: Endpoint.from_proto(alias, definition.inputs[alias]) for alias in sorted(definition.inputs)},
            {alias: Endpoint.from_proto(alias, definition.outputs[alias]) for alias in sorted(definition.outputs)},
            {alias: tensors.decode(value) for alias, value in definition.defaults.items()},
        )

"""Predict: named tensors in, named tensors out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import numpy as np
from tensorflow_serving.apis import predict_pb2

from tfctr.serving.server import _tensors as tensors
from tfctr.serving.server._errors import RequestError, invalid
from tfctr.serving.server._signatures import DEFAULT_SIGNATURE, Endpoint, Signature


@dataclass(frozen=True)
class Limits:
    """What one request may ask for; above it the answer is RESOURCE_EXHAUSTED at once.

    Args:
        rows: Rows (size of the first axis of an input).
        bytes: Bytes of one tensor after a short typed list was stretched to its shape.
    """

    rows: int = 100_000
    bytes: int = 256 * 2**20

    def check_rows(self, rows: int) -> None:
        """Refuse more than `rows`."""
        if rows > self.rows:
            raise RequestError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{rows} rows in one request; this server takes {self.rows}. Send them in parts, or start the server "
                "with a larger --max_rows_per_request.",
            )


class Runner(Protocol):
    """What answers need of a loaded model: the model itself, or the batcher before it."""

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """Signatures by name."""

    def run(self, feeds: Sequence[str], fetches: Sequence[str], values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run the graph once; see `SavedModel.run`."""


def answer_predict(
    model: Runner,
    request: predict_pb2.PredictRequest,
    response: predict_pb2.PredictResponse,
    *,
    limits: Limits,
    as_content: bool = False,
) -> None:
    """Fill `response.outputs` and the signature's name in `response.model_spec`.

    Args:
        model: The loaded version.
        request: The request; `model_spec` was resolved already.
        response: Filled in place.
        limits: Bounds of one request.
        as_content: Answer in `tensor_content` instead of the typed fields.

    Raises:
        RequestError: FAILED_PRECONDITION for an unknown signature, INVALID_ARGUMENT for inputs or an output filter that
            do not fit it, RESOURCE_EXHAUSTED above the limits, and what the graph itself raises.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    signature = model.signatures.get(name)
    if signature is None:
        known = ", ".join(sorted(model.signatures))
        message = f'Serving signature key "{name}" not found. The model has: {known}.'
        raise RequestError(grpc.StatusCode.FAILED_PRECONDITION, message)
    values = _input_values(signature, request.inputs, limits)
    outputs = wanted_outputs(signature, request.output_filter)
    feeds = [endpoint.tensor for endpoint in signature.inputs.values()]
    arrays = model.run(feeds, [endpoint.tensor for endpoint in outputs], values)
    for endpoint, array in zip(outputs, arrays, strict=True):
        tensors.encode(array, response.outputs[endpoint.alias], endpoint.dtype, as_content=as_content)
    response.model_spec.signature_name = name


def _input_values(signature: Signature, given: Mapping[str, Any], limits: Limits) -> list[np.ndarray]:
    """Return one array for each input of the signature, checked against it."""
    if given.keys() != signature.inputs.keys():
        _check_names(signature, set(given))
    values = []
    for alias, endpoint in signature.inputs.items():
        if alias not in given:
            values.append(signature.defaults[alias])
            continue
        proto = given[alias]
        shape = tuple(dim.size for dim in proto.tensor_shape.dim)
        endpoint.check(proto.dtype, shape)
        if shape:
            limits.check_rows(shape[0])
        try:
            values.append(tensors.decode(proto, limits.bytes))
        except RequestError as error:
            raise RequestError(error.code, f"input {alias!r}: {error.message}") from error
    return values


def _check_names(signature: Signature, given: set[str]) -> None:
    extra = given - set(signature.inputs)
    missing = set(signature.inputs) - given - set(signature.defaults)
    if extra or missing:
        raise invalid(
            f"input size does not match signature {signature.name!r}: {len(given)}!={len(signature.inputs)}. "
            f"Sent extra: {_names(extra)}. Missing but required: {_names(missing)}."
        )


def wanted_outputs(signature: Signature, output_filter: Iterable[str]) -> list[Endpoint]:
    """Return the outputs to compute, in the order of their names; all of them without a filter.

    Raises:
        RequestError: INVALID_ARGUMENT for an alias that is unknown or given twice.
    """
    wanted: set[str] = set()
    for alias in output_filter:
        if alias not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                f"{_names(signature.outputs)}."
            )
        if alias in wanted:
            raise invalid(f"duplicate output tensor alias: {alias}")
        wanted.add(alias)
    return [endpoint for alias, endpoint in signature.outputs.items() if not wanted or alias in wanted]


def _names(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"

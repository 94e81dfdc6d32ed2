"""JSON of TensorFlow Serving's REST API to request messages, and answers back to JSON."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import classification_pb2, input_pb2, predict_pb2, regression_pb2

from tfctr.serving.server import _tensors as tensors
from tfctr.serving.server._errors import invalid
from tfctr.serving.server._signatures import Endpoint

_INTEGERS = {
    types_pb2.DT_INT8, types_pb2.DT_INT16, types_pb2.DT_INT32, types_pb2.DT_INT64,
    types_pb2.DT_UINT8, types_pb2.DT_UINT16, types_pb2.DT_UINT32, types_pb2.DT_UINT64,
}  # fmt: skip
_EXACT = 2.0**53
"""From here on float64 leaves whole numbers out."""
_FLOATS = {types_pb2.DT_HALF, types_pb2.DT_BFLOAT16, types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE}


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request; NaN and Infinity may stand as bare words.

    Raises:
        RequestError: INVALID_ARGUMENT.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(value, dict):
        raise invalid(f"JSON Value: {_short(value)} Is not object")
    if not isinstance(value.get("signature_name", ""), str):
        raise invalid("'signature_name' key must be a string value.")
    return value


def fill_predict(
    body: dict[str, Any], request: predict_pb2.PredictRequest, inputs_of: Callable[[str], Mapping[str, Endpoint]]
) -> bool:
    """Fill a Predict request from row form (`instances`) or column form (`inputs`).

    Args:
        body: The JSON object.
        request: Filled in place.
        inputs_of: Signature's name -> its inputs.

    Returns:
        Whether the request is in row form; its answer is then too.

    Raises:
        RequestError: INVALID_ARGUMENT that says where the JSON does not fit the signature.
    """
    request.model_spec.signature_name = body.get("signature_name", "")
    if ("instances" in body) == ("inputs" in body):
        raise invalid("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist")
    inputs = inputs_of(request.model_spec.signature_name)
    by_row = "instances" in body
    columns = _columns_of_rows(body["instances"], inputs) if by_row else _columns(body["inputs"], inputs)
    for alias, value in columns.items():
        endpoint = inputs[alias]
        array = _to_array(value, endpoint)
        tensors.encode(array, request.inputs[alias], endpoint.dtype, as_content=endpoint.dtype != types_pb2.DT_STRING)
    return by_row


def _columns_of_rows(rows: Any, inputs: Mapping[str, Endpoint]) -> dict[str, list[Any]]:
    """Turn a list of rows into one list an input."""
    if not isinstance(rows, list):
        raise invalid("Expecting 'instances' to be an list/array")
    if not rows:
        raise invalid("No values in 'instances' array")
    if not _is_named(rows[0]):
        if len(inputs) > 1:
            raise invalid(
                "instances is a plain list, but expecting list of objects as multiple input tensors required: "
                f"{', '.join(inputs)}"
            )
        if any(_is_named(row) for row in rows):
            raise invalid("'instances' mixes plain values and objects")
        return {next(iter(inputs)): rows}
    for index, row in enumerate(rows):
        if not _is_named(row) or row.keys() != inputs.keys():
            raise invalid(
                f"Failed to process element: {index} of 'instances' list. JSON object: {_short(row)} keys must be "
                f"equal to: {','.join(inputs)}"
            )
    return {alias: [row[alias] for row in rows] for alias in inputs}


def _columns(value: Any, inputs: Mapping[str, Endpoint]) -> dict[str, Any]:
    if not _is_named(value):
        if len(inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required: "
                f"{', '.join(inputs)}"
            )
        return {next(iter(inputs)): value}
    missing, extra = set(inputs) - set(value), set(value) - set(inputs)
    if missing or extra:
        raise invalid(f"Missing named input: {sorted(missing)} in 'inputs' object; unknown: {sorted(extra)}")
    return dict(value)


def _is_named(value: Any) -> bool:
    """Whether this is an object of named tensors, and not the base64 form of bytes."""
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value: dict[str, Any]) -> bool:
    return len(value) == 1 and isinstance(value.get("b64"), str)


def _to_array(value: Any, endpoint: Endpoint) -> np.ndarray:
    """Return nested lists as an array of the endpoint's dtype, refusing ragged ones and values of another type."""
    shape: list[int] = []
    inner = value
    while isinstance(inner, list):
        shape.append(len(inner))
        inner = inner[0] if inner else None
    leaves: list[Any] = []
    _collect(value, shape, 0, endpoint, leaves)
    if endpoint.dtype == types_pb2.DT_STRING:
        flat = np.empty(len(leaves), object)
        flat[:] = leaves
        return flat.reshape(shape)
    try:
        return np.array(leaves, tf.dtypes.as_dtype(endpoint.dtype).as_numpy_dtype).reshape(shape)
    except OverflowError as error:
        raise invalid(f"input {endpoint.alias!r}: {error}") from error


def _collect(value: Any, shape: list[int], level: int, endpoint: Endpoint, leaves: list[Any]) -> None:
    if level == len(shape):
        leaves.append(_leaf(value, endpoint))
        return
    if not isinstance(value, list) or len(value) != shape[level]:
        raise invalid(
            f"input {endpoint.alias!r}: {_short(value)} at level {level} does not fit the shape {shape} that the first "
            "values have; all lists of one level must be equally long"
        )
    for inner in value:
        _collect(inner, shape, level + 1, endpoint, leaves)


def _leaf(value: Any, endpoint: Endpoint) -> Any:
    """Return one value, checked against the dtype."""
    dtype = endpoint.dtype
    if dtype == types_pb2.DT_STRING:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, dict) and _is_base64(value):
            return _from_base64(value["b64"])
    elif dtype == types_pb2.DT_BOOL:
        if isinstance(value, bool):
            return value
    elif dtype in _INTEGERS and isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)  # what a data frame made of a column of integers with holes
    elif not isinstance(value, bool) and (
        (dtype in _INTEGERS and isinstance(value, int)) or (dtype in _FLOATS and isinstance(value, int | float))
    ):
        return value
    raise invalid(
        f"input {endpoint.alias!r}: JSON Value: {_short(value)} is not of expected type: {tensors.dtype_name(dtype)}"
    )


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise invalid(f"Unable to base64 decode {_short(text)}: {error}") from error


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 256 else text[:256] + "..."


def predict_json(response: predict_pb2.PredictResponse, *, by_row: bool) -> dict[str, Any]:
    """Return the answer to Predict: `predictions` in row form, `outputs` in column form."""
    columns = {alias: _values(alias, tensors.decode(proto)) for alias, proto in sorted(response.outputs.items())}
    single = len(columns) == 1
    if not by_row:
        return {"outputs": next(iter(columns.values())) if single else columns}
    rows = {len(value) if isinstance(value, list) else -1 for value in columns.values()}
    if len(rows) != 1 or -1 in rows:
        raise invalid("the outputs have no common first dimension; ask in column form ('inputs')")
    if single:
        return {"predictions": next(iter(columns.values()))}
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]}


def _values(alias: str, array: np.ndarray) -> Any:
    """Return an array as nested lists of JSON values."""
    if array.dtype == object:
        as_bytes = alias.endswith("_bytes")
        flat = np.empty(array.size, object)
        flat[:] = [_text(value, as_bytes=as_bytes) for value in array.ravel()]
        return flat.reshape(array.shape).tolist()
    if array.dtype == np.float32:
        return _shortest(array)
    return array.astype(np.float64).tolist() if array.dtype.kind not in "iubf" else array.tolist()


def _shortest(array: np.ndarray) -> Any:
    """Return float32 values as the shortest numbers that read back equal: 0.2, not 0.20000000298."""
    flat = np.empty(array.size, object)
    flat[:] = [float(str(value)) for value in array.ravel()]
    return flat.reshape(array.shape).tolist()


def _text(value: bytes, *, as_bytes: bool) -> str | dict[str, str]:
    """Return a string; bytes (by the output's name, or because they are no text) as ``{"b64": ...}``."""
    if not as_bytes:
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(value).decode()}


def fill_examples(body: dict[str, Any], target: input_pb2.Input) -> None:
    """Fill an Input from `examples` and the optional `context` that all of them share.

    Raises:
        RequestError: INVALID_ARGUMENT.
    """
    examples = body.get("examples")
    if not isinstance(examples, list) or not examples:
        raise invalid("key 'examples' is expected and must be a list/array that is not empty")
    if "context" in body:
        _fill_example(body["context"], target.example_list_with_context.context)
        messages = target.example_list_with_context.examples
    else:
        messages = target.example_list.examples
    for example in examples:
        _fill_example(example, messages.add())


def _fill_example(value: Any, example: tf.train.Example) -> None:
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got {_short(value)}")
    for name, content in value.items():
        feature = example.features.feature[name]
        values = content if isinstance(content, list) else [content]
        if not values:
            continue
        if all(isinstance(entry, int) for entry in values):  # true and false too, as 1 and 0
            try:
                feature.int64_list.value.extend(int(entry) for entry in values)
            except ValueError as error:
                raise invalid(f"Feature: {name}: only int64 is supported: {error}") from error
        elif all(isinstance(entry, float) for entry in values):
            feature.float_list.value.extend(values)
        elif all(isinstance(entry, str) or (isinstance(entry, dict) and _is_base64(entry)) for entry in values):
            feature.bytes_list.value.extend(
                entry.encode() if isinstance(entry, str) else _from_base64(entry["b64"]) for entry in values
            )
        else:
            raise invalid(f"Unexpected element type in feature: {name}: {_short(content)}; one type a feature")


def classify_json(response: classification_pb2.ClassificationResponse) -> dict[str, Any]:
    """Return the answer to Classify: a list of [label, score] for each example."""
    return {
        "results": [
            [[entry.label, float(str(np.float32(entry.score)))] for entry in classifications.classes]
            for classifications in response.result.classifications
        ]
    }


def regress_json(response: regression_pb2.RegressionResponse) -> dict[str, Any]:
    """Return the answer to Regress: one number for each example."""
    return {"results": [float(str(np.float32(entry.value))) for entry in response.result.regressions]}

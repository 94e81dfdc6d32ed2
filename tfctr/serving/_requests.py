"""Requests to an exported tfctr model: raw rows to the tensors of each signature, and tensors to messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from tfctr.serving._raw_inputs import dense, input_names
from tfctr.serving._request_times import with_seconds
from tfctr.serving.server import _tensors as tensors
from tfctr.spec import RawColumn, suggest

Row = Mapping[str, Any]


def serialized_example(row: Row, columns: Iterable[RawColumn]) -> bytes:
    """Return a raw row as a serialized ``tf.Example``; a value that is missing or None is left out.

    Args:
        row: Column -> value (a list for list and vector columns).
        columns: Columns to take; others in the row are ignored.

    Raises:
        TypeError: When a value is not of its column's type.
    """
    example = tf.train.Example()
    for column in columns:
        value = row.get(column.name)
        if value is None:
            continue
        values = dense([value], column).ravel()
        feature = example.features.feature[column.name]
        if column.type == "string":
            feature.bytes_list.value.extend(values.tolist())
        elif column.type == "int":
            feature.int64_list.value.extend(values.tolist())
        else:
            feature.float_list.value.extend(values.tolist())
    serialized: bytes = example.SerializeToString()
    return serialized


def example_inputs(rows: Sequence[Row], columns: Sequence[RawColumn]) -> dict[str, np.ndarray]:
    """Return the input of `serving_default`."""
    _check_names(rows, columns)
    rows = with_seconds(rows, columns)
    examples = np.empty(len(rows), object)
    examples[:] = [serialized_example(row, columns) for row in rows]
    return {"examples": examples}


def column_inputs(rows: Sequence[Row], columns: Sequence[RawColumn]) -> dict[str, np.ndarray]:
    """Return the inputs of `predict`."""
    _check_names(rows, columns)
    rows = with_seconds(rows, columns)
    names = input_names(columns)
    return {names[column.name]: dense([row.get(column.name) for row in rows], column) for column in columns}


def rank_inputs(once: Row, items: Sequence[Row], columns: Sequence[RawColumn]) -> dict[str, np.ndarray]:
    """Return the inputs of `rank`: user and context given once, one row of item columns for each candidate."""
    shared = [column for column in columns if column.role != "item"]
    each = [column for column in columns if column.role == "item"]
    _check_names([once], shared)
    _check_names(items, each)
    (once,), items = with_seconds([once], shared), with_seconds(items, each)
    names = input_names(columns)
    inputs = {names[column.name]: dense([once.get(column.name)], column) for column in shared}
    return inputs | {names[column.name]: dense([item.get(column.name) for item in items], column) for column in each}


def _check_names(rows: Iterable[Row], columns: Sequence[RawColumn]) -> None:
    """Refuse a misspelt column: it would silently be a missing value."""
    known = {column.name for column in columns}
    for row in rows:
        for name in row:
            if name not in known:
                raise KeyError(f"unknown column {name!r}{suggest(name, known)}")


def predict_request(
    inputs: Mapping[str, np.ndarray], *, model: str, signature: str, as_content: bool = True
) -> predict_pb2.PredictRequest:
    """Return the message that carries these tensors.

    Args:
        inputs: Input -> array: int64, float32, or object arrays of bytes.
        model: Model's name.
        signature: Signature's name.
        as_content: Numbers as raw bytes, which are read without a copy; strings go in the typed field either way.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for alias, array in inputs.items():
        dtype = tf.dtypes.as_dtype(np.dtype(object) if array.dtype == object else array.dtype)
        content = as_content and dtype != tf.string
        tensors.encode(array, request.inputs[alias], dtype.as_datatype_enum, as_content=content)
    return request

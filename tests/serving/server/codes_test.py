"""The code of every kind of bad request, over real gRPC."""

from __future__ import annotations

import re
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    input_pb2,
    predict_pb2,
    regression_pb2,
)

from tests.serving.conftest import Asked, predict_of
from tests.serving.models import CLASSIFY, REGRESS

X = np.ones((2, 2), np.float32)


def example(x: float) -> tf.train.Example:
    made = tf.train.Example()
    made.features.feature["x"].float_list.value.append(x)
    return made


def with_version(request: Any, version: int) -> Any:
    request.model_spec.version.value = version
    return request


def with_label(request: Any, label: str) -> Any:
    request.model_spec.version_label = label
    return request


def filtered(*aliases: str) -> predict_pb2.PredictRequest:
    request = predict_of(x=X)
    request.output_filter.extend(aliases)
    return request


PREDICT = {
    "no model spec": (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    "empty name": (predict_of("", x=X), "INVALID_ARGUMENT", "Missing ModelSpec"),
    "unknown model": (predict_of("nobody", x=X), "NOT_FOUND", r"not found for request: Latest\(nobody\)"),
    "version not loaded": (with_version(predict_of(x=X), 3), "NOT_FOUND", r"Specific\(everything, 3\)"),
    "unknown label": (with_label(predict_of(x=X), "canary"), "INVALID_ARGUMENT", "version label: canary"),
    "label of an absent version": (with_label(predict_of(x=X), "future"), "NOT_FOUND", r"Specific\(everything, 9\)"),
    "unknown signature": (predict_of(signature="x", x=X), "FAILED_PRECONDITION", 'signature key "x" not found'),
    "missing input": (predict_of(), "INVALID_ARGUMENT", r"Sent extra: {}. Missing but required: {x}"),
    "extra input": (predict_of(x=X, y=1), "INVALID_ARGUMENT", r"Sent extra: {y}. Missing but required: {}"),
    "another input": (predict_of(y=X), "INVALID_ARGUMENT", r"Sent extra: {y}. Missing but required: {x}"),
    "wrong dtype": (predict_of(x=X.astype(np.int64)), "INVALID_ARGUMENT", r"input 'x' must be float \[\?, 2\].*int64"),
    "string for a number": (predict_of(x=["a"]), "INVALID_ARGUMENT", "input 'x' must be float"),
    "wrong width": (predict_of(x=np.ones((2, 3), np.float32)), "INVALID_ARGUMENT", r"'x'.*received float \[2, 3\]"),
    "wrong rank": (predict_of(x=np.float32(1)), "INVALID_ARGUMENT", r"'x'.*received float \[\]"),
    "unknown output": (filtered("total"), "INVALID_ARGUMENT", "alias not found in signature: total.*{sum,twice}"),
    "output twice": (filtered("sum", "sum"), "INVALID_ARGUMENT", "duplicate output tensor alias: sum"),
    "too many rows": (
        predict_of(x=np.ones((100_001, 2), np.float32)),
        "RESOURCE_EXHAUSTED",
        "100001 rows.*--max_rows_per_request",
    ),
    "no example": (predict_of(signature="score", inputs=[b"\xff\xff"]), "INVALID_ARGUMENT", "(?i)parse"),
    "the initializer": (predict_of(signature="__saved_model_init_op"), "OUT_OF_RANGE", "does not have output"),
}


@pytest.mark.parametrize("case", PREDICT)
def test_predict(asked: Asked, case: str) -> None:
    request, code, words = PREDICT[case]
    found, message = asked.code_of(asked.predict.Predict, request)
    assert found.name == code, message
    assert re.search(words, message), message


def test_a_message_above_the_limit_is_refused_at_once(asked: Asked) -> None:
    huge = predict_of("identities", "string", x=[b"x" * (17 * 2**20)])
    code, message = asked.code_of(asked.predict.Predict, huge)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED, message


def examples(*values: float, context: float | None = None) -> input_pb2.Input:
    given = input_pb2.Input()
    if context is None:
        given.example_list.examples.extend(example(value) for value in values)
    else:
        given.example_list_with_context.context.CopyFrom(example(context))
        given.example_list_with_context.examples.extend(
            example(value) if value else tf.train.Example() for value in values
        )
    return given


def classify_of(signature: str = "score", **fields: Any) -> classification_pb2.ClassificationRequest:
    request = classification_pb2.ClassificationRequest(**fields)
    request.model_spec.name = "everything"
    request.model_spec.signature_name = signature
    return request


def regress_of(signature: str = "value", **fields: Any) -> regression_pb2.RegressionRequest:
    request = regression_pb2.RegressionRequest(**fields)
    request.model_spec.name = "everything"
    request.model_spec.signature_name = signature
    return request


@pytest.mark.parametrize(
    ("method", "request_", "words"),
    [
        ("Classify", classify_of(), "Input is empty"),
        ("Classify", classify_of(input=examples(context=1.0)), "Input is empty"),
        ("Classify", classify_of("nothing", input=examples(1.0)), "No signature was found with the name: nothing"),
        ("Classify", classify_of("", input=examples(1.0)), "No classification inputs"),
        ("Classify", classify_of("value", input=examples(1.0)), "cannot classify"),
        ("Classify", classification_pb2.ClassificationRequest(input=examples(1.0)), "Missing ModelSpec"),
        ("Regress", regress_of(), "Input is empty"),
        ("Regress", regress_of("nothing", input=examples(1.0)), "No signature was found"),
        ("Regress", regress_of("score", input=examples(1.0)), "cannot regress"),
    ],
)
def test_classify_and_regress(asked: Asked, method: str, request_: Any, words: str) -> None:
    code, message = asked.code_of(getattr(asked.predict, method), request_)
    assert code is grpc.StatusCode.INVALID_ARGUMENT, message
    assert words in message


def multi_of(*tasks: tuple[str, str, str], rows: int = 1) -> inference_pb2.MultiInferenceRequest:
    request = inference_pb2.MultiInferenceRequest(input=examples(*[1.0] * rows))
    for model, signature, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name = model
        task.model_spec.signature_name = signature
    return request


SCORE = ("everything", "score", CLASSIFY)
VALUE = ("everything", "value", REGRESS)


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (multi_of(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (multi_of(SCORE, ("one_op", "value", REGRESS)), "INVALID_ARGUMENT", "same model name"),
        (multi_of(SCORE, SCORE), "INVALID_ARGUMENT", "Duplicate evaluation of signature: score"),
        (multi_of(SCORE, VALUE, rows=0), "INVALID_ARGUMENT", "Input is empty"),
        (multi_of(("everything", "nothing", REGRESS)), "INVALID_ARGUMENT", "No signature"),
        (multi_of(("everything", "value", "guess")), "UNIMPLEMENTED", "method_name: guess"),
    ],
)
def test_multi_inference(asked: Asked, request_: Any, code: str, words: str) -> None:
    found, message = asked.code_of(asked.predict.MultiInference, request_)
    assert found.name == code, message
    assert words in message


def metadata_of(*fields: str, model: str = "everything") -> get_model_metadata_pb2.GetModelMetadataRequest:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = model
    return request


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (metadata_of(), "INVALID_ARGUMENT"),
        (metadata_of("weights"), "INVALID_ARGUMENT"),
        (metadata_of("signature_def", "weights"), "INVALID_ARGUMENT"),
        (metadata_of("signature_def", model="nobody"), "NOT_FOUND"),
        (get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]), "INVALID_ARGUMENT"),
    ],
)
def test_metadata(asked: Asked, request_: Any, code: str) -> None:
    assert asked.code_of(asked.predict.GetModelMetadata, request_)[0].name == code


def test_status(asked: Asked) -> None:
    request = get_model_status_pb2.GetModelStatusRequest()
    assert asked.code_of(asked.model.GetModelStatus, request)[0] is grpc.StatusCode.INVALID_ARGUMENT
    request.model_spec.name = "nobody"
    assert asked.code_of(asked.model.GetModelStatus, request)[0] is grpc.StatusCode.NOT_FOUND
    request.model_spec.name = "everything"
    request.model_spec.version.value = 77
    assert asked.code_of(asked.model.GetModelStatus, request)[0] is grpc.StatusCode.NOT_FOUND


def test_a_deadline_ends_a_long_call_and_the_server_answers_the_next(asked: Asked) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        asked.predict.Predict(predict_of(signature="spin", steps=2_000), timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert asked.predict.Predict(predict_of(x=X), timeout=20).outputs["sum"].float_val[0] == 3.5

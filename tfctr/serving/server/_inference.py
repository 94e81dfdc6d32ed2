"""Classify, Regress and MultiInference: serialized tf.Examples in, classes, scores and values out."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import numpy as np
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, input_pb2, regression_pb2

from tfctr.serving.server._errors import RequestError, invalid
from tfctr.serving.server._predict import Limits, Runner
from tfctr.serving.server._signatures import CLASSIFY_METHOD, DEFAULT_SIGNATURE, REGRESS_METHOD, Endpoint, Signature

INPUT = "inputs"
CLASSES = "classes"
SCORES = "scores"
VALUES = "outputs"


def answer_classify(
    model: Runner,
    request: classification_pb2.ClassificationRequest,
    response: classification_pb2.ClassificationResponse,
    *,
    limits: Limits,
) -> None:
    """Fill `response.result` with one list of (label, score) for each example.

    Raises:
        RequestError: INVALID_ARGUMENT for an unknown or unfit signature and for an empty input.
    """
    signature = _signature(model, request.model_spec.signature_name)
    endpoints = classify_outputs(signature)
    examples = serialized_examples(request.input, limits)
    arrays = _run(model, [signature], endpoints, examples)
    fill_classifications(response.result, signature, arrays, len(examples))
    response.model_spec.signature_name = signature.name


def answer_regress(
    model: Runner,
    request: regression_pb2.RegressionRequest,
    response: regression_pb2.RegressionResponse,
    *,
    limits: Limits,
) -> None:
    """Fill `response.result` with one value for each example.

    Raises:
        RequestError: INVALID_ARGUMENT for an unknown or unfit signature and for an empty input.
    """
    signature = _signature(model, request.model_spec.signature_name)
    endpoints = regress_outputs(signature)
    examples = serialized_examples(request.input, limits)
    arrays = _run(model, [signature], endpoints, examples)
    fill_regressions(response.result, signature, arrays, len(examples))
    response.model_spec.signature_name = signature.name


def answer_multi_inference(
    model: Runner,
    request: inference_pb2.MultiInferenceRequest,
    response: inference_pb2.MultiInferenceResponse,
    *,
    limits: Limits,
) -> None:
    """Answer several classify and regress tasks on one input with one run of the graph.

    Raises:
        RequestError: INVALID_ARGUMENT for two models, one signature twice, or an unfit signature; UNIMPLEMENTED for a
            method that is neither classify nor regress.
    """
    signatures: dict[str, Signature] = {}
    endpoints: list[Endpoint] = []
    for task in request.tasks:
        if task.model_spec.name != request.tasks[0].model_spec.name:
            raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        signature = _signature(model, task.model_spec.signature_name)
        if signature.name in signatures:
            raise invalid(f"Duplicate evaluation of signature: {signature.name}")
        signatures[signature.name] = signature
        endpoints += _task_outputs(task.method_name)(signature)
    examples = serialized_examples(request.input, limits)
    arrays = _run(model, list(signatures.values()), endpoints, examples)
    for task, signature in zip(request.tasks, signatures.values(), strict=True):
        result = response.results.add()
        if task.method_name == CLASSIFY_METHOD:
            fill_classifications(result.classification_result, signature, arrays, len(examples))
        else:
            fill_regressions(result.regression_result, signature, arrays, len(examples))
        result.model_spec.signature_name = signature.name


def _task_outputs(method: str) -> Callable[[Signature], list[Endpoint]]:
    if method == CLASSIFY_METHOD:
        return classify_outputs
    if method == REGRESS_METHOD:
        return regress_outputs
    raise RequestError(grpc.StatusCode.UNIMPLEMENTED, f"Unsupported signature method_name: {method}")


def _signature(model: Runner, name: str) -> Signature:
    name = name or DEFAULT_SIGNATURE
    signature = model.signatures.get(name)
    if signature is None:
        known = ", ".join(sorted(model.signatures))
        raise invalid(f"No signature was found with the name: {name}. The model has: {known}.")
    return signature


def classify_outputs(signature: Signature) -> list[Endpoint]:
    """Return the outputs `classes` and `scores`, whichever there are, of a signature fit for Classify."""
    _check_input(signature, "classification")
    found = [signature.outputs[alias] for alias in (CLASSES, SCORES) if alias in signature.outputs]
    if not found or len(signature.outputs) > 2:
        raise invalid(
            f'signature {signature.name!r} cannot classify: it must have the outputs "{CLASSES}" or "{SCORES}" or '
            f"both and no other, it has {sorted(signature.outputs)}"
        )
    return found


def regress_outputs(signature: Signature) -> list[Endpoint]:
    """Return the output `outputs` of a signature fit for Regress."""
    _check_input(signature, "regression")
    if set(signature.outputs) != {VALUES}:
        raise invalid(
            f'signature {signature.name!r} cannot regress: it must have the one output "{VALUES}", it has '
            f"{sorted(signature.outputs)}"
        )
    return [signature.outputs[VALUES]]


def _check_input(signature: Signature, kind: str) -> None:
    if set(signature.inputs) != {INPUT}:
        raise invalid(
            f'No {kind} inputs found in SignatureDef {signature.name!r}: it must have the one input "{INPUT}", it has '
            f"{sorted(signature.inputs)}"
        )


def serialized_examples(given: input_pb2.Input, limits: Limits) -> np.ndarray:
    """Return the examples of an Input as an object array of bytes; a context is merged into each.

    Raises:
        RequestError: INVALID_ARGUMENT when there is none, RESOURCE_EXHAUSTED for too many.
    """
    context = b""
    if given.WhichOneof("kind") == "example_list_with_context":
        context = given.example_list_with_context.context.SerializeToString()
        messages = given.example_list_with_context.examples
    else:
        messages = given.example_list.examples
    if not messages:
        raise invalid("Input is empty.")
    limits.check_rows(len(messages))
    examples = np.empty(len(messages), object)
    # Two messages written one after the other parse as one, the later fields winning: that merges the context.
    examples[:] = [context + message.SerializeToString() for message in messages]
    return examples


def _run(
    model: Runner, signatures: list[Signature], endpoints: list[Endpoint], examples: np.ndarray
) -> dict[str, np.ndarray]:
    """Feed the examples to every signature's input; return arrays by tensor name."""
    feeds = sorted({signature.inputs[INPUT].tensor for signature in signatures})
    fetches = sorted({endpoint.tensor for endpoint in endpoints})
    arrays = model.run(feeds, fetches, [examples] * len(feeds))
    return dict(zip(fetches, arrays, strict=True))


def fill_classifications(
    result: classification_pb2.ClassificationResult, signature: Signature, arrays: dict[str, np.ndarray], rows: int
) -> None:
    """Write labels and scores, each (batch, classes), into the result."""
    labels = _matrix(signature, CLASSES, types_pb2.DT_STRING, arrays, rows)
    scores = _matrix(signature, SCORES, types_pb2.DT_FLOAT, arrays, rows)
    if labels is not None and scores is not None and labels.shape != scores.shape:
        raise invalid(f"classes are of shape {list(labels.shape)}, but scores of shape {list(scores.shape)}")
    known = labels if labels is not None else scores
    assert known is not None  # classify_outputs refused a signature with neither
    for row in range(rows):
        classes = result.classifications.add().classes
        for column in range(known.shape[1]):
            entry = classes.add()
            if labels is not None:
                entry.label = labels[row, column]
            if scores is not None:
                entry.score = scores[row, column]


def _matrix(
    signature: Signature, alias: str, dtype: int, arrays: dict[str, np.ndarray], rows: int
) -> np.ndarray | None:
    endpoint = signature.outputs.get(alias)
    if endpoint is None:
        return None
    array = arrays[endpoint.tensor]
    if endpoint.dtype != dtype or array.ndim != 2 or len(array) != rows:
        raise invalid(
            f"output {alias!r} must be of shape [{rows}, classes], it is {endpoint.describe()} with {list(array.shape)}"
        )
    return array


def fill_regressions(
    result: regression_pb2.RegressionResult, signature: Signature, arrays: dict[str, np.ndarray], rows: int
) -> None:
    """Write values (batch,) or (batch, 1) into the result."""
    endpoint = signature.outputs[VALUES]
    array = arrays[endpoint.tensor]
    if endpoint.dtype != types_pb2.DT_FLOAT or array.shape not in ((rows,), (rows, 1)):
        raise invalid(
            f"output {VALUES!r} must be float [{rows}] or [{rows}, 1], it is {endpoint.describe()} with "
            f"{list(array.shape)}"
        )
    for value in array.ravel().tolist():
        result.regressions.add().value = value

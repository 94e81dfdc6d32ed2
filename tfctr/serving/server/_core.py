"""Requests answered, whatever they came by: the gRPC services and the REST API both call this."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from tfctr.serving.server._errors import RequestError, invalid
from tfctr.serving.server._inference import answer_classify, answer_multi_inference, answer_regress
from tfctr.serving.server._manager import ModelManager
from tfctr.serving.server._monitoring import Metrics
from tfctr.serving.server._predict import Limits, answer_predict
from tfctr.serving.server._routing import Router

_LOG = logging.getLogger(__name__)
_Response = TypeVar("_Response")
SIGNATURE_FIELD = "signature_def"


class ServingCore:
    """Answers every kind of request; raises `RequestError` for those that cannot be answered.

    Args:
        router: Finds the version that answers.
        manager: Knows the states of all versions.
        limits: Bounds of one request.
        as_content: Answer Predict in `tensor_content` instead of the typed fields.
    """

    def __init__(self, router: Router, manager: ModelManager, limits: Limits, *, as_content: bool = False):
        self.router = router
        self.metrics = Metrics()
        self._manager = manager
        self._limits = limits
        self._as_content = as_content

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """Answer Predict."""
        response = predict_pb2.PredictResponse()
        spec = _model_spec(request)
        with self.router.lease(spec) as servable:
            answer_predict(servable, request, response, limits=self._limits, as_content=self._as_content)
            _stamp(response.model_spec, spec.name, servable.number)
        return response

    def classify(self, request: classification_pb2.ClassificationRequest) -> classification_pb2.ClassificationResponse:
        """Answer Classify."""
        response = classification_pb2.ClassificationResponse()
        spec = _model_spec(request)
        with self.router.lease(spec) as servable:
            answer_classify(servable, request, response, limits=self._limits)
            _stamp(response.model_spec, spec.name, servable.number)
        return response

    def regress(self, request: regression_pb2.RegressionRequest) -> regression_pb2.RegressionResponse:
        """Answer Regress."""
        response = regression_pb2.RegressionResponse()
        spec = _model_spec(request)
        with self.router.lease(spec) as servable:
            answer_regress(servable, request, response, limits=self._limits)
            _stamp(response.model_spec, spec.name, servable.number)
        return response

    def multi_inference(self, request: inference_pb2.MultiInferenceRequest) -> inference_pb2.MultiInferenceResponse:
        """Answer MultiInference; the first task says which version answers all."""
        response = inference_pb2.MultiInferenceResponse()
        if not request.tasks:
            raise invalid("Missing ModelSpec: the request has no tasks")
        spec = _model_spec(request.tasks[0])
        with self.router.lease(spec) as servable:
            answer_multi_inference(servable, request, response, limits=self._limits)
            for result in response.results:
                _stamp(result.model_spec, spec.name, servable.number)
        return response

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Answer GetModelMetadata: the signatures of a version."""
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        spec = _model_spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for name in request.metadata_field:
            if name != SIGNATURE_FIELD:
                raise invalid(f"Metadata field {name} is not supported; {SIGNATURE_FIELD} is")
        with self.router.lease(spec) as servable:
            response.metadata[SIGNATURE_FIELD].Pack(servable.metadata)
            _stamp(response.model_spec, spec.name, servable.number)
        return response

    def status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Answer GetModelStatus: states of all versions of a model, or of the one asked for."""
        spec = _model_spec(request)
        states = self._manager.states(spec.name)
        if spec.WhichOneof("version_choice") == "version":
            states = [state for state in states if state[0] == spec.version.value]
            if not states:
                message = f"Could not find version {spec.version.value} of model {spec.name}"
                raise RequestError(grpc.StatusCode.NOT_FOUND, message)
        if not states:
            raise RequestError(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for number, state, error in states:
            entry = response.model_version_status.add(version=number, state=int(state))
            entry.status.SetInParent()
            if error is not None:
                entry.status.error_code = error.code.value[0]
                entry.status.error_message = error.message
        return response

    def measured(self, api: str, entrypoint: str, model: str, answer: Callable[[], _Response]) -> _Response:
        """Call `answer`, count and time it, and turn every fault into a `RequestError`."""
        began = time.perf_counter()
        code = grpc.StatusCode.OK
        try:
            return answer()
        except RequestError as error:
            code = error.code
            raise
        except MemoryError as error:
            code = grpc.StatusCode.RESOURCE_EXHAUSTED
            raise RequestError(code, "the server has not enough memory for this request") from error
        except Exception as error:
            code = grpc.StatusCode.INTERNAL
            _LOG.exception("%s failed", api)
            raise RequestError(code, f"{type(error).__name__}: {error}") from error
        finally:
            self.metrics.record(model, api, entrypoint, code, time.perf_counter() - began)


def _model_spec(request: Any) -> model_pb2.ModelSpec:
    """Return the ModelSpec of a request, refusing one that is missing or has no name."""
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    if not request.model_spec.name:
        raise invalid("Missing ModelSpec: ModelSpec has no name specified.")
    return request.model_spec


def _stamp(target: model_pb2.ModelSpec, name: str, number: int) -> None:
    """Write which model and version answered."""
    target.name = name
    target.version.value = number

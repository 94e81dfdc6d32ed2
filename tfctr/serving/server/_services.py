"""The gRPC faces of the server: PredictionService and ModelService."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tfctr.serving.server._configuration import Configuration
from tfctr.serving.server._core import ServingCore
from tfctr.serving.server._errors import RequestError, invalid

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


def _answer(
    core: ServingCore,
    api: str,
    model: str,
    answer: Callable[[_Request], _Response],
    request: _Request,
    context: grpc.ServicerContext,
) -> _Response:
    """Answer one call, or end it with the code that fits."""
    try:
        remaining = context.time_remaining()
        if remaining is not None and remaining <= 0:  # it waited for a thread longer than its caller would
            raise RequestError(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed before the call was begun")
        return core.measured(api, "GRPC", model, lambda: answer(request))
    except RequestError as error:
        context.abort(error.code, error.message)  # raises
        raise


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict, Classify, Regress, MultiInference and GetModelMetadata.

    Args:
        core: Answers the requests.
    """

    def __init__(self, core: ServingCore):
        self._core = core

    def Predict(  # noqa: N802  # the name is the protocol's, as below
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Answer named tensors with named tensors."""
        return _answer(self._core, "Predict", request.model_spec.name, self._core.predict, request, context)

    def Classify(  # noqa: N802
        self, request: classification_pb2.ClassificationRequest, context: grpc.ServicerContext
    ) -> classification_pb2.ClassificationResponse:
        """Answer examples with labels and scores."""
        return _answer(self._core, "Classify", request.model_spec.name, self._core.classify, request, context)

    def Regress(  # noqa: N802
        self, request: regression_pb2.RegressionRequest, context: grpc.ServicerContext
    ) -> regression_pb2.RegressionResponse:
        """Answer examples with values."""
        return _answer(self._core, "Regress", request.model_spec.name, self._core.regress, request, context)

    def MultiInference(  # noqa: N802
        self, request: inference_pb2.MultiInferenceRequest, context: grpc.ServicerContext
    ) -> inference_pb2.MultiInferenceResponse:
        """Answer several classify and regress tasks on the same examples."""
        name = request.tasks[0].model_spec.name if request.tasks else ""
        return _answer(self._core, "MultiInference", name, self._core.multi_inference, request, context)

    def GetModelMetadata(  # noqa: N802
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Answer with the signatures of a model."""
        return _answer(self._core, "GetModelMetadata", request.model_spec.name, self._core.metadata, request, context)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest.

    Args:
        core: Answers the questions.
        configuration: Takes a new list of models.
    """

    def __init__(self, core: ServingCore, configuration: Configuration):
        self._core = core
        self._configuration = configuration

    def GetModelStatus(  # noqa: N802
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Answer with the states of a model's versions."""
        return _answer(self._core, "GetModelStatus", request.model_spec.name, self._core.status, request, context)

    def HandleReloadConfigRequest(  # noqa: N802
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        """Replace the list of models; answered when the new ones are loaded."""

        def reload(request: model_management_pb2.ReloadConfigRequest) -> model_management_pb2.ReloadConfigResponse:
            if request.config.WhichOneof("config") != "model_config_list":
                raise invalid("ServerModelConfig type not supported by HandleReloadConfigRequest; model_config_list is")
            self._configuration.apply(request.config, timeout_seconds=context.time_remaining())
            response = model_management_pb2.ReloadConfigResponse()
            response.status.SetInParent()
            return response

        return _answer(self._core, "HandleReloadConfigRequest", "", reload, request, context)

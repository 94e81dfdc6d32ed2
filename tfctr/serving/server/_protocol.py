"""Descriptors of TensorFlow Serving's two services, for reflection.

The modules that should hold them (`prediction_service_pb2`, `model_service_pb2` of tensorflow-serving-api) were made
by a generator that protobuf 6 no longer runs, so they cannot be imported; their stubs and messages can.
"""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool

# Importing a message file registers it: the services below refer to these messages.
from tensorflow_serving.apis import (  # noqa: F401
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"

_FOLDER = "tensorflow_serving/apis"
_METHODS: dict[str, dict[str, tuple[str, str]]] = {
    "prediction_service": {
        "Classify": ("classification", "Classification"),
        "Regress": ("regression", "Regression"),
        "Predict": ("predict", "Predict"),
        "MultiInference": ("inference", "MultiInference"),
        "GetModelMetadata": ("get_model_metadata", "GetModelMetadata"),
    },
    "model_service": {
        "GetModelStatus": ("get_model_status", "GetModelStatus"),
        "HandleReloadConfigRequest": ("model_management", "ReloadConfig"),
    },
}


def register_services() -> None:
    """Add both services to protobuf's default pool, once."""
    pool = descriptor_pool.Default()
    for file_name, methods in _METHODS.items():
        service_name = "".join(part.capitalize() for part in file_name.split("_"))
        try:
            pool.FindServiceByName(f"tensorflow.serving.{service_name}")
            continue
        except KeyError:
            pass
        file = descriptor_pb2.FileDescriptorProto(
            name=f"{_FOLDER}/{file_name}.proto",
            package="tensorflow.serving",
            syntax="proto3",
            dependency=[f"{_FOLDER}/{messages}.proto" for messages, _ in methods.values()],
        )
        service = file.service.add(name=service_name)
        for method, (_, stem) in methods.items():
            service.method.add(
                name=method,
                input_type=f".tensorflow.serving.{stem}Request",
                output_type=f".tensorflow.serving.{stem}Response",
            )
        pool.Add(file)

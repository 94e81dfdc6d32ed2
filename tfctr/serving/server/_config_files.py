"""Text protobuf files that the server reads: models, TLS keys, monitoring, batching, session."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config import model_server_config_pb2

from tfctr.serving.server._errors import RequestError, invalid

_Message = TypeVar("_Message", bound=message.Message)
_TYPE = descriptor_pb2.FieldDescriptorProto
PLATFORM = "tensorflow"


def read_text_proto(path: str | Path, target: _Message) -> _Message:
    """Fill `target` from a text protobuf file.

    Raises:
        RequestError: INVALID_ARGUMENT that names the file and, for a mistake inside, its line.
    """
    try:
        text_format.Parse(Path(path).read_text("utf-8"), target)
    except (OSError, UnicodeDecodeError) as error:
        raise invalid(f"cannot read {path}: {error}") from error
    except text_format.ParseError as error:
        raise invalid(f"{path}: {error} (expected a text protobuf {target.DESCRIPTOR.full_name})") from error
    return target


def single_model(name: str, base_path: str) -> model_server_config_pb2.ModelServerConfig:
    """Return the configuration that --model_name and --model_base_path stand for."""
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=str(Path(base_path).absolute()), model_platform=PLATFORM)
    return config


def check_model_config(config: model_server_config_pb2.ModelServerConfig) -> None:
    """Refuse a configuration that cannot be served, as TensorFlow Serving does.

    Raises:
        RequestError: INVALID_ARGUMENT.
    """
    if config.WhichOneof("config") == "custom_model_config":
        raise invalid("ServerModelConfig type not supported: only model_config_list is")
    names = set()
    for entry in config.model_config_list.config:
        if not entry.name:
            raise invalid("a model of the configuration has no name")
        if entry.name in names:
            raise invalid(f"Illegal to list model {entry.name} multiple times in config list")
        names.add(entry.name)
        if not Path(entry.base_path).is_absolute():
            raise invalid(f"Expected model {entry.name} to have an absolute path; got base_path()={entry.base_path!r}")
        if not entry.model_platform and not entry.model_type:
            raise invalid(f'model {entry.name} has no model_platform; add model_platform: "{PLATFORM}"')
        if entry.model_platform not in ("", PLATFORM):
            raise invalid(f"Model {entry.name} requests unsupported platform {entry.model_platform}")


def checked_labels(
    config: model_server_config_pb2.ModelServerConfig,
    available: Mapping[str, tuple[int, ...]],
    current: Mapping[str, Mapping[str, int]],
    *,
    allow_unavailable: bool,
) -> dict[str, dict[str, int]]:
    """Return the labels of a configuration: model -> label -> version.

    Args:
        config: The configuration.
        available: Model -> versions that answer now.
        current: Labels in force.
        allow_unavailable: A label that is new may name a version that is not loaded yet.

    Raises:
        RequestError: FAILED_PRECONDITION for a label of a version that is not loaded.
    """
    labels: dict[str, dict[str, int]] = {}
    for entry in config.model_config_list.config:
        for label, number in entry.version_labels.items():
            moved = current.get(entry.name, {}).get(label, number) != number
            if number not in available.get(entry.name, ()) and (moved or not allow_unavailable):
                raise RequestError(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"Request to assign label {label!r} to version {number} of model {entry.name}, which is not "
                    "currently available for inference. Load the version first, or for a new label start the server "
                    "with --allow_version_labels_for_unavailable_models.",
                )
            labels.setdefault(entry.name, {})[label] = number
    return labels


# TensorFlow Serving has these messages only in C++; here are the same fields under the same numbers.
_MESSAGES: dict[str, tuple[tuple[str, int, int, str], ...]] = {
    "SSLConfig": (
        ("server_key", 1, _TYPE.TYPE_STRING, ""),
        ("server_cert", 2, _TYPE.TYPE_STRING, ""),
        ("custom_ca", 3, _TYPE.TYPE_STRING, ""),
        ("client_verify", 4, _TYPE.TYPE_BOOL, ""),
    ),
    "PrometheusConfig": (("enable", 1, _TYPE.TYPE_BOOL, ""), ("path", 2, _TYPE.TYPE_STRING, "")),
    "MonitoringConfig": (("prometheus_config", 1, _TYPE.TYPE_MESSAGE, ".tensorflow.serving.PrometheusConfig"),),
    "BatchingParameters": (
        ("max_batch_size", 1, _TYPE.TYPE_MESSAGE, ".google.protobuf.Int64Value"),
        ("batch_timeout_micros", 2, _TYPE.TYPE_MESSAGE, ".google.protobuf.Int64Value"),
        ("max_enqueued_batches", 3, _TYPE.TYPE_MESSAGE, ".google.protobuf.Int64Value"),
        ("num_batch_threads", 4, _TYPE.TYPE_MESSAGE, ".google.protobuf.Int64Value"),
        ("thread_pool_name", 5, _TYPE.TYPE_MESSAGE, ".google.protobuf.StringValue"),
        ("allowed_batch_sizes", 6, _TYPE.TYPE_INT64, "repeated"),
        ("pad_variable_length_inputs", 7, _TYPE.TYPE_BOOL, ""),
        ("enable_large_batch_splitting", 8, _TYPE.TYPE_MESSAGE, ".google.protobuf.BoolValue"),
        ("max_execution_batch_size", 9, _TYPE.TYPE_MESSAGE, ".google.protobuf.Int64Value"),
    ),
}


@cache
def config_message(name: str) -> type[message.Message]:
    """Return the class of `SSLConfig`, `MonitoringConfig` or `BatchingParameters`."""
    pool = descriptor_pool.DescriptorPool()  # a pool of its own: another package may define the same names
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="tfctr/serving_config.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    for message_name, fields in _MESSAGES.items():
        entry = file.message_type.add(name=message_name)
        for field_name, number, kind, extra in fields:
            label = _TYPE.LABEL_REPEATED if extra == "repeated" else _TYPE.LABEL_OPTIONAL
            field = entry.field.add(name=field_name, number=number, type=kind, label=label)
            if kind == _TYPE.TYPE_MESSAGE:
                field.type_name = extra
    pool.Add(file)
    made: type[Any] = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tensorflow.serving.{name}"))
    return made

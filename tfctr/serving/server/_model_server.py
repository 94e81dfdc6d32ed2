"""The server as a whole: manager, gRPC services, REST API, put together from the flags."""

from __future__ import annotations

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from tfctr.data._atomic_write import atomic_write
from tfctr.serving.server._batching import Batcher, BatchingOptions
from tfctr.serving.server._config_files import config_message, read_text_proto, single_model
from tfctr.serving.server._configuration import Configuration
from tfctr.serving.server._core import ServingCore
from tfctr.serving.server._errors import invalid
from tfctr.serving.server._flags import Flags
from tfctr.serving.server._manager import ManagerOptions, ModelManager
from tfctr.serving.server._monitoring import DEFAULT_PATH
from tfctr.serving.server._predict import Limits
from tfctr.serving.server._protocol import MODEL_SERVICE, PREDICTION_SERVICE, register_services
from tfctr.serving.server._rest import RestApi, RestOptions, RestServer
from tfctr.serving.server._routing import Router
from tfctr.serving.server._saved_model import SavedModel
from tfctr.serving.server._servable import Servable
from tfctr.serving.server._services import ModelService, PredictionService
from tfctr.serving.server._warmup import replay

_LOG = logging.getLogger(__name__)
_SERVICES = (PREDICTION_SERVICE, MODEL_SERVICE)
_HEALTH_NAMES = ("", *_SERVICES, "PredictionService", "ModelService")  # the short ones are TensorFlow Serving's


class ModelServer:
    """A TensorFlow-Serving-compatible server in this process.

    Args:
        flags: What to serve and how.

    Raises:
        RequestError: When a configuration file is wrong.

    Example:
        >>> flags = Flags(model_base_path="/models/ads", bind_address="127.0.0.1", port=-1)
        >>> with ModelServer(flags) as server:  # doctest: +SKIP
        ...     print(server.grpc_port)
    """

    def __init__(self, flags: Flags):
        self._flags = flags
        self._session_config = _session_config(flags)
        self._batching = _batching(flags)
        self._metrics_path = _metrics_path(flags)
        self._credentials = _credentials(flags)
        self._config = self._read_config()
        self._router = Router()
        self._health = health.HealthServicer()
        self._manager = ModelManager(self._load, self._router, _manager_options(flags), self._update_health)
        limits = Limits(rows=flags.max_rows_per_request, bytes=flags.max_message_bytes)
        self._core = ServingCore(
            self._router, self._manager, limits, as_content=flags.enable_serialization_as_tensor_content
        )
        self._configuration = Configuration(
            self._manager, self._router, allow_labels_for_unavailable=flags.allow_version_labels_for_unavailable_models
        )
        self._grpc: grpc.Server | None = None
        self._rest: RestServer | None = None
        self.grpc_port = 0
        self.rest_port = 0

    def start(self) -> None:
        """Load the models, then listen.

        Raises:
            RequestError: When a model cannot be loaded.
            RuntimeError, OSError: When a port cannot be had.
        """
        self._manager.start()
        self._configuration.apply(self._config)
        self._grpc = self._build_grpc()
        self._grpc.start()
        if self._flags.rest_api_port:
            self._rest = self._build_rest()
            self._rest.start()
            self.rest_port = self._rest.port
        self._update_health()
        seconds = self._flags.model_config_file_poll_wait_seconds
        if self._flags.model_config_file and seconds > 0:
            self._configuration.watch(self._flags.model_config_file, seconds)
        self._write_ports()

    def stop(self, grace_seconds: float | None = None) -> None:
        """Refuse new requests, finish those in flight, drop the models.

        Args:
            grace_seconds: Longest time for requests in flight; None takes --shutdown_grace_seconds.
        """
        grace = self._flags.shutdown_grace_seconds if grace_seconds is None else grace_seconds
        self._health.enter_graceful_shutdown()
        self._configuration.stop()
        if self._grpc is not None:
            self._grpc.stop(grace).wait(grace + 5.0)
        if self._rest is not None:
            self._rest.stop()
        self._manager.stop()

    def __enter__(self) -> ModelServer:
        try:
            self.start()
        except BaseException:
            self.stop(0.0)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read_config(self) -> model_server_config_pb2.ModelServerConfig:
        if self._flags.model_config_file:
            return read_text_proto(self._flags.model_config_file, model_server_config_pb2.ModelServerConfig())
        return single_model(self._flags.model_name, self._flags.model_base_path)

    def _load(self, name: str, number: int, path: Path) -> Servable:
        """Load and warm one version; called on a loading thread."""
        model = SavedModel(
            path,
            tags=[tag for tag in self._flags.saved_model_tags.split(",") if tag],
            config=self._session_config,
            run_seconds=self._flags.max_run_seconds,
        )
        try:
            if self._flags.enable_model_warmup:
                records = replay(model, path, iterations=self._flags.num_request_iterations_for_warmup)
                _LOG.info("warmed %s version %d with %d requests", name, number, records)
        except BaseException:
            model.close()
            raise
        runner = Batcher(model, self._batching, self._flags.max_run_seconds) if self._batching else None
        return Servable(number, model, runner)

    def _update_health(self) -> None:
        ready = self._router.ready()
        status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in _HEALTH_NAMES:
            self._health.set(name, status)

    def _build_grpc(self) -> grpc.Server:
        flags = self._flags
        server = grpc.server(
            ThreadPoolExecutor(max(1, flags.grpc_max_threads), thread_name_prefix="grpc"),
            maximum_concurrent_rpcs=flags.grpc_max_threads + flags.max_queued_requests,
            options=_channel_options(flags),
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(self._core), server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(self._core, self._configuration), server)
        names = list(_SERVICES)
        if flags.enable_grpc_healthcheck_service:
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
            names.append(health.SERVICE_NAME)
        if flags.enable_grpc_reflection:
            register_services()
            reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)
        if flags.port:
            self.grpc_port = self._listen(server, f"{flags.bind_address}:{max(0, flags.port)}")
        if flags.grpc_socket_path:
            self._listen(server, f"unix:{Path(flags.grpc_socket_path).absolute()}")
        return server

    def _listen(self, server: grpc.Server, address: str) -> int:
        if self._credentials is not None:
            return int(server.add_secure_port(address, self._credentials))
        return int(server.add_insecure_port(address))

    def _build_rest(self) -> RestServer:
        options = RestOptions(
            threads=self._flags.rest_api_num_threads,
            timeout_seconds=self._flags.rest_api_timeout_in_ms / 1000,
            max_body_bytes=self._flags.max_message_bytes,
            cors=self._flags.rest_api_enable_cors_support,
            metrics_path=self._metrics_path,
        )
        return RestServer(RestApi(self._core), (self._flags.bind_address, max(0, self._flags.rest_api_port)), options)

    def _write_ports(self) -> None:
        """Write the ports aside, then rename: whoever sees the file can connect."""
        if not self._flags.port_file:
            return
        with atomic_write(Path(self._flags.port_file)) as partial:
            partial.write_text(json.dumps({"grpc": self.grpc_port, "rest": self.rest_port, "pid": os.getpid()}))


def _manager_options(flags: Flags) -> ManagerOptions:
    return ManagerOptions(
        poll_seconds=flags.file_system_poll_wait_seconds,
        load_retries=flags.max_num_load_retries,
        retry_seconds=flags.load_retry_interval_micros / 1e6,
        load_threads=flags.num_load_threads,
        drain_seconds=flags.max_run_seconds + flags.shutdown_grace_seconds,
    )


def _session_config(flags: Flags) -> config_pb2.ConfigProto:
    config = config_pb2.ConfigProto()
    if flags.tensorflow_session_config_file:
        read_text_proto(flags.tensorflow_session_config_file, config)
    both = flags.tensorflow_session_parallelism
    if intra := flags.tensorflow_intra_op_parallelism or both:
        config.intra_op_parallelism_threads = intra
    if inter := flags.tensorflow_inter_op_parallelism or both:
        config.inter_op_parallelism_threads = inter
    if flags.per_process_gpu_memory_fraction:
        config.gpu_options.per_process_gpu_memory_fraction = flags.per_process_gpu_memory_fraction
    return config


def _batching(flags: Flags) -> BatchingOptions | None:
    if not flags.enable_batching:
        return None
    parameters = config_message("BatchingParameters")()
    if flags.batching_parameters_file:
        read_text_proto(flags.batching_parameters_file, parameters)
    return BatchingOptions.from_proto(parameters)


def _metrics_path(flags: Flags) -> str:
    """Return the path of the Prometheus page, empty when it is not asked for."""
    if not flags.monitoring_config_file:
        return ""
    config = read_text_proto(flags.monitoring_config_file, config_message("MonitoringConfig")())
    if config.prometheus_config.enable and not flags.rest_api_port:
        raise invalid("--monitoring_config_file needs --rest_api_port: the metrics are served there")
    return (config.prometheus_config.path or DEFAULT_PATH) if config.prometheus_config.enable else ""


def _credentials(flags: Flags) -> grpc.ServerCredentials | None:
    if not flags.ssl_config_file:
        return None
    config = read_text_proto(flags.ssl_config_file, config_message("SSLConfig")())
    pair = (config.server_key.encode(), config.server_cert.encode())
    if not all(pair):
        raise invalid(f"{flags.ssl_config_file}: server_key and server_cert must both be given, in PEM form")
    authority = config.custom_ca.encode() or None
    if config.client_verify and authority is None:
        raise invalid(f"{flags.ssl_config_file}: client_verify needs custom_ca, the authority of the clients")
    return grpc.ssl_server_credentials([pair], authority, config.client_verify)


def _channel_options(flags: Flags) -> list[tuple[str, int | str]]:
    """Return gRPC's arguments: ours, then those of the flag, which win."""
    options: dict[str, int | str] = {
        "grpc.max_receive_message_length": flags.max_message_bytes,
        "grpc.max_send_message_length": flags.max_message_bytes,
        "grpc.so_reuseport": 0,  # a second server on the port must fail, not share the requests
    }
    for part in filter(None, flags.grpc_channel_arguments.split(",")):
        key, separator, value = part.partition("=")
        if not separator:
            raise invalid(f"--grpc_channel_arguments: {part!r} is not key=value")
        try:
            options[key] = int(value)
        except ValueError:
            options[key] = value
    return list(options.items())

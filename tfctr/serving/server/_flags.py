"""Flags of `tfctr serve`: tensorflow_model_server's own names and defaults, and a few of ours."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from tfctr.spec import suggest

_Value = TypeVar("_Value", bool, int, float, str)


def _flag(default: _Value, text: str, *, own: bool = False, idle: str = "") -> _Value:
    """A flag; `own` marks those TensorFlow Serving does not have, `idle` says why one has no effect here."""
    made: _Value = dataclasses.field(default=default, metadata={"help": text, "own": own, "idle": idle})
    return made


_CPUS = os.cpu_count() or 1
_NO_TFLITE = "models are run by TensorFlow itself"
_NO_PLATFORM = "there is one platform, tensorflow"


@dataclass(frozen=True)
class Flags:
    """What the server was asked to do; see `tfctr serve --help` for each flag."""

    port: int = _flag(8500, "TCP port of the gRPC API; 0 does not listen on TCP, -1 takes any free port")
    grpc_socket_path: str = _flag("", "also listen on this UNIX socket")
    rest_api_port: int = _flag(0, "TCP port of the REST API; 0 does not serve it, -1 takes any free port")
    rest_api_num_threads: int = _flag(4 * _CPUS, "REST requests answered at a time")
    rest_api_timeout_in_ms: int = _flag(30_000, "longest time a REST request may take, milliseconds")
    rest_api_enable_cors_support: bool = _flag(False, "send CORS headers with REST answers")
    model_name: str = _flag("default", "name of the model (ignored with --model_config_file)")
    model_base_path: str = _flag(
        "",
        "folder of the version folders (ignored with --model_config_file); while it holds none, the server runs and "
        "answers NOT_FOUND",
    )
    model_config_file: str = _flag("", "text protobuf ModelServerConfig: several models, policies, labels")
    model_config_file_poll_wait_seconds: int = _flag(0, "seconds between two reads of that file; 0 reads it once")
    file_system_poll_wait_seconds: int = _flag(1, "seconds between two looks for versions; 0 looks once, < 0 never")
    allow_version_labels_for_unavailable_models: bool = _flag(
        False, "labels may name versions that are not loaded yet (needed for labels at start)"
    )
    max_num_load_retries: int = _flag(5, "attempts to load a version after the first failed")
    load_retry_interval_micros: int = _flag(60_000_000, "microseconds between two attempts; < 0 does not wait")
    num_load_threads: int = _flag(0, "versions loaded at a time; 0 and 1 load one after the other")
    num_unload_threads: int = _flag(0, "", idle="versions are unloaded one after the other on a thread of their own")
    flush_filesystem_caches: bool = _flag(True, "", idle="the system's file cache is left to the system")
    enable_model_warmup: bool = _flag(True, "replay assets.extra/tf_serving_warmup_requests before serving a version")
    num_request_iterations_for_warmup: int = _flag(0, "times each warm-up request is replayed; 0 means once")
    saved_model_tags: str = _flag("serve", "comma-separated tags of the meta graph to load")
    enable_batching: bool = _flag(False, "join concurrent requests of one signature into one run of the graph")
    batching_parameters_file: str = _flag("", "text protobuf BatchingParameters (needs --enable_batching)")
    enable_per_model_batching_params: bool = _flag(False, "", idle="batching parameters are those of the server")
    monitoring_config_file: str = _flag("", "text protobuf MonitoringConfig: Prometheus metrics on the REST port")
    ssl_config_file: str = _flag("", "text protobuf SSLConfig: keys and certificates of the gRPC port")
    use_alts_credentials: bool = _flag(False, "", idle="only --ssl_config_file secures the port")
    tensorflow_session_parallelism: int = _flag(0, "threads inside and between operations; 0 lets TensorFlow choose")
    tensorflow_intra_op_parallelism: int = _flag(0, "threads inside one operation; 0 lets TensorFlow choose")
    tensorflow_inter_op_parallelism: int = _flag(0, "operations run at a time; 0 lets TensorFlow choose")
    tensorflow_session_config_file: str = _flag("", "text protobuf ConfigProto of the sessions")
    per_process_gpu_memory_fraction: float = _flag(0.0, "share of the GPU's memory; 0 lets TensorFlow choose")
    grpc_channel_arguments: str = _flag("", "comma-separated key=value arguments of the gRPC server")
    grpc_max_threads: int = _flag(4 * _CPUS, "gRPC requests answered at a time")
    enable_grpc_healthcheck_service: bool = _flag(
        True, "serve grpc.health.v1 (on by default, unlike TensorFlow Serving)"
    )
    enable_serialization_as_tensor_content: bool = _flag(False, "answer in tensor_content, not in the typed fields")
    enable_signature_method_name_check: bool = _flag(
        False, "", idle="classify and regress look at the inputs and outputs of a signature"
    )
    platform_config_file: str = _flag("", "", idle=_NO_PLATFORM)
    remove_unused_fields_from_bundle_metagraph: bool = _flag(True, "", idle="only the signatures are kept in any case")
    prefer_tflite_model: bool = _flag(False, "", idle=_NO_TFLITE)
    num_tflite_pools: int = _flag(_CPUS, "", idle=_NO_TFLITE)
    num_tflite_interpreters_per_pool: int = _flag(1, "", idle=_NO_TFLITE)
    xla_cpu_compilation_enabled: bool = _flag(False, "", idle="a graph that asks for XLA gets it")
    xla_gpu_compilation_enabled: bool = _flag(False, "", idle="a graph that asks for XLA gets it")
    enable_profiler: bool = _flag(True, "", idle="there is no profiler service")
    thread_pool_factory_config_file: str = _flag("", "", idle="sessions use TensorFlow's own thread pools")
    mixed_precision: str = _flag("", "", idle="a model runs in the precision it was exported with")
    skip_initialize_tpu: bool = _flag(False, "", idle="TPUs are not used by this server")

    bind_address: str = _flag("0.0.0.0", "address to listen on; 127.0.0.1 keeps to this machine", own=True)
    port_file: str = _flag("", "write the ports listened on here, as JSON, once ready", own=True)
    max_rows_per_request: int = _flag(100_000, "more rows in one request are RESOURCE_EXHAUSTED", own=True)
    max_message_bytes: int = _flag(256 * 2**20, "larger messages are RESOURCE_EXHAUSTED", own=True)
    max_queued_requests: int = _flag(
        1_000, "gRPC requests waiting for a thread; more are RESOURCE_EXHAUSTED at once", own=True
    )
    max_run_seconds: float = _flag(60.0, "a run of the graph that takes longer is DEADLINE_EXCEEDED", own=True)
    shutdown_grace_seconds: float = _flag(30.0, "time for requests in flight after SIGTERM", own=True)
    enable_grpc_reflection: bool = _flag(True, "serve gRPC reflection", own=True)

    def without_effect(self) -> list[str]:
        """Return one sentence for each flag that was given and does nothing here."""
        return [
            f"--{entry.name} has no effect: {entry.metadata['idle']}"
            for entry in dataclasses.fields(self)
            if entry.metadata["idle"] and getattr(self, entry.name) != entry.default
        ]


class FlagError(Exception):
    """Flags that do not fit together, or that the server does not have."""


def parse_flags(arguments: Sequence[str]) -> Flags:
    """Return the flags of a command line, ``--name=value`` or ``--name value``; a bare ``--name`` is true.

    Raises:
        FlagError: For an unknown flag (with the nearest known name), a value of the wrong type, or flags that do not
            fit together.

    Example:
        >>> parse_flags(["--port=0", "--grpc_socket_path=/tmp/s", "--model_base_path=/m", "--enable_batching"]).port
        0
    """
    parsed, unknown = _parser().parse_known_args(list(arguments))
    if unknown:
        name = unknown[0].split("=")[0].lstrip("-")
        raise FlagError(f"unknown argument {unknown[0]!r}{suggest(name, [f.name for f in dataclasses.fields(Flags)])}")
    flags = Flags(**vars(parsed))
    problems = _problems(flags)
    if problems:
        raise FlagError("; ".join(problems))
    return flags


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tfctr serve",
        description="Serve TensorFlow SavedModels over gRPC and REST with TensorFlow Serving's API and flags.",
        allow_abbrev=False,
    )
    groups = {
        "": parser.add_argument_group("flags of tensorflow_model_server"),
        "own": parser.add_argument_group("flags of this server alone"),
        "idle": parser.add_argument_group("flags of tensorflow_model_server that are accepted without effect"),
    }
    for entry in dataclasses.fields(Flags):
        meta = entry.metadata
        group = groups["idle" if meta["idle"] else "own" if meta["own"] else ""]
        text = f"{meta['idle'] or meta['help']} (default: {entry.default!r})".replace("%", "%%")
        if isinstance(entry.default, bool):
            group.add_argument(
                f"--{entry.name}", nargs="?", const=True, default=entry.default, type=_boolean, help=text
            )
        else:
            group.add_argument(f"--{entry.name}", default=entry.default, type=type(entry.default), help=text)
    return parser


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the process, so that the server can be started from Python too."""

    def error(self, message: str) -> NoReturn:
        raise FlagError(message)


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "1", "yes", "t"):
        return True
    if text.lower() in ("false", "0", "no", "f"):
        return False
    raise argparse.ArgumentTypeError(f"must be true or false, received {text!r}")


def _problems(flags: Flags) -> list[str]:
    problems = []
    if not flags.port and not flags.grpc_socket_path:
        problems.append("give --port or --grpc_socket_path: the server would listen nowhere")
    if not flags.model_base_path and not flags.model_config_file:
        problems.append("give --model_base_path or --model_config_file: there is nothing to serve")
    if flags.port > 0 and flags.port == flags.rest_api_port:
        problems.append(f"--port and --rest_api_port are both {flags.port}; give them different ports")
    if flags.batching_parameters_file and not flags.enable_batching:
        problems.append("--batching_parameters_file needs --enable_batching")
    parallelism = (flags.tensorflow_intra_op_parallelism, flags.tensorflow_inter_op_parallelism)
    if flags.tensorflow_session_parallelism and any(parallelism):
        problems.append("give --tensorflow_session_parallelism, or the intra and inter flags, not both")
    for name in ("port", "rest_api_port"):
        if not -1 <= getattr(flags, name) <= 65_535:
            problems.append(f"--{name} must be -1 to 65535, received {getattr(flags, name)}")
    for name in ("max_rows_per_request", "max_message_bytes", "grpc_max_threads", "rest_api_num_threads"):
        if getattr(flags, name) < 1:
            problems.append(f"--{name} must be at least 1, received {getattr(flags, name)}")
    return problems

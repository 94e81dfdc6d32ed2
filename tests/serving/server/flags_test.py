"""tensorflow_model_server's flags, and what is said of those that do nothing."""

from __future__ import annotations

import pytest

from tfctr.serving.server._flags import FlagError, parse_flags

BASE = ["--model_base_path=/m"]
REAL = """
    port rest_api_port grpc_socket_path model_name model_base_path model_config_file
    model_config_file_poll_wait_seconds file_system_poll_wait_seconds enable_batching batching_parameters_file
    monitoring_config_file ssl_config_file max_num_load_retries load_retry_interval_micros num_load_threads
    enable_model_warmup num_request_iterations_for_warmup tensorflow_intra_op_parallelism
    tensorflow_inter_op_parallelism grpc_channel_arguments grpc_max_threads saved_model_tags
    allow_version_labels_for_unavailable_models enable_grpc_healthcheck_service rest_api_timeout_in_ms
    rest_api_num_threads
""".split()  # noqa: SIM905  # a list of forty quoted names is harder to read


def test_every_promised_flag_is_there_and_has_an_effect() -> None:
    flags = parse_flags(BASE)
    assert [name for name in REAL if not hasattr(flags, name)] == []
    changed = parse_flags([*BASE, *(f"--{name}=1" for name in REAL if name not in ("model_base_path",)), "--port=2"])
    assert changed.without_effect() == []


def test_defaults_are_those_of_tensorflow_serving() -> None:
    flags = parse_flags(BASE)
    assert (flags.port, flags.rest_api_port, flags.model_name) == (8500, 0, "default")
    assert (flags.max_num_load_retries, flags.load_retry_interval_micros) == (5, 60_000_000)
    assert (flags.file_system_poll_wait_seconds, flags.rest_api_timeout_in_ms) == (1, 30_000)
    assert flags.enable_model_warmup
    assert not flags.enable_batching


def test_a_flag_is_written_in_any_of_the_usual_ways() -> None:
    assert parse_flags([*BASE, "--port", "9000"]).port == 9000
    assert parse_flags([*BASE, "--enable_batching"]).enable_batching
    assert not parse_flags([*BASE, "--enable_model_warmup=false"]).enable_model_warmup


def test_a_flag_without_effect_says_so() -> None:
    assert parse_flags(BASE).without_effect() == []
    (sentence,) = parse_flags([*BASE, "--prefer_tflite_model"]).without_effect()
    assert "prefer_tflite_model has no effect" in sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--modell_name=x"], "did you mean 'model_name'"),
        (["--port=many"], "invalid int value: 'many'"),
        (["--enable_batching=perhaps"], "must be true or false"),
        (["--rest_api_port=8500"], "both 8500"),
        (["--port=70000"], "-1 to 65535"),
        (["--port=0"], "listen nowhere"),
        (["--batching_parameters_file=x"], "needs --enable_batching"),
        (["--model_base_path="], "nothing to serve"),
        (["--max_rows_per_request=0"], "at least 1"),
    ],
)
def test_wrong_flags_are_refused_with_what_to_do(arguments: list[str], words: str) -> None:
    with pytest.raises(FlagError, match=words):
        parse_flags([*BASE, *arguments])

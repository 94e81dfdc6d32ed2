"""`tfctr serve` as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.serving.conftest import predict_of

COMMAND = [sys.executable, "-m", "tfctr.serving.server._main"]


@pytest.fixture
def process(models_dir: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    """A running server with REST, metrics and a socket, and its ports."""
    ports, monitoring = tmp_path / "ports.json", tmp_path / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    arguments = [
        f"--model_base_path={models_dir / 'everything'}", "--model_name=ads", "--port=-1", "--rest_api_port=-1",
        "--bind_address=127.0.0.1", f"--port_file={ports}", f"--monitoring_config_file={monitoring}",
        f"--grpc_socket_path={tmp_path / 's'}", "--tensorflow_intra_op_parallelism=1", "--prefer_tflite_model",
    ]  # fmt: skip
    running = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 90
        while not ports.exists():
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield running, json.loads(ports.read_text())
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate(timeout=30)


def test_sigterm_finishes_what_is_in_flight_and_ends_with_zero(
    process: tuple[subprocess.Popen[str], dict[str, int]], tmp_path: Path
) -> None:
    running, ports = process
    with grpc.insecure_channel(f"127.0.0.1:{ports['grpc']}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert stub.Predict(predict_of("ads", x=[[1.0, 2.0]]), timeout=20).outputs["sum"].float_val[0] == 4.5
        with grpc.insecure_channel(f"unix:{tmp_path / 's'}") as local:
            by_socket = prediction_service_pb2_grpc.PredictionServiceStub(local)
            assert by_socket.Predict(predict_of("ads", x=[[1.0, 2.0]]), timeout=20).model_spec.version.value == 2
        url = f"http://127.0.0.1:{ports['rest']}/monitoring/prometheus/metrics"
        with urllib.request.urlopen(url, timeout=20) as page:
            text = page.read().decode()
        assert ':tensorflow:serving:request_count{model_name="ads",status="OK"} 2.0' in text
        assert ":tensorflow:serving:request_latency_bucket" in text
        slow = stub.Predict.future(predict_of("ads", "spin", steps=1_000), timeout=60)
        time.sleep(0.3)
        os.kill(running.pid, signal.SIGTERM)
        assert slow.result(timeout=60).outputs["done"].float_val
    output, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert f"Running gRPC ModelServer at 127.0.0.1:{ports['grpc']}" in output
    assert "--prefer_tflite_model has no effect" in errors


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    wrong = subprocess.run([*COMMAND, "--modle_name=x"], capture_output=True, text=True, timeout=90, check=False)
    assert wrong.returncode == 2
    assert "did you mean 'model_name'" in wrong.stderr

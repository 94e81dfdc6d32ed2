"""Hot swap, failing loads, vanished folders, reloads: everything that changes while a server runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2, model_service_pb2_grpc

from tests.serving.conftest import Asked, ask, local_flags, predict_of
from tfctr.serving import PredictionClient, PredictionError
from tfctr.serving.server._errors import RequestError
from tfctr.serving.server._model_server import ModelServer
from tfctr.serving.server._saved_model import SavedModel
from tfctr.serving.server._servable import Servable

X = np.zeros((1, 2), np.float32)
STATES = get_model_status_pb2.ModelVersionStatus


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until `holds`, and fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def states(asked: Asked, name: str = "default") -> dict[int, tuple[str, str]]:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    entries = asked.model.GetModelStatus(request, timeout=20).model_version_status
    return {entry.version: (STATES.State.Name(entry.state), entry.status.error_message) for entry in entries}


def bias(asked: Asked) -> float:
    return asked.predict.Predict(predict_of("default", x=X), timeout=20).outputs["sum"].float_val[0]


@pytest.fixture
def base(tmp_path: Path, models_dir: Path) -> Path:
    """A base path with version 1 (bias 0.5)."""
    shutil.copytree(models_dir / "everything" / "1", tmp_path / "base" / "1")
    return tmp_path / "base"


def put(models_dir: Path, base: Path, number: int) -> None:
    """Make the model of bias 1.5 appear as this version in one rename."""
    shutil.copytree(models_dir / "everything" / "00002", base / f".part-{number}")
    (base / f".part-{number}").rename(base / str(number))


def test_a_swap_under_load_fails_no_call_and_drops_the_old_version(base: Path, models_dir: Path) -> None:
    with ModelServer(local_flags(model_base_path=str(base))) as server:
        asked = ask(server)
        seen: list[tuple[int, float]] = []
        failures: list[Exception] = []
        done = threading.Event()

        def load() -> None:
            while not done.is_set():
                try:
                    response = asked.predict.Predict(predict_of("default", x=X), timeout=20)
                    seen.append((response.model_spec.version.value, response.outputs["sum"].float_val[0]))
                except grpc.RpcError as error:
                    failures.append(error)

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: len(seen) > 20)
            for number in (2, 3, 4):
                put(models_dir, base, number)
                until(lambda number=number: bool(seen) and seen[-1][0] == number)
            until(lambda: states(asked)[3][0] == "END")
        finally:
            done.set()
            for thread in threads:
                thread.join(20)
        assert failures == []
        assert {version for version, _ in seen} == {1, 2, 3, 4}
        assert all(value == (0.5 if version == 1 else 1.5) for version, value in seen)
        assert {number: state for number, (state, _) in states(asked).items()} == {
            1: "END", 2: "END", 3: "END", 4: "AVAILABLE",
        }  # fmt: skip


def test_a_call_in_flight_on_the_old_version_is_finished(base: Path, models_dir: Path) -> None:
    with ModelServer(local_flags(model_base_path=str(base))) as server:
        asked = ask(server)
        slow = asked.predict.Predict.future(predict_of("default", "spin", steps=3_000), timeout=60)
        time.sleep(0.1)
        put(models_dir, base, 2)
        until(lambda: bias(asked) == 1.5)
        response = slow.result(timeout=60)
        assert response.model_spec.version.value == 1
        until(lambda: states(asked)[1][0] == "END")


def test_a_version_that_fails_to_load_leaves_the_old_one_in_service(base: Path) -> None:
    with ModelServer(local_flags(model_base_path=str(base))) as server:
        asked = ask(server)
        (base / "2").mkdir()
        (base / "2" / "saved_model.pb").write_bytes(b"no model")
        until(lambda: states(asked).get(2, ("", ""))[0] == "END")
        message = states(asked)[2][1]
        assert "saved_model" in message or "parse" in message.lower()
        assert states(asked)[1][0] == "AVAILABLE"
        assert bias(asked) == 0.5


def test_a_failed_load_is_tried_again_and_a_repaired_folder_then_answers(base: Path, models_dir: Path) -> None:
    flags = local_flags(model_base_path=str(base), max_num_load_retries=1000, load_retry_interval_micros=100_000)
    with ModelServer(flags) as server:
        asked = ask(server)
        (base / "2").mkdir()
        until(lambda: states(asked).get(2, ("", ""))[1] != "")  # the first attempt failed
        assert states(asked)[2][0] == "LOADING"
        shutil.copytree(models_dir / "everything" / "00002", base / "2", dirs_exist_ok=True)
        until(lambda: bias(asked) == 1.5)


def test_a_damaged_warm_up_file_keeps_a_version_out(base: Path, models_dir: Path) -> None:
    with ModelServer(local_flags(model_base_path=str(base))) as server:
        asked = ask(server)
        shutil.copytree(models_dir / "everything" / "00002", base / ".2")
        (base / ".2" / "assets.extra").mkdir()
        (base / ".2" / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"no records" * 10)
        (base / ".2").rename(base / "2")
        until(lambda: states(asked).get(2, ("", ""))[0] == "END")
        assert "tf_serving_warmup_requests" in states(asked)[2][1]
        assert bias(asked) == 0.5


def test_a_vanished_version_gives_way_to_the_one_before_and_the_last_is_unloaded(base: Path, models_dir: Path) -> None:
    put(models_dir, base, 2)
    with ModelServer(local_flags(model_base_path=str(base))) as server:
        asked = ask(server)
        assert bias(asked) == 1.5
        shutil.rmtree(base / "2")
        until(lambda: bias(asked) == 0.5)
        shutil.rmtree(base / "1")
        until(lambda: all(state == "END" for state, _ in states(asked).values()))
        code, message = asked.code_of(asked.predict.Predict, predict_of("default", x=X))
        assert code is grpc.StatusCode.NOT_FOUND
        assert "no version of it is loaded" in message
        stub = health_pb2_grpc.HealthStub(asked.channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(service=""), timeout=20)
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        put(models_dir, base, 2)  # a number that was there before comes back
        until(lambda: states(asked)[2][0] == "AVAILABLE")


def test_a_base_path_that_is_gone_for_a_while_unloads_nothing(base: Path) -> None:
    with ModelServer(local_flags(model_base_path=str(base))) as server:
        asked = ask(server)
        base.rename(base.with_name("away"))
        time.sleep(0.5)  # several polls
        assert bias(asked) == 0.5


def test_a_server_whose_only_version_cannot_be_loaded_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    server = ModelServer(local_flags(model_base_path=str(tmp_path)))
    try:
        with pytest.raises(RequestError, match="did not become available: default version 1") as caught:
            server.start()
        assert caught.value.code is grpc.StatusCode.UNKNOWN
    finally:
        server.stop(0)


def reload_of(text: str) -> model_management_pb2.ReloadConfigRequest:
    return text_format.Parse(f"config {{ {text} }}", model_management_pb2.ReloadConfigRequest())


def entry(name: str, path: Path, more: str = "") -> str:
    return f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" {more} }}'


def test_a_reload_adds_and_removes_models_and_moves_labels(base: Path, models_dir: Path) -> None:
    put(models_dir, base, 2)
    with ModelServer(local_flags(model_base_path=str(base))) as server:
        asked = ask(server)
        stub: model_service_pb2_grpc.ModelServiceStub = asked.model
        both = "model_version_policy { specific { versions: 1 versions: 2 } }"
        listed = f"model_config_list {{ {entry('default', base, both)} {entry('other', models_dir / 'one_op')} }}"
        assert stub.HandleReloadConfigRequest(reload_of(listed), timeout=30).status.error_code == 0
        assert asked.predict.Predict(predict_of("other", x=np.float32([[2.0]])), timeout=20)
        until(lambda: states(asked)[1][0] == "AVAILABLE")

        labelled = entry("default", base, both + ' version_labels { key: "stable" value: 1 }')
        stub.HandleReloadConfigRequest(reload_of(f"model_config_list {{ {labelled} }}"), timeout=30)
        request = predict_of("default", x=X)
        request.model_spec.version_label = "stable"
        assert asked.predict.Predict(request, timeout=20).outputs["sum"].float_val[0] == 0.5
        until(lambda: asked.code_of(asked.predict.Predict, predict_of("other", x=X))[0] is grpc.StatusCode.NOT_FOUND)

        absent = entry("default", base, 'version_labels { key: "stable" value: 5 }')
        code, message = asked.code_of(stub.HandleReloadConfigRequest, reload_of(f"model_config_list {{ {absent} }}"))
        assert code is grpc.StatusCode.FAILED_PRECONDITION, message
        assert asked.predict.Predict(request, timeout=20).outputs["sum"].float_val[0] == 0.5  # nothing was changed
        code, _ = asked.code_of(stub.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest())
        assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_changed_configuration_file_is_applied_and_a_broken_one_is_not(base: Path, models_dir: Path) -> None:
    file = base.parent / "models.config"
    file.write_text(f"model_config_list {{ {entry('default', base)} }}")
    flags = local_flags(model_config_file=str(file), model_config_file_poll_wait_seconds=1)
    with ModelServer(flags) as server:
        asked = ask(server)
        file.write_text("model_config_list { oops")
        time.sleep(1.3)
        assert bias(asked) == 0.5
        file.write_text(f"model_config_list {{ {entry('default', base)} {entry('new', models_dir / 'one_op')} }}")
        until(lambda: "AVAILABLE" in str(try_states(asked, "new")))


def try_states(asked: Asked, name: str) -> dict[int, tuple[str, str]]:
    try:
        return states(asked, name)
    except grpc.RpcError:
        return {}


def test_too_many_requests_at_once_are_refused_not_queued_for_ever(base: Path) -> None:
    flags = local_flags(model_base_path=str(base), grpc_max_threads=1, max_queued_requests=1)
    with ModelServer(flags) as server:
        asked = ask(server)
        calls = [asked.predict.Predict.future(predict_of("default", "spin", steps=500), timeout=60) for _ in range(8)]
        codes = [call.code() for call in calls]
        assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes
        assert grpc.StatusCode.OK in codes
        assert set(codes) <= {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.OK}


def test_a_run_longer_than_allowed_is_cancelled(base: Path) -> None:
    with ModelServer(local_flags(model_base_path=str(base), max_run_seconds=0.2)) as server:
        asked = ask(server)
        began = time.monotonic()
        code, _ = asked.code_of(asked.predict.Predict, predict_of("default", "spin", steps=10**7))
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - began < 10
        assert bias(asked) == 0.5


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell a process its memory")
def test_a_dropped_version_gives_its_memory_back(tmp_path: Path) -> None:
    module = tf.Module()
    module.big = tf.Variable(tf.ones([8 * 2**20]))  # 32 MiB
    look = tf.function(
        lambda i: {"y": tf.gather(module.big, i)}, input_signature=[tf.TensorSpec([None], tf.int32, "i")]
    )
    tf.saved_model.save(module, str(tmp_path / "1"), signatures=look)
    module.big = None

    def load_and_drop() -> None:
        servable = Servable(1, SavedModel(tmp_path / "1"))
        signature = servable.signatures["serving_default"]
        assert servable.acquire()
        feeds, fetches = [signature.inputs["i"].tensor], [signature.outputs["y"].tensor]
        assert servable.run(feeds, fetches, [np.array([5], np.int32)])[0].tolist() == [1.0]
        servable.release()
        assert servable.retire(5)
        assert not servable.acquire()

    load_and_drop()
    before = resident_mib()
    for _ in range(5):
        load_and_drop()
    assert resident_mib() - before < 48, "five versions of 32 MiB came and went"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_tls(base: Path) -> None:
    key, certificate, config = (base.parent / name for name in ("key.pem", "cert.pem", "ssl.config"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    lines = {"server_key": key.read_text(), "server_cert": certificate.read_text()}
    config.write_text("\n".join(f"{name}: {json.dumps(text)}" for name, text in lines.items()))
    with ModelServer(local_flags(model_base_path=str(base), ssl_config_file=str(config))) as server:
        trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
        with PredictionClient(f"localhost:{server.grpc_port}", credentials=trusted, timeout_seconds=20) as client:
            assert client.predict_tensors({"x": X})["sum"].tolist() == [0.5]
        in_clear = PredictionClient(f"localhost:{server.grpc_port}", timeout_seconds=3)
        with in_clear, pytest.raises(PredictionError):
            in_clear.predict_tensors({"x": X})

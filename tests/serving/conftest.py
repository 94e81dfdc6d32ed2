"""A server in this process with hand-made models, and stubs to ask it over real gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow_serving.apis import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc

from tests.serving.ads import ADS, TWO_TASKS, TwoTowers, make_log
from tests.serving.models import save_identities, save_model, save_one_op_graph
from tfctr.serving.server._flags import Flags
from tfctr.serving.server._model_server import ModelServer

if TYPE_CHECKING:
    from tfctr.transform import TransformOutput

CONFIG = """
model_config_list {{
  config {{
    name: "everything" base_path: "{base}/everything" model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
    version_labels {{ key: "stable" value: 1 }}
    version_labels {{ key: "future" value: 9 }}
  }}
  config {{ name: "one_op" base_path: "{base}/one_op" model_platform: "tensorflow" }}
  config {{ name: "identities" base_path: "{base}/identities" model_platform: "tensorflow" }}
}}
"""


class Asked(NamedTuple):
    """A running server and the two stubs that ask it."""

    server: ModelServer
    predict: prediction_service_pb2_grpc.PredictionServiceStub
    model: model_service_pb2_grpc.ModelServiceStub
    channel: grpc.Channel

    def code_of(self, method: Any, request: Any) -> tuple[grpc.StatusCode, str]:
        """Send a request that must be refused; return code and message."""
        with pytest.raises(grpc.RpcError) as caught:
            method(request, timeout=20)
        return caught.value.code(), caught.value.details()


def ask(server: ModelServer) -> Asked:
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
    predict = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    return Asked(server, predict, model_service_pb2_grpc.ModelServiceStub(channel), channel)


def local_flags(**given: Any) -> Flags:
    """Flags of a server on free ports of this machine that retries and polls without long waits."""
    quick: dict[str, Any] = {
        "port": -1,
        "bind_address": "127.0.0.1",
        "max_num_load_retries": 1,
        "load_retry_interval_micros": 50_000,
        "file_system_poll_wait_seconds": 0.1,
        "shutdown_grace_seconds": 5.0,
    }
    return Flags(**(quick | given))


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model folders: `everything` (versions 1 and 2, biases 0.5 and 1.5), `one_op`, `identities`."""
    base = tmp_path_factory.mktemp("models")
    save_model(base / "everything" / "1", 0.5)
    save_model(base / "everything" / "00002", 1.5)
    (base / "everything" / "notes").mkdir()
    save_one_op_graph(base / "one_op" / "123")
    save_identities(base / "identities" / "1")
    return base


@pytest.fixture(scope="session")
def asked(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A server of all three models, shared by all tests that change nothing."""
    file = tmp_path_factory.mktemp("config") / "models.config"
    file.write_text(CONFIG.format(base=models_dir))
    flags = local_flags(
        model_config_file=str(file),
        rest_api_port=-1,
        allow_version_labels_for_unavailable_models=True,
        file_system_poll_wait_seconds=0,
        max_message_bytes=16 * 2**20,
    )
    with ModelServer(flags) as server:
        found = ask(server)
        yield found
        found.channel.close()


def predict_of(model: str = "everything", signature: str = "", **inputs: Any) -> predict_pb2.PredictRequest:
    """A Predict request made with TensorFlow's own conversion, not with ours."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


class Exported(NamedTuple):
    """An exported model and what it was made of."""

    model: Any
    transform: Any
    base: Path
    rows: pa.Table

    @property
    def folder(self) -> Path:
        return self.base / "1"

    def expected(self, table: pa.Table | None = None) -> dict[str, np.ndarray]:
        """What the model itself answers to raw rows, by task, without any export."""
        outputs = self.model.predict(self.transform.transform(self.rows if table is None else table), verbose=0)
        return outputs if isinstance(outputs, dict) else {"click": outputs}


def _export(model: Any, transform: Any, base: Path) -> Exported:
    from tfctr.serving import export_model

    rows = make_log(257, seed=2)
    export_model(model, transform, base / "1", warmup_rows=rows)
    return Exported(model, transform, base, rows)


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    """The transform of `TWO_TASKS`; read with the spec `ADS`, which has the same features, it is that of `ADS`."""
    from tfctr.transform import fit_transform

    return fit_transform(TWO_TASKS, make_log(400, seed=1), tmp_path_factory.mktemp("learned") / "transform")


@pytest.fixture(scope="session")
def exported(learned: TransformOutput, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A DNN on `ADS`, exported with warm-up requests."""
    from tfctr.models.dnn import DNN
    from tfctr.transform import TransformOutput

    keras.utils.set_random_seed(7)
    transform = TransformOutput(learned.directory, ADS)
    model = DNN(transform.bound_spec, embedding_dim=8, hidden_units=(16, 8))
    model.build()
    return _export(model, transform, tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="session")
def two_tasks(learned: TransformOutput, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A model of two tasks."""
    keras.utils.set_random_seed(7)
    return _export(TwoTowers(learned.bound_spec), learned, tmp_path_factory.mktemp("two_tasks"))


@pytest.fixture(scope="session")
def exported_server(exported: Exported) -> Iterator[ModelServer]:
    """A server of `exported` under the name `ads`."""
    flags = local_flags(model_base_path=str(exported.base), model_name="ads", rest_api_port=-1)
    with ModelServer(flags) as server:
        yield server

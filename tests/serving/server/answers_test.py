"""What good requests are answered, over real gRPC."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from tests.serving.conftest import Asked, predict_of
from tests.serving.models import DTYPES
from tests.serving.server.codes_test import SCORE, VALUE, classify_of, examples, multi_of, regress_of

X = np.array([[1, 2], [3, 4]], np.float32)


def test_the_latest_version_answers_and_says_which_it_is(asked: Asked) -> None:
    response = asked.predict.Predict(predict_of(x=X), timeout=20)
    assert list(response.outputs["sum"].float_val) == [4.5, 8.5]  # 1 + 2 and 3 + 4, bias 1.5 of version 2
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["twice"]), 2 * X)
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("everything", 2, "serving_default")


def test_a_version_is_addressed_by_number_and_by_label(asked: Asked) -> None:
    request = predict_of(x=X)
    request.model_spec.version.value = 1
    assert asked.predict.Predict(request, timeout=20).outputs["sum"].float_val[0] == 3.5
    request.model_spec.version_label = "stable"
    response = asked.predict.Predict(request, timeout=20)
    assert response.outputs["sum"].float_val[0] == 3.5
    assert response.model_spec.version.value == 1


def test_an_output_filter_leaves_out_the_rest(asked: Asked) -> None:
    request = predict_of(x=X)
    request.output_filter.append("sum")
    assert set(asked.predict.Predict(request, timeout=20).outputs) == {"sum"}


def test_strings_tables_and_assets(asked: Asked) -> None:
    response = asked.predict.Predict(predict_of(signature="look_up", word=[b"cherry", b"none", b""]), timeout=20)
    assert list(response.outputs["row"].int64_val) == [2, -1, -1]
    assert list(response.outputs["echo"].string_val) == [b"cherry", b"none", b""]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back_in_the_typed_field(asked: Asked, dtype: str) -> None:
    values = np.array([b"a", b"\xff"], object) if dtype == "string" else np.array([0, 1])
    value = tf.constant(values, tf.string) if dtype == "string" else tf.cast(values, dtype)
    proto = asked.predict.Predict(predict_of("identities", dtype, x=value), timeout=20).outputs["y"]
    assert not proto.tensor_content
    np.testing.assert_array_equal(tf.make_ndarray(proto), value.numpy())


def test_a_short_typed_list_repeats_its_last_value(asked: Asked) -> None:
    request = predict_of()
    request.inputs["x"].dtype = 1
    for size in (3, 2):
        request.inputs["x"].tensor_shape.dim.add().size = size
    request.inputs["x"].float_val.extend([1, 2, 3])
    response = asked.predict.Predict(request, timeout=20)
    assert list(response.outputs["sum"].float_val) == [4.5, 7.5, 7.5]


def test_no_rows_are_answered_with_no_rows(asked: Asked) -> None:
    response = asked.predict.Predict(predict_of(x=np.zeros((0, 2), np.float32)), timeout=20)
    assert tf.make_ndarray(response.outputs["sum"]).shape == (0,)
    assert tf.make_ndarray(response.outputs["twice"]).shape == (0, 2)


def test_a_hundred_thousand_rows_are_answered(asked: Asked) -> None:
    rows = np.arange(200_000, dtype=np.float32).reshape(-1, 2)
    response = asked.predict.Predict(predict_of(x=rows), timeout=60)
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["sum"]), rows.sum(1) + np.float32(1.5))


def test_classify_gives_a_label_and_a_score_for_each_class(asked: Asked) -> None:
    response = asked.predict.Classify(classify_of(input=examples(0.0, 1.0)), timeout=20)
    rows = [[(entry.label, entry.score) for entry in row.classes] for row in response.result.classifications]
    yes = 1 / (1 + np.exp(-2.5))  # x = 1, bias 1.5
    assert rows[1] == [("no", pytest.approx(1 - yes, abs=1e-6)), ("yes", pytest.approx(yes, abs=1e-6))]
    assert len(rows) == 2
    assert response.model_spec.signature_name == "score"
    assert response.model_spec.version.value == 2


def test_a_context_is_merged_into_each_example_and_loses_to_it(asked: Asked) -> None:
    response = asked.predict.Regress(regress_of(input=examples(0.0, 7.0, context=3.0)), timeout=20)
    assert [entry.value for entry in response.result.regressions] == [4.5, 8.5]


def test_the_old_one_op_graph(asked: Asked) -> None:
    request = regress_of("regress_x_to_y", input=examples(6.0))
    request.model_spec.name = "one_op"
    response = asked.predict.Regress(request, timeout=20)
    assert [entry.value for entry in response.result.regressions] == [5.0]  # 0.5 * 6 + 2
    assert response.model_spec.version.value == 123
    direct = asked.predict.Predict(predict_of("one_op", x=np.float32([[2.0]])), timeout=20)
    assert list(direct.outputs["y"].float_val) == [3.0]


def test_multi_inference_answers_each_task_in_order(asked: Asked) -> None:
    response = asked.predict.MultiInference(multi_of(VALUE, SCORE, rows=2), timeout=20)
    value, score = response.results
    assert [entry.value for entry in value.regression_result.regressions] == [2.5, 2.5]
    assert len(score.classification_result.classifications) == 2
    assert value.model_spec.signature_name == "value"
    assert value.model_spec.version.value == 2


def test_metadata_holds_the_signatures(asked: Asked) -> None:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "everything"
    response = asked.predict.GetModelMetadata(request, timeout=20)
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    assert {"serving_default", "look_up", "score", "value"} <= set(found.signature_def)
    assert response.model_spec.version.value == 2


def test_status_tells_the_state_of_each_version(asked: Asked) -> None:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "everything"
    entries = asked.model.GetModelStatus(request, timeout=20).model_version_status
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert [(entry.version, entry.state, entry.status.error_code) for entry in entries] == [
        (2, available, 0),
        (1, available, 0),
    ]


@pytest.mark.parametrize("service", ["", "tensorflow.serving.PredictionService", "PredictionService", "ModelService"])
def test_health(asked: Asked, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(asked.channel)
    response = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=20)
    assert response.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_lists_and_describes_the_services(asked: Asked) -> None:
    database = ProtoReflectionDescriptorDatabase(asked.channel)
    assert {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "grpc.health.v1.Health",
    } <= set(database.get_services())
    file = database.FindFileContainingSymbol("tensorflow.serving.PredictionService")
    assert {method.name for method in file.service[0].method} >= {"Predict", "Classify", "Regress", "MultiInference"}

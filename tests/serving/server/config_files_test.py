"""Configuration files in text protobuf."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tfctr.serving.server._batching import BatchingOptions
from tfctr.serving.server._config_files import check_model_config, checked_labels, config_message, read_text_proto
from tfctr.serving.server._errors import RequestError


def config(text: str) -> model_server_config_pb2.ModelServerConfig:
    return text_format.Parse(text, model_server_config_pb2.ModelServerConfig())


GOOD = 'model_config_list { config { name: "a" base_path: "/a" model_platform: "tensorflow" LABELS } }'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace('name: "a"', ""), "has no name"),
        (
            GOOD.replace("LABELS } }", '} config { name: "a" base_path: "/b" model_platform: "tensorflow" } }'),
            "multiple",
        ),
        (GOOD.replace('"/a"', '"a"').replace("LABELS", ""), "absolute path"),
        (GOOD.replace('model_platform: "tensorflow"', "").replace("LABELS", ""), "add model_platform"),
        (GOOD.replace('"tensorflow"', '"onnx"').replace("LABELS", ""), "unsupported platform onnx"),
        ("custom_model_config { }", "only model_config_list"),
    ],
)
def test_a_configuration_that_cannot_be_served_is_refused(text: str, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        check_model_config(config(text.replace("LABELS", "")))


def test_labels_name_versions_that_answer_unless_allowed_otherwise() -> None:
    labelled = config(GOOD.replace("LABELS", 'version_labels { key: "stable" value: 2 }'))
    assert checked_labels(labelled, {"a": (2,)}, {}, allow_unavailable=False) == {"a": {"stable": 2}}
    with pytest.raises(RequestError, match="not currently available") as caught:
        checked_labels(labelled, {"a": (1,)}, {}, allow_unavailable=False)
    assert caught.value.code.name == "FAILED_PRECONDITION"
    assert checked_labels(labelled, {"a": ()}, {}, allow_unavailable=True) == {"a": {"stable": 2}}
    with pytest.raises(RequestError):  # a label in use may not move to a version that is not there
        checked_labels(labelled, {"a": (1,)}, {"a": {"stable": 1}}, allow_unavailable=True)


def test_a_mistake_in_a_file_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "ssl.config"
    file.write_text('server_key: "k"\nserver_cart: "c"\n')
    with pytest.raises(RequestError, match=r"ssl\.config.*2:1.*SSLConfig"):
        read_text_proto(file, config_message("SSLConfig")())
    with pytest.raises(RequestError, match="cannot read"):
        read_text_proto(tmp_path / "absent", config_message("SSLConfig")())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("pad_variable_length_inputs: true max_execution_batch_size { value: 4 }", {"pad_v", "max_e"}),
        ("enable_large_batch_splitting { value: true }", {"enable_l"}),
        ("enable_large_batch_splitting { value: false } max_batch_size { value: 8 }", set()),
    ],
)
def test_batching_parameters_without_effect_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, named: set[str]
) -> None:
    (tmp_path / "batching.config").write_text(text)
    BatchingOptions.from_proto(read_text_proto(tmp_path / "batching.config", config_message("BatchingParameters")()))
    assert {name for name in ("pad_v", "enable_l", "max_e") if name in caplog.text} == named
    assert ("without effect" in caplog.text) == bool(named)


def test_batching_parameters_are_read_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "batching.config"
    file.write_text("max_batch_size { value: 8 } batch_timeout_micros { value: 500 } allowed_batch_sizes: [2, 8]")
    parameters = read_text_proto(file, config_message("BatchingParameters")())
    options = BatchingOptions.from_proto(parameters)
    assert (options.max_batch_size, options.batch_timeout_micros, options.allowed_batch_sizes) == (8, 500, (2, 8))
    parameters.allowed_batch_sizes[:] = [8, 2]
    with pytest.raises(RequestError, match="must increase"):
        BatchingOptions.from_proto(parameters)

"""The REST API over real HTTP."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.serving.conftest import Asked


def fetch(asked: Asked, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"http://127.0.0.1:{asked.server.rest_port}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=20) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


MODEL = "/v1/models/everything"


def test_row_form_and_column_form(asked: Asked) -> None:
    rows = {"instances": [[1, 2], [0.1, 0.1]]}
    assert fetch(asked, f"{MODEL}:predict", rows) == (
        200,
        {"predictions": [{"sum": 4.5, "twice": [2.0, 4.0]}, {"sum": 1.7, "twice": [0.2, 0.2]}]},
    )
    named = {"instances": [{"x": [1, 2]}]}
    assert fetch(asked, f"{MODEL}:predict", named)[1] == {"predictions": [{"sum": 4.5, "twice": [2.0, 4.0]}]}
    columns = {"inputs": {"x": [[1, 2]]}}
    assert fetch(asked, f"{MODEL}:predict", columns)[1] == {"outputs": {"sum": [4.5], "twice": [[2.0, 4.0]]}}


def test_versions_labels_and_names_in_the_path(asked: Asked) -> None:
    body = {"inputs": [[0, 0]]}
    assert fetch(asked, f"{MODEL}/versions/1:predict", body)[1]["outputs"]["sum"] == [0.5]
    assert fetch(asked, f"{MODEL}/labels/stable:predict", body)[1]["outputs"]["sum"] == [0.5]
    assert fetch(asked, "/v1/models/%65verything:predict", body)[0] == 200


def test_strings_bytes_and_bare_words(asked: Asked) -> None:
    body = {"signature_name": "look_up", "instances": ["cherry", {"b64": "YXBwbGU="}]}
    assert fetch(asked, f"{MODEL}:predict", body) == (
        200,
        {"predictions": [{"echo": "cherry", "row": 2}, {"echo": "apple", "row": 0}]},
    )
    url = f"http://127.0.0.1:{asked.server.rest_port}{MODEL}:predict"
    with urllib.request.urlopen(url, b'{"instances": [[NaN, 1], [Infinity, -Infinity]]}', timeout=20) as response:
        text = response.read().decode()
    assert "NaN" in text
    assert "-Infinity" in text


def test_classify_and_regress(asked: Asked) -> None:
    body = {"signature_name": "value", "context": {"x": 3.0}, "examples": [{}, {"x": [7.0]}]}
    assert fetch(asked, f"{MODEL}:regress", body) == (200, {"results": [4.5, 8.5]})
    status, answer = fetch(asked, f"{MODEL}:classify", {"signature_name": "score", "examples": [{"x": -1.5}]})
    assert (status, answer) == (200, {"results": [[["no", 0.5], ["yes", 0.5]]]})


def test_status_and_metadata(asked: Asked) -> None:
    status, answer = fetch(asked, MODEL)
    assert status == 200
    assert answer["model_version_status"][0] == {
        "version": "2", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""},
    }  # fmt: skip
    status, answer = fetch(asked, f"{MODEL}/versions/1/metadata")
    assert answer["model_spec"]["version"] == "1"
    assert answer["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["x"]["dtype"] == "DT_FLOAT"


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (f"{MODEL}:predict", b"", 400, "empty"),
        (f"{MODEL}:predict", b"{", 400, "JSON Parse error"),
        (f"{MODEL}:predict", [1], 400, "Is not object"),
        (f"{MODEL}:predict", {}, 400, "'inputs' or 'instances'"),
        (f"{MODEL}:predict", {"inputs": [], "instances": []}, 400, "only one of"),
        (f"{MODEL}:predict", {"instances": []}, 400, "No values in 'instances'"),
        (f"{MODEL}:predict", {"instances": 3}, 400, "list/array"),
        (f"{MODEL}:predict", {"instances": [[1, 2], [1]]}, 400, "equally long"),
        (f"{MODEL}:predict", {"instances": [[1, "a"]]}, 400, "is not of expected type: float"),
        (f"{MODEL}:predict", {"instances": [[1, True]]}, 400, "is not of expected type: float"),
        (f"{MODEL}:predict", {"instances": [{"x": [1, 2], "y": 1}]}, 400, "keys must be"),
        (f"{MODEL}:predict", {"inputs": {"y": 1}}, 400, "Missing named input"),
        (f"{MODEL}:predict", {"instances": [[1, 2, 3]]}, 400, "input 'x' must be float"),
        (f"{MODEL}:predict", {"signature_name": "none", "instances": [1]}, 400, "not found"),
        (f"{MODEL}:predict", {"signature_name": 3, "instances": [1]}, 400, "string value"),
        (f"{MODEL}:predict", {"signature_name": "look_up", "instances": [{"b64": "%"}]}, 400, "base64"),
        (f"{MODEL}:predict", b"[" * 100_000, 400, "JSON Parse error"),
        (f"{MODEL}/versions/8:predict", {"instances": [[1, 2]]}, 404, "Specific(everything, 8)"),
        (f"{MODEL}/labels/none:predict", {"instances": [[1, 2]]}, 400, "version label: none"),
        (f"{MODEL}/versions/1/labels/stable:predict", {"instances": [[1, 2]]}, 400, "Malformed request"),
        (f"{MODEL}:explain", {"instances": [[1, 2]]}, 400, "Malformed request"),
        ("/v1/models/nobody:predict", {"instances": [[1, 2]]}, 404, "Latest(nobody)"),
        ("/v1/models/nobody", None, 404, "nobody"),
        ("/elsewhere", None, 400, "Malformed request"),
        (f"{MODEL}:regress", {"signature_name": "value", "examples": []}, 400, "'examples'"),
        (f"{MODEL}:regress", {"signature_name": "value", "examples": [[1]]}, 400, "must be JSON object"),
        (f"{MODEL}:regress", {"signature_name": "value", "examples": [{"x": [1, "a"]}]}, 400, "one type a feature"),
        (f"{MODEL}:predict", {"instances": [[0, 0]] * 100_001}, 429, "100001 rows"),
    ],
)
def test_bad_requests(asked: Asked, path: str, body: Any, status: int, words: str) -> None:
    found, answer = fetch(asked, path, body)
    assert (found, list(answer)) == (status, ["error"]), answer
    assert words in answer["error"]


def test_a_body_without_length_or_too_long_is_refused_unread(asked: Asked) -> None:
    for header, status in ((b"", b"411"), (b"Content-Length: 99999999999\r\n", b"429")):
        with socket.create_connection(("127.0.0.1", asked.server.rest_port), timeout=20) as connection:
            connection.sendall(b"POST /v1/models/everything:predict HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n")
            assert status in connection.recv(100)

"""The client against a running server; `tfctr predict` through it."""

from __future__ import annotations

import io
import json
import os
import re
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.serving.ads import ADS
from tests.serving.conftest import Exported
from tests.serving.export_test import TOLERANCE, raw_rows, sides
from tests.serving.server.codes_test import classify_of
from tfctr.data import write_log
from tfctr.serving import PredictionClient, PredictionError, predict_command
from tfctr.serving.server._model_server import ModelServer


@pytest.fixture(params=["spec", "signatures"])
def client(request: pytest.FixtureRequest, exported_server: ModelServer) -> Iterator[PredictionClient]:
    """A client that knows the spec, and one that learns the columns from the server."""
    spec = ADS if request.param == "spec" else None
    with PredictionClient(f"127.0.0.1:{exported_server.grpc_port}", "ads", spec=spec, timeout_seconds=30) as client:
        yield client


def known_to(client: PredictionClient, row: dict) -> dict:
    """A row under the names this client knows: without a spec `the site` is known by its name in the signature."""
    names = {column.name for column in client.columns()}
    return {name if name in names else name.replace(" ", "_"): value for name, value in row.items()}


def test_served_predictions_equal_the_models(client: PredictionClient, exported: Exported) -> None:
    rows = raw_rows(exported.rows)
    expected = exported.expected()["click"]
    answer = client.predict_columns([known_to(client, row) for row in rows])["click"]
    np.testing.assert_allclose(answer, expected, atol=TOLERANCE, rtol=0)
    once, _ = sides(rows[3])
    items = [sides(row)[1] for row in rows[:50]]
    ranked = client.rank(known_to(client, once), items)["click"]
    crossed = [known_to(client, {**once, **item}) for item in items]
    np.testing.assert_allclose(ranked, client.predict_columns(crossed)["click"], atol=TOLERANCE, rtol=0)


def test_serialized_examples_over_the_wire(exported_server: ModelServer, exported: Exported) -> None:
    with PredictionClient(f"127.0.0.1:{exported_server.grpc_port}", "ads", spec=ADS) as client:
        answer = client.predict_rows(raw_rows(exported.rows))["click"]
        assert client.predict_rows([])["click"].shape == (0, 1)
    np.testing.assert_allclose(answer, exported.expected()["click"], atol=TOLERANCE, rtol=0)


def test_a_hundred_thousand_rows(exported_server: ModelServer, exported: Exported) -> None:
    address = f"127.0.0.1:{exported_server.grpc_port}"
    rows = raw_rows(exported.rows.slice(0, 1)) * 100_000
    with PredictionClient(address, "ads", spec=ADS, timeout_seconds=120) as client:
        answer = client.predict_columns(rows)["click"]
        assert answer.shape == (100_000, 1)
        np.testing.assert_allclose(answer, exported.expected()["click"][0, 0], atol=TOLERANCE)
        with pytest.raises(PredictionError, match="100001 rows") as caught:
            client.predict_columns([*rows, rows[0]])
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_classify_by_the_protocol_itself(exported_server: ModelServer, exported: Exported) -> None:
    request = classify_of("classify")
    request.model_spec.name = "ads"
    request.input.example_list.examples.add()
    with grpc.insecure_channel(f"127.0.0.1:{exported_server.grpc_port}") as channel:
        response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Classify(request, timeout=30)
    (row,) = response.result.classifications
    assert [entry.label for entry in row.classes] == ["click"]
    assert 0 < row.classes[0].score < 1


def test_rest_answers_the_same(exported_server: ModelServer, exported: Exported) -> None:
    rows = [{k: v for k, v in row.items() if v is not None} for row in raw_rows(exported.rows.slice(0, 5))]
    example = {"signature_name": "regress", "examples": rows}
    url = f"http://127.0.0.1:{exported_server.rest_port}/v1/models/ads:regress"
    with urllib.request.urlopen(url, json.dumps(example).encode(), timeout=30) as response:
        results = json.loads(response.read())["results"]
    expected = exported.expected(exported.rows.slice(0, 5))["click"][:, 0]
    np.testing.assert_allclose(results, expected, atol=TOLERANCE)


def test_mistakes_are_told_before_anything_is_sent(client: PredictionClient) -> None:
    with pytest.raises(KeyError, match="did you mean 'price'"):
        client.predict_rows([{"prise": 3.0}])
    with pytest.raises(TypeError, match="'item' takes int values, received 'x'"):
        client.predict_columns([{"item": "x"}])
    with pytest.raises(TypeError, match="'tags' takes a list"):
        client.predict_columns([{"tags": "a"}])
    with pytest.raises(ValueError, match="must hold 3 numbers, received 2"):
        client.predict_columns([{"image": [1.0, 2.0]}])
    with pytest.raises(KeyError, match="unknown column 'item'"):
        client.rank({"item": 3}, [{}])


def test_a_refusal_carries_code_and_reason(exported_server: ModelServer) -> None:
    address = f"127.0.0.1:{exported_server.grpc_port}"
    with PredictionClient(address, "nobody") as client, pytest.raises(PredictionError, match=r"Latest\(nobody\)") as e:
        client.columns()
    assert e.value.code is grpc.StatusCode.NOT_FOUND
    with (
        PredictionClient("127.0.0.1:9", "ads", spec=ADS, timeout_seconds=2) as client,
        pytest.raises(PredictionError) as e,
    ):
        client.predict_rows([{}])
    assert e.value.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    with pytest.raises(ValueError, match="received both"):
        PredictionClient(address, version=1, label="stable")


def test_status_and_waiting(exported_server: ModelServer) -> None:
    address = f"127.0.0.1:{exported_server.grpc_port}"
    with PredictionClient(address, "ads", version=1, spec=ADS) as client:
        assert client.wait_until_available(10) == 1
        assert client.status() == [(1, "AVAILABLE", "")]
        assert client.predict_rows([{}])["click"].shape == (1, 1)
    with PredictionClient(address, "nobody") as client, pytest.raises(TimeoutError, match="nobody"):
        client.wait_until_available(0.2)


@pytest.mark.parametrize("signature", ["serving_default", "predict"])
def test_tfctr_predict_answers_a_file_row_by_row(
    exported_server: ModelServer, exported: Exported, tmp_path: Path, signature: str
) -> None:
    file, answers = tmp_path / "rows.jsonl", io.StringIO()
    file.write_text("\n".join(json.dumps(row) for row in raw_rows(exported.rows)) + "\n\n")
    server = f"127.0.0.1:{exported_server.grpc_port}"
    status = predict_command(
        file, server=server, model="ads", signature=signature, spec=ADS, batch_rows=100, output=answers
    )
    assert status == 0
    found = [json.loads(line)["click"] for line in answers.getvalue().splitlines()]
    np.testing.assert_allclose(found, exported.expected()["click"][:, 0], atol=TOLERANCE)


@pytest.mark.parametrize("knows_spec", [True, False])
@pytest.mark.parametrize("container", ["csv", "tsv", "jsonl", "parquet", "tfrecord", "frame"])
def test_the_logs_own_rows_are_answered(
    exported_server: ModelServer, exported: Exported, tmp_path: Path, container: str, knows_spec: bool, capsys: Any
) -> None:
    """With labels and other columns that are no inputs, and ids that a data frame made floats."""
    log = exported.rows.append_column("shown by", pa.array(["me"] * exported.rows.num_rows))
    spec, address = ADS if knows_spec else None, f"127.0.0.1:{exported_server.grpc_port}"
    expected = exported.expected()["click"][:, 0]
    if container == "frame":
        with PredictionClient(address, "ads", spec=spec, timeout_seconds=30) as client:
            with pytest.warns(UserWarning, match="passed over: 'clicked', 'bought', 'shown by'"):
                found = client.predict_rows(log.to_pandas())["click"][:, 0]
            with warnings.catch_warnings(action="error"):
                client.predict_rows(log.to_pandas())  # told once
    else:
        answers = io.StringIO()
        file = write_log(log, tmp_path / f"log.{container}")
        assert predict_command(file, server=address, model="ads", spec=spec, batch_rows=100, output=answers) == 0
        found = [json.loads(line)["click"] for line in answers.getvalue().splitlines()]
        told = capsys.readouterr().err
        assert told.count("passed over: ") == 1
        assert all(name in told for name in ("'clicked'", "'bought'", "'shown by'"))
        holes = log.column("price").null_count
        assert f"of {log.num_rows:,} rows: " in told
        assert f"price in {holes:,}" in told
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)


def test_what_the_rows_lack_is_told(exported_server: ModelServer, tmp_path: Path, capsys: Any) -> None:
    address, answers = f"127.0.0.1:{exported_server.grpc_port}", io.StringIO()
    texts = {
        "some.csv": ("user,prise\n1,2.5\n", 0, r"missing in every row: .*'price' \(did you mean 'prise'\?\)"),
        "none.csv": ("a,b\n1,2\n", 1, "the rows have none of the model's inputs .* their columns are 'a', 'b'"),
        "semicolons.csv": ("a;b\n1;2\n", 1, r"their columns are 'a;b'; a file of another delimiter, .* \(--spec\)"),
        "text.csv": ("user,price\n1,2.5\n2,dear\n", 1, "column price: not a number: row 2, where it is 'dear'"),
        "short.csv": ("user,price\n1\n", 1, "too few columns"),
        "rows": ('{"user": 1}\n{"user": [2]}\n', 1, "column 'user'"),
    }
    for name, (text, status, told) in texts.items():
        file = tmp_path / name
        file.write_text(text)
        assert predict_command(file, server=address, model="ads", spec=ADS, output=answers) == status
        assert re.search(told, capsys.readouterr().err), name
    assert len(answers.getvalue().splitlines()) == 1


def test_a_reader_that_has_enough_is_no_error(
    exported_server: ModelServer, exported: Exported, tmp_path: Path, capsys: Any
) -> None:
    read, write = os.pipe()
    os.close(read)
    file = write_log(exported.rows, tmp_path / "log.csv")
    with os.fdopen(write, "w") as gone:
        address = f"127.0.0.1:{exported_server.grpc_port}"
        assert predict_command(file, server=address, model="ads", spec=ADS, output=gone) == 0
    assert "pipe" not in capsys.readouterr().err


def test_a_table_of_many_rows_is_asked_in_parts(exported_server: ModelServer, exported: Exported) -> None:
    table = pa.concat_tables([exported.rows] * (200_000 // exported.rows.num_rows + 1))
    with (
        PredictionClient(f"127.0.0.1:{exported_server.grpc_port}", "ads", spec=ADS) as client,
        pytest.warns(UserWarning, match="no inputs"),
    ):
        answer = client.predict_rows(table)["click"]
    wanted = np.tile(exported.expected()["click"], (len(answer) // exported.rows.num_rows, 1))
    np.testing.assert_allclose(answer, wanted, atol=TOLERANCE)


def test_tfctr_predict_ranks(exported_server: ModelServer, exported: Exported, tmp_path: Path) -> None:
    once, item = sides(raw_rows(exported.rows)[0])
    file, answers = tmp_path / "rows.jsonl", io.StringIO()
    file.write_text(json.dumps({"once": once, "items": [item, item]}))
    server = f"127.0.0.1:{exported_server.grpc_port}"
    assert predict_command(file, server=server, model="ads", signature="rank", spec=ADS, output=answers) == 0
    first, second = json.loads(answers.getvalue())["click"]
    assert first == second == pytest.approx(float(exported.expected()["click"][0, 0]), abs=TOLERANCE)


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "row 1: '{'"), ("[1]", "not a JSON object"), ('{"itm": 3}', "did you mean 'itm'")],
)
def test_tfctr_predict_says_what_is_wrong(
    exported_server: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (tmp_path / "rows.jsonl").write_text(text)
    server = f"127.0.0.1:{exported_server.grpc_port}"
    assert predict_command(tmp_path / "rows.jsonl", server=server, model="ads", spec=ADS) == 1
    assert words in capsys.readouterr().err

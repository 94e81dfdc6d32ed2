"""A log with texts of times and lists, from its rows to answers over gRPC and REST: all of them the model's own."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import keras
import numpy as np
import pyarrow as pa
import pytest

from tests.serving.conftest import local_flags
from tfctr.data import read_table
from tfctr.models import LR
from tfctr.serving import PredictionClient, export_model
from tfctr.serving.server._model_server import ModelServer
from tfctr.spec import FeatureSpec
from tfctr.transform import fit_transform

SPEC = FeatureSpec(
    name="strangers",
    features=[
        {"kind": "categorical", "name": "hour", "role": "context", "from_time": {"part": "hour_of_day"}},
        {
            "kind": "numeric", "name": "age", "role": "item", "scale": "quantile", "buckets": 8,
            "from_time": {"part": "hours_since", "earlier": {"column": "published", "unit": "milliseconds"}},
        },
        {"kind": "categorical", "name": "item", "role": "item", "type": "int"},
        {
            "kind": "sequence", "name": "seen", "role": "user", "type": "int", "shares": "item", "max_length": 3,
            "separator": ",", "padding": 0, "order": "newest_first",
        },
        {"kind": "multi", "name": "slots", "role": "context", "columns": ["slot_1", "slot_2"]},
        {"kind": "cross", "name": "age_x_hour", "of": ["age", "hour"]},
    ],
    tasks=[{"name": "click", "label": "click"}],
    meta={"time": {"column": "at", "format": "%d/%m/%Y %H:%M", "zone": "Europe/Paris"}},
)  # fmt: skip
ROWS = 200


def raw_log() -> pa.Table:
    """As somebody's log has it: everything is text, but for the milliseconds."""
    random = np.random.default_rng(0)
    at = random.integers(1_600_000_000, 1_700_000_000, ROWS) // 60 * 60
    paris = [datetime.fromtimestamp(int(t), UTC).astimezone(ZoneInfo("Europe/Paris")) for t in at]
    return pa.table(
        {
            "at": [t.strftime("%d/%m/%Y %H:%M") for t in paris],
            "published": (at - random.integers(0, 10**6, ROWS)) * 1000 + 7,
            "item": random.integers(1, 20, ROWS),
            "seen": [json.dumps([*random.integers(1, 20, n).tolist(), 0, 0]) for n in random.integers(0, 6, ROWS)],
            "slot_1": random.integers(0, 3, ROWS).astype(str),
            "slot_2": [None if i % 3 else "1" for i in range(ROWS)],
            "click": random.integers(0, 2, ROWS),
        }
    )


class Served(NamedTuple):
    server: ModelServer
    rows: list[dict[str, Any]]
    expected: np.ndarray


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("strangers")
    table = pa.Table.from_batches(read_table(raw_log(), SPEC))
    assert table["at"].type == pa.int64()
    transform = fit_transform(SPEC, table, folder / "transform")
    keras.utils.set_random_seed(1)
    model = LR(transform.bound_spec)
    model.build()
    for weight in model.trainable_weights:
        weight.assign(keras.random.normal(weight.shape, seed=len(weight.path)))
    export_model(model, transform, folder / "models" / "1")
    expected = model.predict(transform.transform(table), verbose=0)
    flags = local_flags(model_base_path=str(folder / "models"), model_name="ads", rest_api_port=-1)
    with ModelServer(flags) as server:
        yield Served(server, table.drop_columns(["click"]).to_pylist(), expected)


def client_of(served: Served, spec: FeatureSpec | None = SPEC) -> PredictionClient:
    return PredictionClient(f"127.0.0.1:{served.server.grpc_port}", "ads", spec=spec, timeout_seconds=30)


def over_rest(served: Served, instances: list[dict[str, Any]]) -> Any:
    url = f"http://127.0.0.1:{served.server.rest_port}/v1/models/ads:predict"
    body = json.dumps({"signature_name": "predict", "instances": instances}).encode()
    with urllib.request.urlopen(url, body, timeout=30) as response:
        return json.loads(response.read())["predictions"]


def test_grpc_and_rest_answer_as_the_model(served: Served) -> None:
    with client_of(served) as client, client_of(served, spec=None) as stranger:
        for answer in (client.predict_rows, client.predict_columns, stranger.predict_columns):
            np.testing.assert_allclose(answer(served.rows)["click"], served.expected, atol=1e-6)
        for row in range(4):  # an item's age differs from moment to moment, so that rank makes it of both sides
            items = [{name: other[name] for name in ("item", "published")} for other in served.rows]
            once = {name: value for name, value in served.rows[row].items() if name not in items[0]}
            crossed = client.predict_columns([{**once, **item} for item in items])
            np.testing.assert_allclose(client.rank(once, items)["click"], crossed["click"], atol=1e-6)
    some = [{name: "" if value is None else value for name, value in row.items()} for row in served.rows[:5]]
    width = max(len(row["seen"]) for row in some)
    for row in some:
        row["seen"] = row["seen"] + [0] * (width - len(row["seen"]))  # the log's own padding
    answers = [row["click"] if isinstance(row, dict) else row for row in over_rest(served, some)]
    np.testing.assert_allclose(np.ravel(answers), served.expected[:5, 0], atol=1e-6)


def test_a_client_that_knows_the_spec_takes_the_logs_times(served: Served) -> None:
    texts = raw_log()["at"].to_pylist()
    as_text = [{**row, "at": text} for row, text in zip(served.rows, texts, strict=True)]
    as_time = [{**row, "at": datetime.fromtimestamp(row["at"], UTC)} for row in served.rows]
    finer = [{**row, "published": row["published"] * 1000} for row in served.rows]
    with client_of(served) as client:
        for rows in (as_text, as_time, finer):
            np.testing.assert_allclose(client.predict_columns(rows)["click"], served.expected, atol=1e-6)
            np.testing.assert_allclose(client.predict_rows(rows)["click"], served.expected, atol=1e-6)
        with pytest.raises(TypeError, match=r"'at': no time of the form %d/%m/%Y %H:%M\. Received: 'noon'"):
            client.predict_rows([{**served.rows[0], "at": "noon"}])
    with pytest.raises(urllib.error.HTTPError):  # the server itself takes seconds alone
        over_rest(served, [{**served.rows[0], "at": texts[0]}])

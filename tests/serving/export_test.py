"""An exported model answers raw rows with the model's own probabilities, by every signature."""

from __future__ import annotations

import json
import re
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving.ads import ADS, make_log
from tests.serving.conftest import Exported
from tfctr.models.dnn import DNN
from tfctr.serving import export_model, in_process, next_version
from tfctr.serving._raw_inputs import input_names
from tfctr.serving._requests import column_inputs, rank_inputs
from tfctr.serving.savedmodel import InProcess
from tfctr.serving.server._saved_model import SavedModel
from tfctr.serving.server._signatures import CLASSIFY_METHOD, PREDICT_METHOD, REGRESS_METHOD
from tfctr.serving.server._warmup import WARMUP_FILE, replay
from tfctr.spec import RawColumn
from tfctr.transform import table_to_examples
from tfctr.transform.columns import MISSING_INT

COLUMNS = ADS.raw_columns(serving=True)
TOLERANCE = 1e-6


def examples_of(table: pa.Table) -> np.ndarray:
    """Rows as TFX writes them, not by our client."""
    examples = np.empty(table.num_rows, object)
    examples[:] = list(table_to_examples(table, ADS, serving=True))
    return examples


def raw_rows(table: pa.Table) -> list[dict]:
    return table.select([column.name for column in COLUMNS]).to_pylist()


def sides(row: dict) -> tuple[dict, dict]:
    """Split a row into what `rank` takes once and what it takes for each candidate."""
    item = {column.name for column in COLUMNS if column.role == "item"}
    return {k: v for k, v in row.items() if k not in item}, {k: v for k, v in row.items() if k in item}


@pytest.fixture(scope="module")
def served(exported: Exported) -> InProcess:
    return in_process(exported.folder)


def test_serialized_examples(exported: Exported, served: InProcess) -> None:
    answer = served.call({"examples": examples_of(exported.rows)})["click"]
    np.testing.assert_allclose(answer, exported.expected()["click"], atol=TOLERANCE, rtol=0)
    assert answer.shape == (257, 1)


def test_raw_columns(exported: Exported, served: InProcess) -> None:
    answer = served.call(column_inputs(raw_rows(exported.rows), COLUMNS), "predict")["click"]
    np.testing.assert_allclose(answer, exported.expected()["click"], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("count", [1, 2, 200])
def test_one_user_and_many_items(exported: Exported, served: InProcess, count: int) -> None:
    rows = raw_rows(exported.rows)
    for user in (0, 7, 11):
        once, items = sides(rows[user])[0], [sides(row)[1] for row in rows[:count]]
        answer = served.call(rank_inputs(once, items, COLUMNS), "rank")["click"]
        crossed = pa.Table.from_pylist(
            [{**once, **item} for item in items],
            schema=exported.rows.select([column.name for column in COLUMNS]).schema,
        )
        np.testing.assert_allclose(answer, exported.expected(crossed)["click"], atol=TOLERANCE, rtol=0)
        assert answer.shape == (count, 1)


def test_classify_and_regress(exported: Exported, served: InProcess) -> None:
    answer = served.call({"inputs": examples_of(exported.rows)}, "classify")
    np.testing.assert_allclose(answer["scores"], exported.expected()["click"], atol=TOLERANCE, rtol=0)
    assert answer["classes"].tolist() == [[b"click"]] * 257
    answer = served.call({"inputs": examples_of(exported.rows)}, "regress")
    np.testing.assert_allclose(answer["outputs"], exported.expected()["click"], atol=TOLERANCE, rtol=0)
    methods = {name: signature.method for name, signature in served.signatures.items() if signature.method}
    assert methods == {
        "serving_default": PREDICT_METHOD,
        "predict": PREDICT_METHOD,
        "rank": PREDICT_METHOD,
        "classify": CLASSIFY_METHOD,
        "regress": REGRESS_METHOD,
    }


def test_two_tasks(two_tasks: Exported) -> None:
    with in_process(two_tasks.folder) as served:
        expected = two_tasks.expected()
        inputs = column_inputs(raw_rows(two_tasks.rows), COLUMNS)
        for answer in (served.call({"examples": examples_of(two_tasks.rows)}), served.call(inputs, "predict")):
            assert set(answer) == {"click", "buy"}
            for task in answer:
                np.testing.assert_allclose(answer[task], expected[task], atol=TOLERANCE, rtol=0)
        classes = served.call({"inputs": examples_of(two_tasks.rows)}, "classify")
        assert classes["classes"][0].tolist() == [b"click", b"buy"]
        np.testing.assert_allclose(classes["scores"][:, 1:], expected["buy"], atol=TOLERANCE, rtol=0)
        value = served.call({"inputs": examples_of(two_tasks.rows)}, "regress_buy")["outputs"]
        np.testing.assert_allclose(value, expected["buy"], atol=TOLERANCE, rtol=0)
        assert "regress" not in served.signatures


def test_the_eager_loader_answers_the_same(exported: Exported) -> None:
    """TFMA loads models this way."""
    loaded = tf.saved_model.load(str(exported.folder))
    answer = loaded.signatures["serving_default"](examples=tf.constant(examples_of(exported.rows)))["click"]
    np.testing.assert_allclose(answer, exported.expected()["click"], atol=TOLERANCE, rtol=0)


def test_values_that_are_missing_or_were_never_seen(exported: Exported, served: InProcess) -> None:
    nothing = {column.name: None for column in COLUMNS}
    strange = {
        **nothing,
        "user": 10**12,
        "the site": "nowhere",
        "tags": ["a", "?"],
        "clicks": [999],
        "click_times": [5],
    }
    schema = exported.rows.select([column.name for column in COLUMNS]).schema
    expected = exported.expected(pa.Table.from_pylist([nothing, strange], schema=schema))["click"]
    empty_examples = np.array([b"", b""], object)  # an example without any feature
    np.testing.assert_allclose(served.call({"examples": empty_examples})["click"][0], expected[0], atol=TOLERANCE)
    answer = served.call(column_inputs([nothing, strange], COLUMNS), "predict")["click"]
    np.testing.assert_allclose(answer, expected, atol=TOLERANCE, rtol=0)


def test_no_rows(exported: Exported, served: InProcess) -> None:
    assert served.call({"examples": np.empty(0, object)})["click"].shape == (0, 1)
    assert served.call(column_inputs([], COLUMNS), "predict")["click"].shape == (0, 1)
    once, _ = sides(raw_rows(exported.rows)[0])
    assert served.call(rank_inputs(once, [], COLUMNS), "rank")["click"].shape == (0, 1)


def test_no_value_is_written_alike_on_both_sides() -> None:
    from tfctr.serving import _raw_inputs as raw_inputs

    assert raw_inputs.MISSING_INT == MISSING_INT


def test_a_column_whose_name_is_no_python_name_gets_one(served: InProcess) -> None:
    assert "the_site" in served.signatures["predict"].inputs
    with pytest.raises(ValueError, match="'a b' and 'a-b' would both be the input 'a_b'"):
        input_names([RawColumn("a b", "int"), RawColumn("a-b", "int")])


def test_warm_up_requests_are_real_and_replayed(exported: Exported) -> None:
    records = list(tf.data.TFRecordDataset(str(exported.folder / WARMUP_FILE)).as_numpy_iterator())
    requests = [prediction_log_pb2.PredictionLog.FromString(record).predict_log.request for record in records]
    assert {request.model_spec.signature_name for request in requests} == {"serving_default", "predict", "rank"}
    assert len(records) == 9  # three signatures, three batch sizes
    model = SavedModel(exported.folder)
    assert replay(model, exported.folder) == 9
    model.close()


def test_the_model_card(exported: Exported) -> None:
    card = json.loads((exported.folder / "assets.extra" / "model_card.json").read_text())
    assert card["model"] == "DNN"
    assert card["spec"] == json.loads(json.dumps(ADS.model_dump(mode="json")))
    assert card["rows"] == exported.transform.bound_spec.rows
    assert card["parameters"] == exported.model.count_params()
    assert card["transform_fingerprint"] == exported.transform.fingerprint
    assert re.fullmatch("[0-9a-f]{64}", card["fingerprint"])
    report = card["load_report"]
    assert report["load_seconds"] > 0
    calls = {(call["signature"], call["rows"]) for call in report["call_milliseconds"]}
    assert ("rank", 200) in calls
    assert all(0 < call["p50"] <= call["p95"] <= call["p99"] for call in report["call_milliseconds"])


def test_a_version_is_written_once_and_whole(exported: Exported, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="never overwritten"):
        export_model(exported.model, exported.transform, exported.folder)
    assert next_version(exported.base) == exported.base / "2"
    assert next_version(tmp_path / "none") == tmp_path / "none" / "1"
    assert [path.name for path in exported.base.iterdir()] == ["1"]  # nothing is left aside


def test_an_export_that_fails_leaves_nothing(exported: Exported, tmp_path: Path) -> None:
    bad = make_log(3, seed=1).drop_columns(["item"])
    with pytest.raises(KeyError):
        export_model(exported.model, exported.transform, tmp_path / "base" / "1", warmup_rows=bad)
    assert list((tmp_path / "base").iterdir()) == []


def test_a_model_of_other_vocabularies_is_refused(exported: Exported, two_tasks: Exported, tmp_path: Path) -> None:
    rows = {**exported.transform.bound_spec.rows, "user": 5}
    other = DNN(ADS.bind(rows), embedding_dim=8, hidden_units=(4,))
    with pytest.raises(ValueError, match=r"different size.*'user': \(5, "):
        export_model(other, exported.transform, tmp_path / "1")
    with pytest.raises(ValueError, match="other features or tasks"):
        export_model(exported.model, two_tasks.transform, tmp_path / "1")


def test_trained_weights_travel(exported: Exported, tmp_path: Path) -> None:
    """A model with optimizer slots and metrics: only what answers is exported."""
    from tfctr.data.batches import array_dataset

    keras.utils.set_random_seed(1)
    model = DNN(exported.transform.bound_spec, embedding_dim=4, hidden_units=(4,), dropout_rate=0.5)
    model.compile(metrics=["AUC"])
    arrays = exported.transform.transform(exported.rows)
    model.fit(array_dataset(arrays, ADS, batch_size=64), shuffle=False, verbose=0)
    folder = export_model(model, exported.transform, tmp_path / "1")
    with in_process(folder) as served:
        answer = served.call({"examples": examples_of(exported.rows)})["click"]
    np.testing.assert_allclose(answer, model.predict(arrays, verbose=0), atol=TOLERANCE, rtol=0)

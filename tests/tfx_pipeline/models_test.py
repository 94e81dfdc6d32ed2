"""Every model goes through a short pipeline: trained, gated, compared with what is served, pushed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from tests.serving import creatives
from tests.serving.conftest import ask, local_flags
from tests.tfx_pipeline.conftest import FAST
from tfctr.data.simulator import SimulatorConfig, simulate
from tfctr.models import MODELS
from tfctr.serving import in_process
from tfctr.serving._requests import column_inputs, predict_request, rank_inputs
from tfctr.serving.server._model_server import ModelServer
from tfctr.spec import FeatureSpec, dump_spec
from tfx_pipeline.commands import app
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.retrieval import push_index
from tfx_pipeline.runner import run

NARROW = {"embedding_dim": 4}
DEEP = {**NARROW, "hidden_units": [8]}
EXPERTS = {**NARROW, "expert_units": [8], "tower_units": [4]}

SMALL: dict[str, dict[str, dict[str, Any]]] = {
    "clicks": {
        "LR": {},
        "FM": NARROW,
        "DNN": DEEP,
        "WideDeep": DEEP,
        "DeepFM": DEEP,
        "DCNv2": {**DEEP, "num_cross_layers": 1},
        "AutoInt": {**NARROW, "num_layers": 1, "head_dim": 4},
        "FinalMLP": {**NARROW, "hidden_units1": [8], "hidden_units2": [8]},
        "DIN": DEEP,
        "TargetAttention": DEEP,
        "SDIM": DEEP,
        "SIM": DEEP,
        "TwoTower": {**NARROW, "vector_dim": 4},
    },
    "conversions": {
        "SharedBottom": DEEP,
        "ESMM": DEEP,
        "MMoE": EXPERTS,
        "PLE": EXPERTS,
        "DHEN": {**NARROW, "num_layers": 1, "encoder_layers": 1, "tower_units": [4]},
    },
    "creatives": {"CreativeSurvival": DEEP},
}
"""Log -> the models that learn from it -> hyper-parameters that keep them small."""

CASES = [(log, model) for log, models in SMALL.items() for model in models]


def write_log(folder: Path, table: pa.Table, spec: FeatureSpec) -> None:
    """Write a log and its spec, whose bounds let one model follow another: each is judged alone."""
    folder.mkdir()
    pq.write_table(table, folder / "log.parquet")
    lenient = {"auc_min": 0.3, "auc_drop_max": None, "logloss_rise_max": None, "c_index_min": 0.3}
    gates = spec.gates.model_copy(update={**lenient, "calibration_min": 0.1, "calibration_max": 10.0})
    (folder / "spec.yaml").write_text(dump_spec(spec.model_copy(update={"gates": gates})))


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each log; the steps before the Trainer run once in each."""
    folder = tmp_path_factory.mktemp("models")
    for name, conversion in (("clicks", False), ("conversions", True)):
        log = simulate(SimulatorConfig(rows=4_000, seed=7, conversion=conversion))
        write_log(folder / name, log.table, log.spec)
    write_log(folder / "creatives", creatives.make_log(3_000, 0), creatives.SPEC)
    return folder


def test_every_model_is_in_the_table() -> None:
    assert {model for _, model in CASES} == set(MODELS)


@pytest.fixture
def wanted(logs: Path, settings: Callable[..., PipelineConfig]) -> Callable[[str, str], PipelineConfig]:
    """Settings of a short run of one model on one log."""

    def make(source: str, model: str) -> PipelineConfig:
        folder = logs / source
        return settings(
            spec=folder / "spec.yaml",
            data=str(folder / "log.parquet"),
            workdir=folder / "run",
            model=model,
            hyperparameters=SMALL[source][model],
            fit=FAST,
        )

    return make


@pytest.mark.end_to_end
@pytest.mark.parametrize(("source", "model"), CASES)
def test_a_model_is_trained_gated_and_pushed(
    source: str, model: str, wanted: Callable[[str, str], PipelineConfig]
) -> None:
    report = run(wanted(source, model))
    assert report.results is not None
    assert report.results.verdict.blessed, report.results.verdict.reasons
    assert report.results.parity["passed"]
    assert (report.results.pushed_to / "saved_model.pb").exists()


@pytest.mark.end_to_end
def test_the_served_index_finds_the_items_that_the_pushed_model_ranks_first(
    logs: Path, wanted: Callable[[str, str], PipelineConfig], tmp_path: Path
) -> None:
    config = wanted("clicks", "TwoTower")
    pushed = run(config).results.pushed_to
    told = CliRunner().invoke(app, ["index", "--item", "item_id", "--k", "5", "--workdir", str(config.workdir)])
    folder = pushed.parent.with_name(f"{pushed.parent.name}_index") / pushed.name
    assert told.output.startswith(f"wrote {folder}\nServe it: tfctr serve --model_name {folder.parent.name}"), (
        told.output
    )
    columns = config.read_spec().raw_columns(serving=True)
    about = [column.name for column in columns if column.role == "item"]
    log = pq.read_table(logs / "clicks" / "log.parquet").to_pylist()
    items = list({row["item_id"]: {name: row[name] for name in about} for row in log}.values())
    users = [column for column in columns if column.name not in about]
    user = {column.name: log[7][column.name] for column in users}
    with in_process(pushed) as model:
        probabilities = model.call(rank_inputs(user, items, columns), "rank")["click"][:, 0]
    best = [items[place]["item_id"] for place in np.argsort(-probabilities, kind="stable")[:5]]
    flags = local_flags(model_name="index", model_base_path=str(folder.parent))
    with ModelServer(flags) as server:
        asked = ask(server)
        inputs = column_inputs([user], users)
        answer = asked.predict.Predict(predict_request(inputs, model="index", signature="retrieve"), timeout=60)
        asked.channel.close()
    assert tf.make_ndarray(answer.outputs["items"])[0].tolist() == best

    catalogue = tmp_path / "items.parquet"
    pq.write_table(pa.Table.from_pylist(items[:3]), catalogue)
    with pytest.raises(FileExistsError, match="is not empty"):
        push_index(config, "item_id", items=catalogue)
    shutil.rmtree(folder)
    with in_process(push_index(config, "item_id", items=catalogue)) as index:
        assert set(index.call(inputs, "retrieve")["items"][0]) == {item["item_id"] for item in items[:3]}
    with pytest.raises(ValueError, match="'price_of_it' names no item: columns of spec"):
        push_index(config, "price_of_it")

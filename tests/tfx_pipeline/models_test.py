"""Every model goes through a short pipeline: trained, gated, compared with what is served, pushed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.serving import creatives
from tests.tfx_pipeline.conftest import FAST
from tfctr.data.simulator import SimulatorConfig, simulate
from tfctr.models import MODELS
from tfctr.spec import FeatureSpec, dump_spec
from tfx_pipeline.config import PipelineConfig
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


@pytest.mark.end_to_end
@pytest.mark.parametrize(("source", "model"), CASES)
def test_a_model_is_trained_gated_and_pushed(
    source: str, model: str, logs: Path, settings: Callable[..., PipelineConfig]
) -> None:
    folder = logs / source
    report = run(
        settings(
            spec=folder / "spec.yaml",
            data=str(folder / "log.parquet"),
            workdir=folder / "run",
            model=model,
            hyperparameters=SMALL[source][model],
            fit=FAST,
        )
    )
    assert report.results is not None
    assert report.results.verdict.blessed, report.results.verdict.reasons
    assert report.results.parity["passed"]
    assert (report.results.pushed_to / "saved_model.pb").exists()

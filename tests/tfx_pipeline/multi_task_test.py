"""Several tasks go through a short pipeline: trained, gated one by one, compared with what is served, pushed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.tfx_pipeline.conftest import FAST
from tests.tfx_pipeline.html_check import checked
from tfctr.data.simulator import SimulatorConfig, simulate
from tfctr.spec import dump_spec, load_spec
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.rescore import rescore
from tfx_pipeline.runner import run

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def funnel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log of clicks and of conversions after them, and its spec."""
    folder = tmp_path_factory.mktemp("funnel")
    log = simulate(SimulatorConfig(rows=6_000, conversion=True, seed=7))
    pq.write_table(log.table, folder / "log.parquet")
    gates = log.spec.gates.model_copy(update={"auc_min": 0.3, "calibration_min": 0.1, "calibration_max": 10.0})
    (folder / "spec.yaml").write_text(dump_spec(log.spec.model_copy(update={"gates": gates})))
    return folder


@pytest.mark.parametrize("model", ["ESMM"])
def test_each_task_is_gated_and_served(model: str, funnel: Path, settings: Callable[..., PipelineConfig]) -> None:
    report = run(
        settings(
            spec=funnel / "spec.yaml",
            data=str(funnel / "log.parquet"),
            workdir=funnel / model,
            model=model,
            hyperparameters={"embedding_dim": 4, "hidden_units": [8]},
            fit=FAST,
        )
    )
    assert report.results is not None
    assert set(report.results.verdict.metrics) == {"click", "conversion"}
    assert {check.task for check in report.results.verdict.checks} == {"click", "conversion"}
    assert report.results.verdict.blessed, report.results.verdict.reasons
    assert report.results.parity["passed"]
    assert "All tasks together" in checked(report.page.read_text()).text
    served = rescore(report.results.pushed_to, report.results.test_examples, load_spec(funnel / "spec.yaml"))
    assert set(served) == {"click", "conversion"}
    # What ESMM answers for a conversion is its probability in any row, never above that of a click.
    assert np.all(served["conversion"].predictions <= served["click"].predictions + 1e-7)

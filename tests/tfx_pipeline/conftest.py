"""What the tests of the pipeline share: one small world, and one run of the whole pipeline over it."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():  # third parties warn while they are imported
    warnings.simplefilter("ignore")
    import tensorflow_model_analysis  # noqa: F401
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner  # noqa: F401

    import tfx_pipeline.pipeline

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import tfx_pipeline.fingerprint
from tfctr.data.simulator import SimulatedLog, SimulatorConfig, simulate
from tfctr.spec import dump_spec
from tfx_pipeline.config import PipelineConfig

FAST = {"epochs": 2, "learning_rate": 0.01}
"""Training settings that learn something of the small world in a second."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """TFX, Beam and TFMA warn of themselves while they work; ours are seen in the other rooms' tests."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session", autouse=True)
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the source files, which fingerprints are taken of: an edit during the tests changes nothing."""
    real, copy = tfx_pipeline.fingerprint.ROOT, tmp_path_factory.mktemp("sources")
    for package in ("tfctr", "tfx_pipeline"):
        shutil.copytree(real / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    tfx_pipeline.fingerprint.ROOT = copy
    yield copy
    tfx_pipeline.fingerprint.ROOT = real


@pytest.fixture(scope="session")
def log() -> SimulatedLog:
    """A log of 6,000 rows with a known true probability."""
    return simulate(SimulatorConfig(rows=6_000, seed=7))


@pytest.fixture(scope="session")
def world(log: SimulatedLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the log as Parquet and its spec as YAML."""
    folder = tmp_path_factory.mktemp("world")
    pq.write_table(log.table, folder / "log.parquet")
    gates = log.spec.gates.model_copy(
        update={"calibration_min": 0.5, "calibration_max": 2.0, "slices": (("device",),), "slice_auc_min": 0.3}
    )
    (folder / "spec.yaml").write_text(dump_spec(log.spec.model_copy(update={"gates": gates})))
    return folder


@pytest.fixture(scope="session")
def settings(world: Path) -> Callable[..., PipelineConfig]:
    """Make settings over the world; the folder of the run is `world/run` unless given."""

    def make(**changes: object) -> PipelineConfig:
        fields: dict[str, object] = {
            "spec": world / "spec.yaml",
            "data": str(world / "log.parquet"),
            "workdir": world / "run",
            "model": "LR",
            "fit": FAST,
            "batch_size": 256,
        }
        return PipelineConfig.model_validate({**fields, **changes})

    return make

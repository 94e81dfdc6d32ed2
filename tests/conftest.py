"""What all tests share. Variables that TensorFlow reads are set before anything imports it."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # tf.keras is Keras 2 for TFT, TFMA and TFX
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
# A worker has one core; threads that wait for work on a core that has other work only burn it.
for threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

# Code that runs once need not be good code: XLA takes a quarter less to compile.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import sys
import zlib
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

PROJECT = Path(__file__).resolve().parent.parent

# No deadline: the first call of a TensorFlow function traces it, and that takes long.
hypothesis.settings.register_profile("tfctr", deadline=None, max_examples=50, print_blob=True)
hypothesis.settings.register_profile("ci", parent=hypothesis.settings.get_profile("tfctr"), derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "tfctr")


LONG_FIRST = (
    "tests/house/types_test.py",
    "tests/tfx_pipeline",
    "tests/docs",
    "tests/examples",
    "tests/plans",
    "tests/conformance",
    "tests/training",
)
"""Folders and files of the longest groups of tests."""

SPLIT = {"tests/conformance/networks_test.py": 12}
"""Files of many tests that share nothing but a network each -> groups that they are dealt out in."""


class ByFile(LoadScopeScheduling):
    """Deal tests out by file: a worker keeps what a file's fixtures made."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if file not in SPLIT:
            return file
        network = "-".join(test.split("-")[:2])  # test_a_network_stands[layer-MLP-config]
        return f"{file}-{zlib.crc32(network.encode()) % SPLIT[file]}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Where several workers run."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest groups first, so that no worker is left alone with one at the end."""

    def rank(item: pytest.Item) -> int:
        places = [place for place, folder in enumerate(LONG_FIRST) if item.nodeid.startswith(folder)]
        return places[0] if places else len(LONG_FIRST)

    items.sort(key=rank)


HEAVY = ("tensorflow", "tensorflow_transform.beam", "tensorflow_model_analysis", "tfx.components")
"""Modules that leave hundreds of thousands of objects, which live as long as the process."""

_frozen: set[str] = set()


def pytest_collectreport() -> None:
    """Once a file has brought TensorFlow in, and before it runs anything: its runtime asks for some settings once."""
    if "tensorflow" in sys.modules:
        from tests import quick_tensorflow

        quick_tensorflow.install()


def pytest_runtest_setup() -> None:
    """Once a file has brought a heavy library in, spare its objects the garbage collector, and let Beam remember."""
    heavy = {name for name in HEAVY if name in sys.modules}
    if heavy - _frozen:
        _frozen.update(heavy)
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 10, 10)
    if "apache_beam.transforms.core" in sys.modules:
        from tests import quick_beam

        quick_beam.install()
    if "tensorflow" in sys.modules:
        from tests import quick_tensorflow

        quick_tensorflow.install()


@pytest.fixture(scope="session")
def project_dir() -> Path:
    """The folder of the project."""
    return PROJECT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real data sets; a test that asks for it is skipped where there is none."""
    folder = Path(os.environ.get("TFCTR_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set TFCTR_DATA to the folder that holds the data sets")
    return folder


@pytest.fixture
def seed() -> int:
    """Seed Python, NumPy and the backend; return the seed."""
    import keras

    value = 20_240_607
    keras.utils.set_random_seed(value)
    return value

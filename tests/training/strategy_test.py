"""Several devices and several workers train as one device does with the joint batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.training.distributed_run import ROUTED, runs
from tfctr.training.strategy import choose_strategy, is_chief, spans_workers, worker_count

ROOT = Path(__file__).parents[2]
SECONDS = 240
CLOSE = {"rtol": 1e-4, "atol": 2e-6}
"""Sums of float32 in another order: over 12 steps the weights, of size 0.01 to 1, drift apart by about 1e-6."""


def start(where: str, folder: Path, file: Path, optimizers: list[str], config: dict | None = None) -> subprocess.Popen:
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1"}
    environment.pop("TF_CONFIG", None)
    if config is not None:
        environment["TF_CONFIG"] = json.dumps(config)
    command = [sys.executable, "-m", "tests.training.distributed_run", where, str(folder), str(file), *optimizers]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(*processes: subprocess.Popen) -> None:
    """Wait for all; when one fails or none ends in time, end them all and show what they said."""
    try:
        for process in processes:
            said, _ = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, said.decode()[-3000:]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


def free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for open_socket in sockets:
        open_socket.bind(("127.0.0.1", 0))
    ports = [open_socket.getsockname()[1] for open_socket in sockets]
    for open_socket in sockets:
        open_socket.close()
    return ports


OPTIMIZERS = ["lazy_adam", "adam", ROUTED]


@pytest.fixture(scope="module")
def one_device(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("one")
    return runs(tf.distribute.get_strategy(), folder, OPTIMIZERS)


def assert_equal_runs(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray], optimizers: list[str]) -> None:
    assert {name.split("/")[0] for name in found} == set(optimizers)
    for name, array in found.items():
        np.testing.assert_allclose(array, wanted[name], **CLOSE, err_msg=name)


def test_two_devices_equal_one(one_device: dict[str, np.ndarray], tmp_path: Path) -> None:
    finish(start("mirrored", tmp_path, tmp_path / "found.npz", OPTIMIZERS))
    assert_equal_runs(dict(np.load(tmp_path / "found.npz")), one_device, OPTIMIZERS)


def test_two_workers_equal_one(one_device: dict[str, np.ndarray], tmp_path: Path) -> None:
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    configs = [{"cluster": cluster, "task": {"type": "worker", "index": index}} for index in (0, 1)]
    files = [tmp_path / f"found_{index}.npz" for index in (0, 1)]
    shared = tmp_path / "run"
    finish(*(start("worker", shared, file, ["lazy_adam"], config) for file, config in zip(files, configs, strict=True)))
    for file in files:
        assert_equal_runs(dict(np.load(file)), one_device, ["lazy_adam"])
    assert (shared / "lazy_adam" / "history.jsonl").read_text().count("\n") == 2


def test_a_single_device_needs_no_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    strategy = choose_strategy()
    assert strategy.num_replicas_in_sync == 1
    assert is_chief(strategy)
    assert not spans_workers(strategy)
    assert not isinstance(strategy, tf.distribute.MirroredStrategy)


def test_workers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}}))
    assert worker_count() == 3
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["b:1"]}}))
    assert worker_count() == 1
    monkeypatch.setenv("TF_CONFIG", "[]")
    with pytest.raises(ValueError, match="TF_CONFIG is no JSON object"):
        worker_count()

"""Tables that are larger than memory are refused before they take any."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from tests.layers.embedding.budget_test import spec_of
from tfctr.layers.embedding import FeatureEmbedding, FullTable, HashedTable, TooLargeError, estimate_memory, memory
from tfctr.models import LR


def test_estimate_by_hand() -> None:
    tables = [FullTable(1_000_000, 16), HashedTable(500_000, 16, compression=5)]
    estimate = estimate_memory(tables, slots=2, ids=10)
    assert estimate.weights == (1_000_000 + 100_000) * 16 * 4
    assert estimate.slots == 2 * estimate.weights
    assert estimate.gradients == 2 * 4096 * 10 * 16 * 4  # values, and their sums by row
    assert estimate.total == estimate.weights + estimate.slots + estimate.gradients
    assert estimate.building == estimate.weights + round(2.2 * 64_000_000)


def test_a_table_of_a_trillion_rows_is_refused_at_once() -> None:
    layer = FeatureEmbedding(spec_of(user=10**12), 16)
    started = time.perf_counter()
    with pytest.raises(TooLargeError, match="1,000,000,000,000 rows of width 16") as refusal:
        layer.build()
    assert time.perf_counter() - started < 5
    for part in ("64.0 TB for weights", "128 TB for the slots", "gradients", "Free:", "What would fit", "budget="):
        assert part in str(refusal.value)
    assert layer.weights == []


def test_the_limit_can_be_set_and_what_is_said_to_fit_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFCTR_MEMORY_LIMIT", "10 MB")
    with pytest.raises(TooLargeError, match=r"Free: 10\.0 MB") as refusal:
        FeatureEmbedding(spec_of(user=100_000), 16).build()
    rows = int(str(refusal.value).split("these rows, ")[1].split(" rows")[0].replace(",", ""))
    assert 10_000 < rows < 100_000
    FeatureEmbedding(spec_of(user=rows), 16).build()
    with pytest.raises(TooLargeError):
        FeatureEmbedding(spec_of(user=rows * 2), 16).build()


def test_a_model_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFCTR_MEMORY_LIMIT", "1 MB")
    with pytest.raises(TooLargeError):
        LR(spec_of(user=10**6)).build()


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    for name, text in {
        "memory.max": "5000\n",
        "memory.current": "4000",
        "memory.stat": "anon 1\ninactive_file 500",
    }.items():
        (tmp_path / name).write_text(text)
    assert memory._container_leaves(tmp_path) == 1500
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._container_leaves(tmp_path) > 2**60
    assert memory._container_leaves(tmp_path / "none") > 2**60
    assert 2**20 < memory.free_memory() < 2**50


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 rows"):
        FullTable(rows=0, dim=4)
    with pytest.raises(ValueError, match="template without rows"):
        FullTable()(np.array([1]))

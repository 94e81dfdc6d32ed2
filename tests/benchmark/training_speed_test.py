"""The comparison's rows, its report and its care for memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import training_speed
from benchmarks.peers.workload import BATCH, FIELDS, Rows, make_rows
from benchmarks.training_speed import CONTENDERS, Measured, Setting, check_memory, measure, report, that_fit


def test_rows_are_skewed_learnable_and_the_same_again(tmp_path: Path) -> None:
    rows = make_rows(20_000, table_rows=FIELDS * 1000)
    assert rows.ids.min() == 1
    assert rows.ids.max() == 999
    counts = np.bincount(rows.ids[:, 0], minlength=1000)
    # Density 1/r between 1 and 1000: ln(2)/ln(1000) of the mass lies below 2, and as much between 500 and 1000.
    assert counts[1] / len(rows.labels) == pytest.approx(np.log(2) / np.log(1000), abs=0.01)
    assert counts[500:].sum() / len(rows.labels) == pytest.approx(np.log(2) / np.log(1000), abs=0.01)
    assert 0.2 < rows.labels.mean() < 0.5
    by_id = [rows.labels[rows.ids[:, 0] == one].mean() for one in range(1, 20)]
    assert np.ptp(by_id) > 0.1
    rows.save(tmp_path / "rows.npz")
    read, again = Rows.load(tmp_path / "rows.npz"), make_rows(20_000, table_rows=FIELDS * 1000)
    for name in ("ids", "labels", "field_rows"):
        np.testing.assert_array_equal(getattr(read, name), getattr(again, name))


def test_the_report_gives_ratios_from_its_own_figures() -> None:
    found = [
        Measured("tfctr", 100_000, 0.1, 0.08, 0.2, 2**30, 0.6, 50),
        Measured("fuxictr", 100_000, 0.25, 0.2, 0.3, 2**31, 0.61, 50),
    ]
    across = [
        Measured("tfctr", size, seconds, seconds, seconds, 1, 0.6, 5) for size, seconds in ((10, 0.1), (99, 0.12))
    ]
    text = report(found, across, Setting(3, 1.0, 2, 64, Path()))
    assert "| 100,000 | FuxiCTR, batches cut beforehand | 16,384 | 13,653 – 20,480 | 250.0 ms | 2.50 × as fast" in text
    assert f"| {BATCH / 0.1:,.0f} | 20,480 – 51,200 | 100.0 ms |  | 1,024 MiB | 0.6000 after 50 |" in text
    assert "99 rows cost 1.20 × 10 rows" in text


def test_too_little_memory_is_said_before_anything_starts() -> None:
    with pytest.raises(MemoryError, match="name fewer --contenders"):
        check_memory([("tfctr", 10**12)])


def test_tfctr_trains_when_asked(tmp_path: Path) -> None:
    found = measure([("tfctr", 26_000)], Setting(rounds=2, burst_seconds=0.1, threads=1, batches=4, workdir=tmp_path))
    assert [one.name for one in found] == ["tfctr"]
    assert found[0].fastest <= found[0].step_seconds <= found[0].slowest
    assert found[0].trained_steps >= 11
    assert found[0].loss < 0.69
    assert found[0].peak_bytes > 2**28
    assert (tmp_path / "measured.jsonl").read_text().count("\n") == 1


def test_every_contender_names_its_process() -> None:
    for contender in CONTENDERS.values():
        assert contender.peer in ("", "fuxictr", "deepctr")
        assert Path(*contender.arguments[0].split(".")).with_suffix(".py").exists()


def test_contenders_that_memory_does_not_hold_are_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_speed, "free_memory", lambda: 12e9)
    assert that_fit(["tfctr", "fuxictr", "deepctr"], 100_000) == ["tfctr", "fuxictr", "deepctr"]
    assert that_fit(["tfctr", "fuxictr", "deepctr"], 10_000_000) == ["tfctr", "fuxictr"]
    body = report([], [], Setting(1, 1.0, 1, 1, Path()), [("deepctr", 10_000_000)])
    assert body.endswith("side by side: DeepCTR at 10,000,000 rows.")

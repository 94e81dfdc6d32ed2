"""`prepare`: rows on disk, no leak, cached by what they depend on, whole or not there at all."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tfctr.data import BadRowsError, DataError, load_split, prepare, prepare_table, write_log
from tfctr.data import _prepare as prepare_module
from tfctr.data._locks import locked
from tfctr.data.simulator import SimulatedLog, SimulatorConfig, simulate


@pytest.fixture(scope="module")
def log() -> SimulatedLog:
    return simulate(SimulatorConfig(rows=3000, users=50, items=40, seed=3))


def test_rows_time_and_histories(log: SimulatedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_module, "PART_ROWS", 500)
    monkeypatch.setattr(prepare_module, "BATCH_ROWS", 70)
    path = write_log(log.table, tmp_path / "log.jsonl")
    data = prepare(log.spec, path, tmp_path / "work")
    train, valid, test = (load_split(folder) for folder in (data.train, data.valid, data.test))
    assert data.rows == {"train": 2400, "valid": 300, "test": 300}
    assert pc.max(train["time"]).as_py() < pc.min(valid["time"]).as_py()
    assert pc.max(valid["time"]).as_py() < pc.min(test["time"]).as_py()
    # The histories are those of the whole log: rows of train stand in the histories of test, never the other way.
    whole = pa.concat_tables([train, valid, test])
    for column in log.spec.raw_columns():
        expected = log.table.column(column.name)
        assert whole.column(column.name).to_pylist() == expected.to_pylist(), column.name
    for part in (train, valid, test):
        for times, now in zip(part["clicked_times"].to_pylist(), part["time"].to_pylist(), strict=True):
            assert all(event < now for event in times)
    assert len(list(data.train.glob("*.parquet"))) > 1
    assert [column.name for column in log.spec.raw_columns()] == train.column_names


def test_in_memory_is_the_same(log: SimulatedLog, tmp_path: Path) -> None:
    data = prepare(log.spec, log.table, tmp_path)
    in_memory = prepare_table(log.table, log.spec)
    for name in ("train", "valid", "test"):
        assert load_split(data.folder / name).equals(in_memory[name])


def test_report_and_summary(log: SimulatedLog, tmp_path: Path) -> None:
    path = write_log(log.table, tmp_path / "log.csv")
    with path.open("a") as stream:
        stream.write("short,row\n")
    data = prepare(log.spec, path, tmp_path / "work")
    report = json.loads((tmp_path / "work" / "report.json").read_text())
    assert report == data.report
    assert report["bad_rows"]["reasons"] == {"too few columns": 1}
    assert report["splits"]["train"]["time"] == [
        log.table["time"][0].as_py(),
        load_split(data.train)["time"][-1].as_py(),
    ]
    rate = load_split(data.test)["clicked"].to_numpy().mean()
    assert report["splits"]["test"]["positive_rate"]["click"] == pytest.approx(rate)
    written = json.loads((tmp_path / "work" / "bad_rows.jsonl").read_text())
    assert (written["row"], written["reason"]) == (3001, "too few columns")
    for part in ("3,000 rows of", "train        2,400 rows   click", "2023-11-14", "1 of 3,001 rows set aside"):
        assert part in data.summary()


def test_cached_by_what_the_rows_depend_on(log: SimulatedLog, tmp_path: Path) -> None:
    path = write_log(log.table, tmp_path / "log.parquet")
    work = tmp_path / "work"
    assert not prepare(log.spec, path, work).cached
    again = prepare(log.spec, path, work)
    assert again.cached
    assert "kept from before" in again.summary()
    other_gates = log.spec.model_copy(update={"description": "other words"})
    assert prepare(other_gates, path, work).cached
    shorter = log.spec.model_copy(
        update={"history": tuple(h.model_copy(update={"max_length": 2}) for h in log.spec.history)}
    )
    changed = prepare(shorter, path, work)
    assert not changed.cached
    assert pc.max(pc.list_value_length(load_split(changed.train)["clicked_items"])).as_py() == 2
    write_log(log.table.slice(0, 2000), path)
    fewer = prepare(shorter, path, work)
    assert sum(fewer.rows.values()) == 2000
    assert not prepare(shorter, path, work, seed=1).cached
    (work / "report.json").write_text("{")
    assert not prepare(shorter, path, work, seed=1).cached


def test_a_failure_leaves_the_rows_of_before(log: SimulatedLog, tmp_path: Path) -> None:
    path = write_log(log.table, tmp_path / "log.csv")
    before = prepare(log.spec, path, tmp_path / "work")
    path.write_text(path.read_text().replace('"phone"', '"phone","tablet"'))
    with pytest.raises(BadRowsError, match="too many columns"):
        prepare(log.spec, path, tmp_path / "work")
    assert load_split(before.train).num_rows == 2400
    assert [entry.name for entry in (tmp_path / "work").iterdir() if entry.name.startswith(".partial")] == []


def _prepare_slowly(path: Path, work: Path) -> None:
    original = prepare_module._second_pass

    def slow(*arguments: object) -> None:
        (work / "in_second_pass").touch()
        time.sleep(60)
        original(*arguments)

    prepare_module._second_pass = slow
    log = simulate(SimulatorConfig(rows=3000, users=50, items=40, seed=3))
    prepare(log.spec, path, work)


def test_killed_in_the_middle_leaves_nothing_that_looks_whole(log: SimulatedLog, tmp_path: Path) -> None:
    path = write_log(log.table, tmp_path / "log.parquet")
    work = tmp_path / "work"
    process = multiprocessing.get_context("spawn").Process(target=_prepare_slowly, args=(path, work))
    process.start()
    give_up = time.monotonic() + 60
    while not (work / "in_second_pass").exists() and time.monotonic() < give_up:
        time.sleep(0.05)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join(timeout=30)
    assert not (work / "report.json").exists()
    assert list(work.glob(".partial-*"))
    data = prepare(log.spec, path, work)
    assert not data.cached
    assert data.rows["train"] == 2400
    assert not list(work.glob(".partial-*"))


def test_source_can_be_a_glob_and_must_be_something(log: SimulatedLog, tmp_path: Path) -> None:
    for day, start in enumerate((0, 1000, 2000)):
        write_log(log.table.slice(start, 1000), tmp_path / f"day={day}.csv.gz")
    assert sum(prepare(log.spec, str(tmp_path / "day=*.csv.gz"), tmp_path / "work").rows.values()) == 3000
    with pytest.raises(DataError, match=r"set `source\.dataset` in the spec"):
        prepare(log.spec, None, tmp_path / "work")
    with pytest.raises(DataError, match=r"no public data set \(did you mean 'movielens-100k'\?\)"):
        prepare(log.spec, "movielens-100", tmp_path / "work")
    with pytest.raises(DataError, match=r"part-\*\.parquet"):
        load_split(tmp_path)


def test_a_log_too_small_to_split_is_told(log: SimulatedLog, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 3 distinct times"):
        prepare(log.spec, log.table.slice(0, 2), tmp_path)
    with pytest.raises(DataError, match="is empty"):
        prepare(log.spec, log.table.slice(0, 0), tmp_path)


def test_a_folder_in_use_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = rf"another process \({os.getpid()}\) has been working here"
    with locked(tmp_path):
        with pytest.raises(DataError, match=f"{told} for 0.2 s"), locked(tmp_path, wait_seconds=0.2):
            pass
        assert caplog.text.count(f"waiting for another process ({os.getpid()})") == 1
        with pytest.raises(DataError, match=f"{told}; wait for it"), locked(tmp_path, wait_seconds=0):
            pass
    assert len(caplog.records) == 1
    with locked(tmp_path, wait_seconds=0.2):
        pass


def test_labels_of_two_tasks(tmp_path: Path) -> None:
    log = simulate(SimulatorConfig(rows=2000, conversion=True))
    data = prepare(log.spec, log.table, tmp_path)
    assert set(data.report["splits"]["train"]["positive_rate"]) == {"click", "conversion"}
    assert np.isfinite(data.report["splits"]["valid"]["positive_rate"]["conversion"])

"""The table of the benchmarks of plans, and how name=value options are read."""

from __future__ import annotations

from pathlib import Path

from benchmarks.plan_trials import as_bytes, as_count, as_milliseconds, bytes_in, markdown, pairs
from tfctr.benchmark import Score, with_spread


def test_a_row_a_variant_in_the_order_of_the_scores():
    scores = [
        Score(name, seed, {"auc": auc, "size": 2e6, "one": one})
        for name, seed, auc, one in (("full", 0, 0.8, 1.0), ("cut", 0, 0.7, 3.0), ("full", 1, 0.9, 2.0))
    ]
    columns = (("AUC", "auc", with_spread), ("size", "size", as_bytes), ("ms", "one", as_milliseconds))
    assert markdown(scores, columns).splitlines() == [
        "| model | seeds | AUC | size | ms |",
        "| --- | --- | --- | --- | --- |",
        "| full | 2 | 0.8500 ± 0.0707 | 2.00 MB | 1.50 |",
        "| cut | 1 | 0.7000 ± 0.0000 | 2.00 MB | 3.00 |",
    ]
    assert markdown(scores, (("bytes", "size", as_count),)).endswith("| cut | 1 | 2,000,000 |")


def test_options_are_read_as_yaml():
    assert pairs(["ratio=4", "budget=2 MB", "free=null"]) == {"ratio": 4, "budget": "2 MB", "free": None}
    assert pairs(None) == {}


def test_bytes_of_a_folder_are_those_of_all_files_below(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "one").write_bytes(b"12")
    (tmp_path / "deep" / "two").write_bytes(b"345")
    assert bytes_in(tmp_path) == 5

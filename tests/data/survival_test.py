"""Durations and events on their way from the log to the label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tfctr.data import BadRows, DataError, load_split, prepare, read_table, signed_durations, with_cut_points
from tfctr.spec import FeatureSpec
from tfctr.spec.survival_task import SHORTEST


def spec(**task: object) -> FeatureSpec:
    settings = {"cut_points": [1, 3], **task}
    return FeatureSpec(
        name="creatives",
        source={"max_bad_share": 0.9},
        features=[{"kind": "categorical", "name": "brand", "role": "item"}],
        tasks=[{"kind": "survival", "name": "stop", "duration": "days", "event": "stopped", **settings}],
        split={"by": "random"},
    )


def log(days: list, stopped: list, **more: list) -> pa.Table:
    brands = [f"b{index % 5}" for index in range(len(days))]
    return pa.table({"brand": brands, "days": pa.array(days, pa.float64()), "stopped": stopped, **more})


def test_signs_tell_events_from_censoring_at_any_duration() -> None:
    labels = signed_durations([2.5, 4, 0, 0], [1, 0, 1, 0])
    assert labels.tolist() == [2.5, -4, np.float32(SHORTEST), -np.float32(SHORTEST)]


def test_bad_rows_are_set_aside_with_their_reason() -> None:
    table = log([2, -1, None, 3, 4, 5], [1, 1, 1, 2, None, 0])
    bad_rows = BadRows(path=None)
    good = pa.Table.from_batches(read_table(table, spec(), bad_rows=bad_rows))
    assert good.column("days").to_pylist() == [2, 5]
    assert bad_rows.as_dict()["reasons"] == {
        "days: the duration is negative": 1,
        "days: the duration is missing or not finite": 1,
        "stopped: the event is not 0 or 1": 2,
    }


def test_a_masked_row_may_hold_anything() -> None:
    table = log([2, -1, None], [1, 5, None], known=[1, 0, 0])
    good = pa.Table.from_batches(read_table(table, spec(mask="known")))
    assert good.num_rows == 3
    assert good.column("stopped").to_pylist() == [1, 0, 0]


def test_a_log_without_events_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"task 'stop': all \d+ training rows are censored \('stopped' is 0\)"):
        prepare(spec(), log([1.0] * 60, [0] * 60), tmp_path)


def test_a_log_whose_rows_are_all_masked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"task 'stop': its mask 'known' is 0 in all \d+ training rows"):
        prepare(spec(mask="known"), log([1.0] * 60, [1] * 60, known=[0] * 60), tmp_path)


def test_the_report_tells_the_share_of_events(tmp_path: Path) -> None:
    prepared = prepare(spec(), log([1.0, 2.0] * 50, [1, 0] * 50), tmp_path)
    assert prepared.report["splits"]["train"]["positive_rate"]["stop"] == pytest.approx(0.5, abs=0.1)
    assert load_split(prepared.train).column_names == ["brand", "days", "stopped"]


def test_quantiles_become_cut_points_of_equally_many_events() -> None:
    days = np.random.default_rng(0).exponential(5, 1000)
    seen = np.arange(1000) % 2
    found = with_cut_points(spec(cut_points=(), quantiles=4), log(days.tolist(), seen.tolist())).tasks[0]
    assert found.quantiles is None
    counts = np.histogram(days[seen == 1], bins=[0, *found.cut_points])[0]
    assert max(abs(counts - 125)) <= 1
    assert found.cut_points[-1] == days[seen == 1].max()


def test_a_spec_with_cut_points_stays_as_it_is() -> None:
    given = spec()
    assert with_cut_points(given, log([1.0], [1])) is given


@pytest.mark.parametrize(
    ("days", "seen", "said"),
    [([3.0] * 9, [1] * 9, "makes one interval"), ([3.0] * 9, [0] * 9, "no training row has seen")],
)
def test_quantiles_of_one_time_or_of_nothing_are_refused(days: list, seen: list, said: str) -> None:
    with pytest.raises(DataError, match=said):
        with_cut_points(spec(cut_points=(), quantiles=3), log(days, seen))

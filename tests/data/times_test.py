"""Times, however a log writes them: formats × moments, against what Python's own datetime says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest

from tfctr.data import BadRows, BadRowsError, prepare, read_log
from tfctr.data._convert.times import to_times
from tfctr.data._time_zones import zone_clocks
from tfctr.spec import FeatureSpec, TimeColumn

RNG = np.random.default_rng(0)
SECONDS = [int(s) for s in RNG.integers(1_000_000_000, 1_900_000_000, 300)]  # 2001 to 2030
MOMENTS = [datetime.fromtimestamp(s, UTC) for s in SECONDS]
FORMATS = [
    "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%y %I:%M:%S %p", "%d.%m.%Y  %H:%M:%S", "%Y%m%d%H%M%S",
    "%d/%b/%Y:%H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%A, %d %B %Y %T", "%y%m%d%H%M%S", "%FT%TZ", "%j %Y %H:%M:%S",
    "%Y-%m-%d %H.%M.%S.%f", "%Hh%Mm%Ss %D", "100%% %Y-%m-%d %R:%S",
]  # fmt: skip
ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]


def read(values: pa.Array | list[object], **form: str) -> list[int | None]:
    times = to_times(values if isinstance(values, pa.Array) else pa.array(values), TimeColumn(column="t", **form))
    assert not any(where.any() for _, where in times.problems), times.problems
    return times.seconds.to_pylist()


def reasons(values: list[object], **form: str) -> list[str]:
    """The reason of each value, "" for one that is read; no value is both read and refused."""
    times = to_times(pa.array(values), TimeColumn(column="t", **form))
    found = [next((reason for reason, where in times.problems if where[row]), "") for row in range(len(values))]
    assert [value is None for value in times.seconds.to_pylist()] == [bool(reason) for reason in found]
    return found


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "America/New_York"])
def test_a_format_reads_what_strftime_writes(form: str, zone: str) -> None:
    local = [moment.astimezone(ZoneInfo(zone)) for moment in MOMENTS]
    wanted = SECONDS if "%z" in form else [int(t.replace(fold=0).timestamp()) for t in local]
    assert read([t.strftime(form) for t in local], format=form, zone=zone) == wanted


@pytest.mark.parametrize("between", ["T", " ", "  ", "t"])
@pytest.mark.parametrize("clock", ["%H:%M:%S", "%H:%M:%S.%f", "%H%M%S", "%H:%M"])
@pytest.mark.parametrize("zone", ["", "Z", "+00:00", "+02:30", "-0800", "+01", " UTC"])
def test_iso_8601_needs_no_word(between: str, clock: str, zone: str) -> None:
    texts = [t.strftime(f"%Y-%m-%d{between}{clock}") + zone for t in MOMENTS]
    sign = -1 if zone.startswith("-") else 1
    digits = zone.strip("+-Z UTC").replace(":", "") or "0"
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    ahead = sign * (3600 * hours + 60 * minutes)
    floor = 60 if clock == "%H:%M" else 1
    assert read(texts) == [s // floor * floor - ahead for s in SECONDS]


@pytest.mark.parametrize("zone", ZONES)
def test_days_and_timestamps_without_a_zone_are_on_the_clocks_of_the_columns(zone: str) -> None:
    days = [t.date() for t in MOMENTS]
    midnights = [int(datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(zone)).timestamp()) for d in days]
    assert read([str(d) for d in days], zone=zone) == midnights
    assert read([d.strftime("%Y/%m/%d") for d in days], zone=zone) == midnights
    for kind in (pa.date32(), pa.date64()):
        assert read(pa.array(days, kind), zone=zone) == midnights
    naive = [t.replace(tzinfo=None) for t in MOMENTS]
    on_clocks = [int(t.replace(tzinfo=ZoneInfo(zone)).timestamp()) for t in naive]
    for unit in ("s", "ms", "us", "ns"):
        assert read(pa.array(naive, pa.timestamp("us")).cast(pa.timestamp(unit), safe=False), zone=zone) == on_clocks
        aware = pa.array(naive, pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, zone), safe=False)
        assert read(aware, zone="Asia/Tokyo") == SECONDS  # it says its own


@pytest.mark.parametrize("per_second", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("told", [True, False])
def test_numbers_of_every_unit_and_type(per_second: int, told: bool) -> None:
    unit = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}[per_second]
    form = {"unit": unit} if told else {}
    whole = [s * per_second + per_second // 2 for s in SECONDS]
    kinds = [pa.int64(), pa.uint64()] + ([pa.float64()] if per_second < 10**9 else [])
    for values in [*(pa.array(whole, kind) for kind in kinds), pa.array([str(v) for v in whole])]:
        times = to_times(values, TimeColumn(column="t", **form))
        assert times.seconds.to_pylist() == SECONDS
        assert dict(times.found) == ({} if told else {unit: len(whole)})
    assert read([f" {v}.25 " for v in whole], **form) == SECONDS
    assert read([f"{v}.0" if n % 2 else str(v) for n, v in enumerate(whole)], **form) == SECONDS


def test_a_number_made_of_digits_is_not_taken_for_seconds() -> None:
    for values in ([20_240_501, 14_102_100], ["20240501", "14102100"], [20_240_501.0, 0.0]):
        assert all("say its unit" in reason for reason in reasons(values))
    assert read([20_240_501], unit="seconds") == read([20_240_501], unit="as_is") == [20_240_501]
    assert read(["20240501"], format="%Y%m%d") == read(["2024-05-01"])


def test_missing_times_stay_missing() -> None:
    assert read([None, "", "2024-05-01"]) == [None, None, 1_714_521_600]
    assert read([None, float("nan"), 1.5e9]) == [None, None, 1_500_000_000]
    assert read(pa.array(["a", None, "b"]).dictionary_encode().take(pa.array([1, 1]))) == [None, None]
    assert read([None, None], format="%Y") == [None, None]


def test_texts_of_several_forms_in_one_column_are_each_read() -> None:
    assert read(["2024-05-01", "1714521600", "1714521600000", "2024-05-01T02:00+02:00"]) == [1_714_521_600] * 4


def test_digits_that_were_numbers_keep_their_zeros() -> None:
    """Avazu's hour; a year 2005 loses its zero where a column is read as numbers."""
    assert read([14_102_100, 5_010_203], format="%y%m%d%H") == [1_413_849_600, 1_104_634_800]
    assert read(["14102100", "05010203"], format="%y%m%d%H") == [1_413_849_600, 1_104_634_800]
    assert read([14_102_100.0], format="%y%m%d%H") == [1_413_849_600]


@pytest.mark.parametrize(
    "wrong",
    ["yesterday", "2024-13-01", "2024-02-30", "2023-02-29", "2024-05-01T25:00", "2024-05-01 10:61", "01/05/2024"],
)
def test_what_is_no_time_is_refused_alone(wrong: str) -> None:
    assert reasons(["2024-05-01", wrong])[0] == ""
    assert "say meta.time.format" in reasons(["2024-05-01", wrong])[1]
    assert reasons(["2024-02-29", wrong], format="%Y-%m-%d") == ["", "no time of the form %Y-%m-%d"]


def test_an_hour_that_clocks_skip_is_refused_and_one_they_show_twice_is_the_first() -> None:
    paris = {"zone": "Europe/Paris"}
    assert reasons(["2024-03-31 01:59:59", "2024-03-31 02:30", "2024-03-31 03:00"], **paris) == [
        "", "a time that the clocks of Europe/Paris skip", "",
    ]  # fmt: skip
    twice = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Paris"))
    assert read(["2024-10-27 02:30"], **paris) == [int(twice.timestamp())]
    assert read(["2024-10-27 02:30+01:00"], **paris) == [int(twice.replace(fold=1).timestamp())]


@pytest.mark.parametrize("zone", ZONES)
def test_clocks_of_a_zone_are_those_of_python(zone: str) -> None:
    clocks = zone_clocks(zone)
    near = np.repeat(clocks.changes, 7) + np.tile([-7200, -1, 0, 1, 3599, 3600, 7200], len(clocks.changes))
    for moment in [*near.tolist(), *SECONDS]:
        wanted = datetime.fromtimestamp(moment, ZoneInfo(zone)).utcoffset()
        found = clocks.offsets[np.searchsorted(clocks.changes, moment, side="right")]
        assert timedelta(seconds=int(found)) == wanted, moment


def spec_of(time: object) -> FeatureSpec:
    return FeatureSpec(
        name="ads",
        features=[{"kind": "categorical", "name": "site", "role": "context"}],
        tasks=[{"name": "click", "label": "click"}],
        meta={"time": time},
    )


def log_of(times: list[object], path: Path) -> Path:
    rows = len(times)
    table = pa.table({"site": ["a"] * rows, "click": [0, 1] * (rows // 2), "when": times})
    csv.write_csv(table, path)
    return path


def times_in(path: Path, time: object) -> list[int]:
    return [t for batch in read_log(path, spec_of(time)) for t in batch.column("when").to_pylist()]


def test_a_log_is_split_by_what_its_times_mean(tmp_path: Path) -> None:
    """Days before months: as text they would be ordered otherwise."""
    days = [t.strftime("%d/%m/%Y") for t in sorted(MOMENTS)]
    made = prepare(
        spec_of({"column": "when", "format": "%d/%m/%Y"}), log_of(days, tmp_path / "log.csv"), tmp_path / "w"
    )
    bounds = [made.report["splits"][part]["time"] for part in ("train", "valid", "test")]
    assert bounds[0][1] < bounds[1][0] <= bounds[1][1] < bounds[2][0]


def test_a_unit_that_was_found_is_told(tmp_path: Path) -> None:
    log = log_of([1000 * s for s in SECONDS], tmp_path / "log.csv")
    made = prepare(spec_of({"column": "when"}), log, tmp_path / "found")
    assert "when: read as milliseconds, by the size of the numbers (300 rows)" in made.summary()
    said = prepare(spec_of({"column": "when", "unit": "milliseconds"}), log, tmp_path / "said")
    assert "read as" not in said.summary()
    assert made.report["splits"] == said.report["splits"]


def test_the_plain_name_keeps_whole_numbers_and_reads_texts(tmp_path: Path) -> None:
    """Whole numbers order the rows as they are, whatever they count; text that is a time used to be refused."""
    assert times_in(log_of([14_102_100, 14_102_101], tmp_path / "hours.csv"), "when") == [14_102_100, 14_102_101]
    assert times_in(log_of([1_500_000_000_123] * 2, tmp_path / "ms.csv"), "when") == [1_500_000_000_123] * 2
    assert times_in(log_of(["2024-05-01 00:00:00"] * 2, tmp_path / "iso.csv"), "when") == [1_714_521_600] * 2


def test_an_unreadable_time_is_a_bad_row(tmp_path: Path) -> None:
    log = log_of(["2024-05-01"] * 199 + ["soon"], tmp_path / "log.csv")
    bad_rows = BadRows()
    assert sum(batch.num_rows for batch in read_log(log, spec_of("when"), bad_rows=bad_rows)) == 199
    assert (bad_rows.examples[0].row, bad_rows.examples[0].value) == (200, "soon")
    with pytest.raises(BadRowsError, match="when: no time of the form %d/%m/%Y"):
        list(read_log(log, spec_of({"column": "when", "format": "%d/%m/%Y"})))

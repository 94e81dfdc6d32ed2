"""Values of every kind in every format: what the reader takes, `spec infer` takes, and both mean the same."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from tfctr.analysis import infer_spec
from tfctr.analysis.log_columns import columns_of
from tfctr.data._read_log import read_log
from tfctr.data.bad_rows import BadRows
from tfctr.spec import FeatureSpec, TimeColumn, check_columns

ROWS = 600
RNG = np.random.default_rng(0)
PICKED = RNG.integers(0, 40, ROWS)
CLICKS = RNG.integers(0, 2, ROWS)


def picked(values: Sequence[Any]) -> list[Any]:
    return [values[index % len(values)] for index in PICKED]


COLUMNS: dict[str, list[Any]] = {
    "beyond_2_53": picked([10**18 * 4 + 7 * step for step in range(40)]),
    "beyond_int64": picked([2**63 + 11 * step for step in range(40)]),
    "item_id": picked([1098.0 + step for step in range(40)]),
    "with_holes": [None if step % 9 == 0 else value for step, value in enumerate(picked(np.arange(40.0).tolist()))],
    "yes_or_no": picked(["yes", "no"]),
    "words": picked(["shoes", "hats", "coats"]),
}
"""Name -> values; each of them an id."""

LABELS: dict[str, list[Any]] = {
    "numbers": CLICKS.tolist(),
    "floats": CLICKS.astype(float).tolist(),
    "booleans": CLICKS.astype(bool).tolist(),
    "True": ["True" if click else "False" for click in CLICKS],
    "TRUE": ["TRUE" if click else "FALSE" for click in CLICKS],
    "yes": ["yes" if click else "no" for click in CLICKS],
    "y": ["Y" if click else "N" for click in CLICKS],
    "signed": (2 * CLICKS - 1).tolist(),
}
"""Ways to write down what happened."""


def as_arrow(table: dict[str, list[Any]]) -> pa.Table:
    large = {name for name, values in table.items() if isinstance(values[0], int) and max(values) >= 2**63}
    return pa.table({n: pa.array(values, pa.uint64() if n in large else None) for n, values in table.items()})


def write_csv(table: dict[str, list[Any]], folder: Path) -> Path:
    rows = zip(*table.values(), strict=True)
    lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
    (folder / "log.csv").write_text("\n".join([",".join(table), *lines]) + "\n")
    return folder / "log.csv"


def write_arrow_csv(table: dict[str, list[Any]], folder: Path) -> Path:
    pacsv.write_csv(as_arrow(table), folder / "log.csv")
    return folder / "log.csv"


def write_parquet(table: dict[str, list[Any]], folder: Path) -> Path:
    pq.write_table(as_arrow(table), folder / "log.parquet")
    return folder / "log.parquet"


def write_json(table: dict[str, list[Any]], folder: Path) -> Path:
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "log.jsonl"


FORMATS: dict[str, Callable[[dict[str, list[Any]], Path], Path]] = {
    "csv": write_csv,
    "csv of Arrow": write_arrow_csv,
    "parquet": write_parquet,
    "jsonl": write_json,
}


def inferred(path: Path) -> FeatureSpec:
    return infer_spec(path).spec


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", COLUMNS)
def test_an_id_is_an_id_in_every_format_and_read_to_the_last_digit(name: str, format: str, tmp_path: Path) -> None:
    path = FORMATS[format]({"clicked": CLICKS.tolist(), name: COLUMNS[name]}, tmp_path)
    spec = inferred(path)
    (feature,) = spec.features
    assert feature.kind == "categorical"
    bad = BadRows()
    read = [value for batch in read_log(path, spec, bad_rows=bad) for value in batch.column(name).to_pylist()]
    assert bad.bad == 0
    as_text = [None if v is None else str(int(v)) if isinstance(v, float) else str(v) for v in COLUMNS[name]]
    assert [None if value is None else str(value) for value in read] == as_text


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("way", LABELS)
def test_a_label_is_found_and_read_however_it_is_written(way: str, format: str, tmp_path: Path) -> None:
    path = FORMATS[format]({"site": picked(["a", "b", "c"]), "clicked": LABELS[way]}, tmp_path)
    spec = inferred(path)
    assert spec.tasks[0].label == "clicked"
    assert [feature.name for feature in spec.features] == ["site"]
    parts = read_log(path, spec)
    labels = np.concatenate([batch.column("clicked").to_numpy() for batch in parts])
    threshold = spec.tasks[0].at_least
    np.testing.assert_array_equal(labels >= (1 if threshold is None else threshold), CLICKS == 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(picked([decimal.Decimal("12.00"), decimal.Decimal("7.00")])), "numeric"),
        (pa.array(picked(["a", "b"])).dictionary_encode(), "categorical"),
        (pa.array(picked([b"a", b"b"])), "categorical"),
        (pa.array(picked(["a", "b"]), pa.large_string()), "categorical"),
        (pa.array(picked([True, False])), "categorical"),
    ],
)
def test_what_the_reader_takes_of_parquet_is_inferred(values: pa.Array, expected: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"clicked": CLICKS, "thing": values}), tmp_path / "log.parquet")
    spec = inferred(tmp_path / "log.parquet")
    assert [(feature.name, feature.kind) for feature in spec.features] == [("thing", expected)]
    assert sum(batch.num_rows for batch in read_log(tmp_path / "log.parquet", spec)) == ROWS


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("s", "UTC"), pa.date32()])
def test_a_column_of_times_orders_the_rows(kind: pa.DataType, tmp_path: Path) -> None:
    times = pa.array([datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=step) for step in range(ROWS)])
    table = {"clicked": pa.array(CLICKS), "site": pa.array(picked(["a", "b"])), "time": times.cast(kind, safe=False)}
    pq.write_table(pa.table(table), tmp_path / "log.parquet")
    spec = inferred(tmp_path / "log.parquet")
    assert (spec.meta.time, spec.split.by) == ("time", "time")
    first = next(iter(read_log(tmp_path / "log.parquet", spec))).column("time")[0].as_py()
    assert first == datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC).timestamp()


def test_whole_floats_of_no_id_stay_numbers(tmp_path: Path) -> None:
    """Counts of a log that has them for every row; with holes, or as an id, they are ids."""
    table = {"clicked": CLICKS.tolist(), "affinity": picked([0.0, 1.0, 3.0])}
    (feature,) = inferred(write_parquet(table, tmp_path)).features
    assert feature.kind == "numeric"


def test_the_time_of_the_event_goes_before_that_of_the_store_and_one_time_is_enough(tmp_path: Path) -> None:
    moments = pa.array([datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=step) for step in range(ROWS)])
    table = {
        "ingestion_time": moments,
        "clicked": pa.array(CLICKS),
        "site": pa.array(picked(["a", "b"])),
        "time": pa.array(1_700_000_000_000 + 1000 * np.arange(ROWS)),
    }
    pq.write_table(pa.table(table), tmp_path / "log.parquet")
    found = infer_spec(tmp_path / "log.parquet")
    assert found.spec.meta.time == TimeColumn(column="time", unit="milliseconds")
    assert [feature.name for feature in found.spec.features] == ["site"]
    assert "'time' orders the rows" in found.left_out["ingestion_time"]


def test_a_float_that_has_lost_digits_is_no_id(tmp_path: Path) -> None:
    table = {"clicked": CLICKS.tolist(), "user": [float(2**53 + 2)] + [5.0] * (ROWS - 1)}
    path = write_parquet(table, tmp_path)
    for kind in ("string", "int"):
        spec = FeatureSpec.model_validate(
            {
                "name": "log",
                "features": [{"kind": "categorical", "name": "user", "role": "user", "type": kind}],
                "tasks": [{"name": "click", "label": "clicked"}],
                "split": {"by": "random"},
            }
        )
        bad = BadRows()
        assert sum(batch.num_rows for batch in read_log(path, spec, bad_rows=bad)) == ROWS - 1
        assert "2^53" in bad.examples[0].reason


MARKED: dict[str, tuple[list[Any], str]] = {
    "clicks_before": (picked([*range(38), -1, -1]), 'null_values: ["-1"]'),
    "price": (picked([*(1.5 + step for step in range(38)), -999.0, -999.0]), 'null_values: ["-999"]'),
    "device": (picked([*(f"d{step}" for step in range(38)), "Unknown", "unknown"]), 'null_values: ["'),
    "campaign_id": (picked([*range(20), *[0] * 20]), 'null_values: ["0"]'),
    "temperature": (picked([*range(-5, 35)]), ""),
    "answer": (picked([-1, 0, 1, 1]), ""),
    "ad_id": (picked([*range(40)]), ""),
    "place": (picked(["north-west", "none of these", "na-1", "x"]), ""),
}
"""Column -> its values, and what is proposed at its line."""


@pytest.mark.parametrize("format", FORMATS)
def test_markers_of_missing_values_are_proposed_and_not_taken(format: str, tmp_path: Path) -> None:
    columns = {name: values for name, (values, _) in MARKED.items()}
    found = infer_spec(FORMATS[format]({"clicked": CLICKS.tolist(), **columns}, tmp_path))
    lines = {name: next(line for line in found.text.splitlines() if f"name: {name}," in line) for name in MARKED}
    for name, (_, proposed) in MARKED.items():
        assert proposed in lines[name].partition("#")[2]
        assert ("null_values" in lines[name]) == bool(proposed)
    assert not any(feature.null_values for feature in found.spec.features)


@pytest.mark.parametrize("format", FORMATS)
def test_null_values_are_missing_for_the_guess_too(format: str, tmp_path: Path) -> None:
    columns = {"clicked": CLICKS.tolist(), "price": picked(["1.5", "2.25", "NULL", "N/A"]), "site": picked(["a", "NA"])}
    path = FORMATS[format](columns, tmp_path)
    spec = inferred(path)
    assert [(feature.name, feature.kind) for feature in spec.features] == [
        ("price", "numeric"),
        ("site", "categorical"),
    ]
    bad = BadRows()
    assert sum(batch.num_rows for batch in read_log(path, spec, bad_rows=bad)) == ROWS
    assert check_columns(spec, columns_of(str(path), spec)) == []


WORDED: dict[str, list[Any]] = {
    "words": ["click" if click else "view" for click in CLICKS],
    "other words": ["conversion" if click else "impression" for click in CLICKS],
    "grades": [2 if click else 0 for click in CLICKS[:-1]] + [1],
    "broken": [*CLICKS[:-1].tolist(), 2],
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("way", WORDED)
def test_a_label_that_is_not_0_or_1_is_no_feature(way: str, format: str, tmp_path: Path) -> None:
    path = FORMATS[format]({"site": picked(["a", "b", "c"]), "clicked": WORDED[way]}, tmp_path)
    found = infer_spec(path)
    task = found.spec.tasks[0]
    assert (task.label, [feature.name for feature in found.spec.features]) == ("clicked", ["site"])
    assert "CHECK" in next(line for line in found.text.splitlines() if "label: clicked" in line)
    labels = np.concatenate([batch.column("clicked").to_numpy() for batch in read_log(path, found.spec)])
    np.testing.assert_array_equal((labels >= 1)[:-1], CLICKS[:-1] == 1)

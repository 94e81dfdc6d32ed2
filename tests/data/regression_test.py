"""Labels that are numbers, on their way from the log to the splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tfctr.data import BadRows, DataError, prepare, read_log, read_table
from tfctr.spec import FeatureSpec


def spec(**task: object) -> FeatureSpec:
    return FeatureSpec(
        name="films",
        source={"max_bad_share": 0.9},
        features=[{"kind": "categorical", "name": "film", "role": "item"}],
        tasks=[{"kind": "regression", "name": "rating", "label": "stars", **task}],
        split={"by": "random"},
    )


def test_any_finite_number_is_a_label_and_the_rest_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    values = ["3.5", "-20000", "0", "good", "nan", "inf", "1e39", ""]
    log = tmp_path / "log.csv"
    log.write_text("film,stars\n" + "".join(f"f,{value}\n" for value in values))
    bad_rows = BadRows(path=None)
    good = pa.Table.from_batches(read_log(log, spec(), bad_rows=bad_rows))
    assert good.column("stars").to_pylist() == [3.5, -20000, 0]
    assert bad_rows.as_dict()["reasons"] == {
        "stars: not a number": 1,
        "stars: the label is missing or NaN": 2,
        "stars: infinite": 2,
    }


def test_a_masked_row_needs_no_label_and_weights_are_checked() -> None:
    table = pa.table(
        {"film": list("abcd"), "stars": [1.0, None, 3.0, 4.0], "rated": [1, 0, 1, 1], "trust": [1.0, 1, -1, 0]}
    )
    bad_rows = BadRows(path=None)
    good = pa.Table.from_batches(read_table(table, spec(mask="rated", weight="trust"), bad_rows=bad_rows))
    assert good.column("stars").to_pylist() == [1, 0, 4]
    assert bad_rows.as_dict()["reasons"] == {"trust: a weight is missing or negative": 1}


def test_the_report_tells_the_mean_of_each_split_where_the_mask_counts(tmp_path: Path) -> None:
    stars = np.arange(200) % 5 + 1.0
    table = pa.table({"film": ["a"] * 200, "stars": stars, "rated": (stars > 3).astype(int)})
    prepared = prepare(spec(mask="rated"), table, tmp_path)
    told = prepared.report["splits"]
    assert {name: part["positive_rate"] for name, part in told.items()} == {"train": {}, "valid": {}, "test": {}}
    assert all(4 <= part["label_mean"]["rating"] <= 5 for part in told.values())
    assert "rating 4.5" in prepared.summary().splitlines()[1]


def test_a_log_whose_rows_are_all_masked_is_refused(tmp_path: Path) -> None:
    table = pa.table({"film": ["a"] * 60, "stars": [1.0] * 60, "rated": [0] * 60})
    with pytest.raises(DataError, match=r"task 'rating': its mask 'rated' is 0 in all \d+ training rows"):
        prepare(spec(mask="rated"), table, tmp_path)

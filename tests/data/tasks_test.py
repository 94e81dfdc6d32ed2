"""Several tasks in a log: their order, and masks that leave nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tfctr.data import DataError, prepare, read_table
from tfctr.data.bad_rows import BadRows
from tfctr.spec import FeatureSpec


def spec_of(**buy: str) -> FeatureSpec:
    return FeatureSpec.model_validate(
        {
            "name": "shop",
            "source": {"max_bad_share": 0.9},
            "features": [{"kind": "categorical", "name": "item", "role": "item"}],
            "tasks": [
                {"name": "click", "label": "stars", "at_least": 4},
                {"name": "buy", "label": "bought", "after": "click", **buy},
            ],
            "split": {"by": "random"},
        }
    )


def test_a_later_event_without_the_earlier_one_is_a_bad_row() -> None:
    table = pa.table({"item": list("abcd"), "stars": [5.0, 3.0, 3.0, 4.0], "bought": [1, 1, 0, 0]})
    bad_rows = BadRows()
    kept = pa.Table.from_batches(read_table(table, spec_of(), bad_rows=bad_rows))
    assert kept.column("item").to_pylist() == ["a", "c", "d"]
    assert [(row.row, row.reason, row.value) for row in bad_rows.examples] == [
        (2, "bought: buy without the click before it", "1.0")
    ]


def test_a_masked_row_breaks_no_order() -> None:
    table = pa.table({"item": list("ab"), "stars": [3.0, 3.0], "bought": [1, 1], "known": [0, 1]})
    kept = pa.Table.from_batches(read_table(table, spec_of(mask="known"), bad_rows=BadRows()))
    assert kept.column("item").to_pylist() == ["a"]


@pytest.mark.parametrize("known", [0, 1])
def test_a_task_masked_in_all_training_rows_is_an_error(tmp_path: Path, known: int) -> None:
    clicks = np.arange(200) % 2
    table = pa.table({"item": ["a"] * 200, "stars": 3.0 + 2 * clicks, "bought": clicks, "known": [known] * 200})
    if known:
        assert prepare(spec_of(mask="known"), table, tmp_path).rows["train"] > 100
        return
    with pytest.raises(DataError, match=r"task 'buy': its mask 'known' is 0 in all \d+ training rows"):
        prepare(spec_of(mask="known"), table, tmp_path)

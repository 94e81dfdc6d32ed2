"""Columns beside the rows of a plan, and plans of some of its rows, whatever the rows are read from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.data.batches_test import make_arrays, make_spec, write_examples
from tfctr.data.batches import ArrayPlan, FilePlan, ParquetPlan, SeededPlan, write_transformed

ROWS = 50
SPEC = make_spec()
KINDS = ("arrays", "files", "columns", "streamed")


@pytest.fixture
def plans(tmp_path: Path) -> dict[str, SeededPlan]:
    arrays = make_arrays(SPEC, ROWS)
    write_examples(arrays, tmp_path / "examples")
    write_transformed(arrays, tmp_path / "columns", rows_per_file=20, group_rows=8)
    options = {"batch_size": 7, "seed": 3}
    return {
        "arrays": ArrayPlan(arrays, SPEC, **options),
        "files": FilePlan(tmp_path / "examples", SPEC, **options),
        "columns": ParquetPlan(tmp_path / "columns", SPEC, **options),
        "streamed": ParquetPlan(tmp_path / "columns", SPEC, **options, memory_bytes=0, window_groups=3),
    }


def rows(plan: SeededPlan, epoch: int = 0, start_step: int = 0) -> list[int]:
    """The items of an epoch, each a row's own."""
    return [int(item) for features, *_ in plan.epoch(epoch, start_step) for item in features["item"]]


def source_order(plan: SeededPlan) -> np.ndarray:
    """The items in the order of the source."""
    return np.array(rows(plan.in_order()))


@pytest.mark.parametrize("kind", KINDS)
def test_columns_follow_their_rows(kind: str, plans: dict[str, SeededPlan]) -> None:
    plan = plans[kind]
    order = source_order(plan)
    marked = plan.with_columns({"score": order / 2.0, "pair": np.stack([order, -order], 1)})
    seen = [
        (item, score, *pair)
        for features, *_ in marked.epoch(1)
        for item, score, pair in zip(*(features[name].numpy() for name in ("item", "score", "pair")), strict=True)
    ]
    assert [item for item, *_ in seen] == rows(plan, 1)  # the same batches
    assert all((score, left, right) == (item / 2, item, -item) for item, score, left, right in seen)
    assert "score" not in next(iter(plan.epoch(1)))[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_split_has_each_row_in_one_part(kind: str, plans: dict[str, SeededPlan]) -> None:
    plan = plans[kind]
    most, few = plan.split(0.3, seed=1)
    assert (most.rows, few.rows) == (35, 15)
    for epoch in (0, 1):
        assert sorted(rows(most, epoch) + rows(few, epoch)) == sorted(rows(plan))
    assert set(rows(most, 0)) == set(rows(most, 1))
    assert rows(most, 0) != rows(most, 1)
    assert set(rows(few)) == set(rows(plans["arrays" if kind != "files" else kind].split(0.3, seed=1)[1]))
    assert most.steps_per_epoch == 5
    again = most.split(0.4, seed=2)
    assert sorted(rows(again[0]) + rows(again[1])) == sorted(rows(most))


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_can_be_read_from_any_step(kind: str, plans: dict[str, SeededPlan]) -> None:
    plan = plans[kind]
    part = plan.with_columns({"score": source_order(plan) / 2.0}).split(0.5)[0]
    assert rows(part, 2)[14:] == rows(part, 2, start_step=2)
    for features, *_ in part.epoch(2, 1):
        np.testing.assert_array_equal(features["score"].numpy() * 2, features["item"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_has_batches_of_any_size(kind: str, plans: dict[str, SeededPlan]) -> None:
    part = plans[kind].split(0.5)[0]
    larger = part.with_batch_size(10)
    assert [len(features["item"]) for features, *_ in larger.epoch(1)] == [10, 10, 5]
    assert larger.steps_per_epoch == 3
    assert rows(larger, 1, start_step=1) == rows(larger, 1)[10:]
    assert sorted(rows(larger, 1)) == sorted(rows(part, 1))
    assert part.steps_per_epoch == 4


def test_what_does_not_fit_is_told(plans: dict[str, SeededPlan]) -> None:
    plan = plans["arrays"]
    with pytest.raises(ValueError, match="'score' has 3 values, the source has 50 rows"):
        plan.with_columns({"score": np.zeros(3)})
    with pytest.raises(ValueError, match="kept has 3 values, the source has 50 rows"):
        plan.subset(np.ones(3, bool))
    with pytest.raises(ValueError, match="between 0 and 1"):
        plan.split(1.0)
    with pytest.raises(ValueError, match="one part would have none"):
        plan.subset(np.arange(50) < 1).split(0.5)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        plan.with_batch_size(0)

"""Histories against a loop over rows, and the rule that nothing of the present or the future enters."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfctr.data import DataError, add_histories
from tfctr.spec import FeatureSpec


def spec_with_history(*, positives: bool = False, max_length: int = 3, at_least: float | None = None) -> FeatureSpec:
    return FeatureSpec.model_validate(
        {
            "name": "log",
            "history": [
                {
                    "name": "seen",
                    "of": "item",
                    "by": "user",
                    "positives_of": "click" if positives else None,
                    "max_length": max_length,
                    "times": "seen_times",
                }
            ],
            "features": [
                {"kind": "categorical", "name": "item", "role": "item"},
                {"kind": "sequence", "name": "seen", "role": "user", "shares": "item", "times": "seen_times"},
            ],
            "tasks": [{"name": "click", "label": "clicked", "at_least": at_least}],
            "meta": {"time": "time", "group": "user"},
        }
    )


def log(users: list, items: list, times: list, labels: list) -> pa.Table:
    return pa.table(
        {
            "user": pa.array(users, pa.string()),
            "item": pa.array(items, pa.string()),
            "time": pa.array(times, pa.int64()),
            "clicked": pa.array(labels, pa.float32()),
        }
    )


def by_loop(rows: list[dict], *, positives: bool, max_length: int) -> list[list[tuple[str, int]]]:
    """The definition, word by word."""
    histories = []
    for row in rows:
        events = [
            (other["time"], index, other["item"])
            for index, other in enumerate(rows)
            if row["user"] is not None
            and other["user"] == row["user"]
            and other["time"] < row["time"]
            and other["item"] is not None
            and (not positives or other["clicked"] == 1)
        ]
        histories.append([(item, time) for time, _, item in sorted(events)][-max_length:])
    return histories


row_strategy = st.tuples(
    st.sampled_from(["u", "v", "w", None]),
    st.sampled_from(["a", "b", "c", None]),
    st.integers(-3, 6),  # few times, so that ties are common
    st.sampled_from([0.0, 1.0]),
)


@given(st.lists(row_strategy, max_size=40), st.booleans(), st.integers(1, 5))
def test_equals_the_loop(rows: list[tuple], positives: bool, max_length: int) -> None:
    table = log(*([list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]))
    result = add_histories(table, spec_with_history(positives=positives, max_length=max_length))
    expected = by_loop(table.to_pylist(), positives=positives, max_length=max_length)
    assert result.column("seen").to_pylist() == [[item for item, _ in events] for events in expected]
    assert result.column("seen_times").to_pylist() == [[time for _, time in events] for events in expected]


def test_ties_never_see_each_other() -> None:
    table = log(["u"] * 4, ["a", "b", "c", "d"], [5, 5, 7, 7], [1, 1, 1, 1])
    assert add_histories(table, spec_with_history()).column("seen").to_pylist() == [[], [], ["a", "b"], ["a", "b"]]


def test_positives_follow_the_task_threshold() -> None:
    table = log(["u"] * 3, ["a", "b", "c"], [1, 2, 3], [3, 4, 5])
    result = add_histories(table, spec_with_history(positives=True, at_least=4))
    assert result.column("seen").to_pylist() == [[], [], ["b"]]


def test_changing_the_future_changes_no_history() -> None:
    generator = np.random.default_rng(3)
    count = 300
    table = log(
        generator.choice(["u", "v", "w"], count).tolist(),
        generator.choice(list("abcdef"), count).tolist(),
        np.sort(generator.integers(0, 100, count)).tolist(),
        generator.integers(0, 2, count).tolist(),
    )
    spec = spec_with_history(positives=True)
    before = add_histories(table, spec)
    present = np.asarray(table.column("time")) >= 50
    scrambled = table.set_column(
        1, "item", pa.array(np.where(present, "z", np.asarray(table.column("item"))), pa.string())
    ).set_column(3, "clicked", pa.array(np.where(present, 1.0, np.asarray(table.column("clicked"))), pa.float32()))
    after = add_histories(scrambled, spec)
    until = np.asarray(table.column("time")) <= 50  # rows at 50 see only what is before 50
    assert before.filter(pa.array(until)).column("seen") == after.filter(pa.array(until)).column("seen")
    assert before.column("seen") != after.column("seen")


def test_chunks_and_slices_are_one_table() -> None:
    table = log(["u", "v", "u", "u", "v"], ["a", "b", "c", "d", "e"], [1, 2, 3, 4, 5], [1] * 5)
    expected = add_histories(table, spec_with_history())
    chunked = pa.concat_tables([table.slice(0, 2), table.slice(2, 1), table.slice(3)])
    assert add_histories(chunked, spec_with_history()).equals(expected)
    assert add_histories(pa.concat_tables([table, table]).slice(5), spec_with_history()).equals(expected)


def test_columns_of_these_names_are_replaced_and_types_kept() -> None:
    table = log(["u", "u"], ["a", "b"], [1, 2], [1, 1])
    once = add_histories(table, spec_with_history())
    assert add_histories(once, spec_with_history()) == once
    assert once.schema.field("seen").type == pa.list_(pa.string())
    assert once.schema.field("seen_times").type == pa.list_(pa.int64())


def test_missing_column_and_missing_time_are_told() -> None:
    table = log(["u", "u"], ["a", "b"], [1, None], [1, 1])
    with pytest.raises(DataError, match="1 rows have no time in 'time'"):
        add_histories(table, spec_with_history())
    with pytest.raises(DataError, match=r"'seen' needs the missing column\(s\) item"):
        add_histories(table.drop_columns(["item"]), spec_with_history())

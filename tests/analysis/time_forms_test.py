"""What `spec infer` says of a column of times reads that column: forms × what they write."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from tfctr.analysis._time_forms import time_form
from tfctr.analysis._value_statistics import ValueStatistics
from tfctr.data import times_as_seconds
from tfctr.spec import TimeColumn

MOMENTS = [
    datetime.fromtimestamp(int(t), UTC) for t in np.random.default_rng(0).integers(1_000_000_000, 1_900_000_000, 99)
]
UNITS = {"": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


def guessed(values: pa.Array) -> dict[str, str] | None:
    statistics = ValueStatistics()
    statistics.update(values)
    found = time_form(statistics)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    "form",
    ["%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%d.%m.%Y", "%d-%b-%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d",
     "%Y/%m/%d %H:%M:%S", "%d %b %Y", "%Y%m%d", "%y%m%d%H", "%Y%m%d%H%M%S"],
)  # fmt: skip
def test_texts_and_digits(form: str) -> None:
    texts = [t.strftime(form) for t in MOMENTS]
    values = pa.array([int(text) for text in texts]) if "%Y%m" in form or "%y%m" in form else pa.array(texts)
    keys = guessed(values)
    assert keys is not None
    wanted = [int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()) for text in texts]
    assert times_as_seconds(values, TimeColumn(column="t", **keys)) == (wanted, "")


@pytest.mark.parametrize("unit", UNITS)
def test_numbers(unit: str) -> None:
    values = pa.array([int(t.timestamp()) * UNITS[unit] for t in MOMENTS])
    assert guessed(values) == ({"unit": unit} if unit else {})
    assert guessed(values.cast(pa.float64(), safe=False)) == ({"unit": unit} if unit else {})


@pytest.mark.parametrize("values", [["a", "b"], ["2024-05-01", "b"], [1, 2, 3], ["12:30", "13:45"], [0.25, 0.5], []])
def test_what_is_no_time(values: list[object]) -> None:
    assert guessed(pa.array(values)) is None

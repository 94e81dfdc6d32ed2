"""The profile of a step: what counts as the floor, how a trace is read, what the tables say."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import tensorflow as tf

from benchmarks.op_times import op_milliseconds
from benchmarks.peers.workload import BATCH, DIM, FIELDS, HIDDEN_UNITS
from benchmarks.step_profile import FIT, FLOOR, INPUT, STEP, Part, matrix_products, report, timed


def test_the_floor_is_three_products_a_layer() -> None:
    widths = (FIELDS * DIM, *HIDDEN_UNITS, 1)
    shapes = [tuple(tensor.shape) for tensor in matrix_products()()]
    kernels = list(itertools.pairwise(widths))
    assert shapes == [(BATCH, 1), *reversed(kernels), (BATCH, widths[0])]


def test_parts_have_equal_turns() -> None:
    ran: dict[str, list[int]] = {"one": [], "two": []}
    parts = {name: Part(steps.append, "") for name, steps in ran.items()}
    times = timed(parts, rounds=3, steps=5)
    assert ran == {"one": [2, 5, 5, 5], "two": [2, 5, 5, 5]}
    assert all(value >= 0 for value in times.values())


def test_a_trace_is_read_by_operation(tmp_path: Path) -> None:
    @tf.function
    def squares(values: tf.Tensor) -> tf.Tensor:
        return tf.linalg.trace(tf.matmul(values, values))

    values = tf.random.normal((400, 400))
    squares(values)
    with tf.profiler.experimental.Profile(str(tmp_path)):
        squares(values).numpy()
    found = op_milliseconds(tmp_path)
    product = next(name for name in found if name.endswith("MatMul"))
    assert found[product] > 0
    assert not any("Eager" in name or "::" in name for name in found)


def test_a_missing_trace_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no trace"):
        op_milliseconds(tmp_path)


def test_the_report_relates_all_to_the_floor() -> None:
    times = {FLOOR: 50.0, STEP: 75.0, FIT: 80.0, INPUT: 5.0}
    parts = {name: Part(lambda steps: None, f"about {name}") for name in times}
    operations = {f"Op{number}": float(number) for number in range(1, 17)}
    text = report(times, parts, operations, 1_000_000, 9, 10)
    assert "| training step | 75.0 ms | 1.50 | about training step |" in text
    assert "The step is 1.50 × the floor" in text
    assert "1.60 ×. The input alone is 15.0 × as fast as the step." in text
    assert "| Op16 | 16.0 ms | 12% |" in text
    assert "| 2 others | 3.0 ms | 2% |" in text

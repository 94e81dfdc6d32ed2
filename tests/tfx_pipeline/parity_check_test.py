"""What counts as equal."""

import numpy as np
import pytest

from tfx_pipeline.parity_check import ParityReport, compare


def test_within_the_tolerance() -> None:
    found = compare("predict", {"click": np.array([[0.5], [0.25]])}, {"click": np.array([[0.5], [0.25 + 5e-7]])}, 1e-6)
    assert found.passed
    assert found.largest == pytest.approx(5e-7)
    assert found.rows == 2


@pytest.mark.parametrize(
    "served", [[[0.5], [0.2501]], [[0.5], [np.nan]], [[0.5]], [[0.25], [0.5]]], ids=["off", "nan", "lost row", "order"]
)
def test_not_within(served: list[list[float]]) -> None:
    found = compare("predict", {"click": np.array(served)}, {"click": np.array([[0.5], [0.25]])}, 1e-6)
    assert not found.passed
    report = ParityReport(1e-6, (found,))
    assert not report.passed
    assert "predict is off by" in report.reason


def test_every_task_counts() -> None:
    good, bad = np.array([[0.5]]), np.array([[0.6]])
    found = compare("predict", {"click": good, "buy": bad}, {"click": good, "buy": good}, 1e-6)
    assert not found.passed


def test_numbers_are_held_to_the_digits_that_float32_has() -> None:
    """At 20,000 its steps are 0.002; small answers beside large ones are no better."""
    near = np.array([[20_000.0], [10.0]]), np.array([[20_000.01], [10.01]])
    found = compare("predict", {"paid": near[0]}, {"paid": near[1]}, 1e-6, {"paid"})
    assert found.passed
    assert found.largest == pytest.approx(0.01 / 20_000.01)
    assert not compare("predict", {"paid": near[0]}, {"paid": near[1] + 0.02}, 1e-6, {"paid"}).passed
    assert not compare("predict", {"paid": near[0]}, {"paid": near[1]}, 1e-6).passed
    assert compare("predict", {"paid": np.zeros(3)}, {"paid": np.zeros(3)}, 1e-6, {"paid"}).largest == 0

"""The loss of numbers: by hand, in any unit, and against Keras' own."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfctr.layers.regression import RegressionLoss

LABELS = np.array([[3.0], [-1.0], [10.0], [4.0]], "float32")
ANSWERS = np.array([[1.0], [-1.5], [2.0], [4.0]], "float32")


def test_by_hand() -> None:
    assert float(RegressionLoss(2.0)(LABELS, ANSWERS)) == pytest.approx((1 + 0.0625 + 16 + 0) / 4)
    # Errors of 1, 0.25, 4 and 0 deviations, linear from 1.5 deviations on.
    assert float(RegressionLoss(2.0, delta=3.0)(LABELS, ANSWERS)) == pytest.approx((0.5 + 0.03125 + 4.875 + 0) / 4)


def test_in_units_of_one_deviation_it_is_keras_own() -> None:
    squared, huber = keras.losses.MeanSquaredError(), keras.losses.Huber(delta=1.5)
    assert float(RegressionLoss(1.0)(LABELS, ANSWERS)) == pytest.approx(float(squared(LABELS, ANSWERS)))
    assert float(RegressionLoss(1.0, delta=1.5)(LABELS, ANSWERS)) == pytest.approx(float(huber(LABELS, ANSWERS)))


@pytest.mark.parametrize("delta", [None, 3.0])
@pytest.mark.parametrize("unit", [0.001, 20_000.0])
def test_another_unit_changes_nothing(delta: float | None, unit: float) -> None:
    plain = RegressionLoss(2.0, delta)(LABELS, ANSWERS)
    other = RegressionLoss(2.0 * unit, delta and delta * unit)(LABELS * unit, ANSWERS * unit)
    assert float(other) == pytest.approx(float(plain), rel=1e-5)


def test_it_is_the_weighted_mean() -> None:
    weights = np.array([[1.0], [0.0], [3.0], [0.0]], "float32")
    assert float(RegressionLoss(2.0)(LABELS, ANSWERS, weights)) == pytest.approx((1 + 3 * 16) / 4)


def test_a_column_of_labels_meets_a_vector_of_answers_row_by_row() -> None:
    assert RegressionLoss(2.0, reduction="none")(LABELS, ANSWERS[:, 0][:, None]).shape == (4,)


def test_it_is_saved() -> None:
    loss = RegressionLoss(2.0, delta=3.0)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert (again.deviation, again.delta) == (2.0, 3.0)


@pytest.mark.parametrize("wrong", [{"deviation": 0}, {"deviation": float("nan")}, {"deviation": 1, "delta": 0}])
def test_a_scale_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="are above 0"):
        RegressionLoss(**wrong)

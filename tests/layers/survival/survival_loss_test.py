"""The likelihood of hazards: by hand, at its limits, and against the life table."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from tfctr.data import signed_durations
from tfctr.layers.survival import HazardHead, SurvivalLoss, expected_life, hazards, integrated_hazards, survival_curve
from tfctr.training.metrics import life_table, survival_nll

CUTS = (3.0, 5.0, 7.0, 10.0)
HAZARDS = np.array([[0.1, 0.2, 0.3, 0.4]], "float32")
INTEGRATED = -np.log1p(-HAZARDS)


def numpy(tensor: object) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def loss_of(duration: float, event: int) -> float:
    return float(SurvivalLoss(CUTS, start=1)(signed_durations([duration], [event])[:, None], INTEGRATED))


@pytest.mark.parametrize(
    ("duration", "event", "expected"),
    [
        (2, 1, 2.302585),  # in the first interval
        (6, 1, 1.532477),  # in the third
        (7, 1, 1.532477),  # intervals are closed on the right
        (5, 0, 0.328504),  # censored after two whole intervals
        (11, 1, 1.196005),  # an event after the last cut point: survived all
        (11, 0, 1.196005),
        (1.9, 0, 0.0),  # censored before the middle of the first interval
        (2, 0, 0.105361),  # at its middle: credited
        (8.4, 0, 0.685179),  # before the middle of the last, 8.5
        (8.5, 0, 1.196005),
        (1, 1, 0.0),  # before the first interval: says nothing
        (0, 1, 0.0),
        (0, 0, 0.0),
    ],
)
def test_likelihood_by_hand(duration: float, event: int, expected: float) -> None:
    assert loss_of(duration, event) == pytest.approx(expected, abs=1e-6)


def test_an_event_at_0_is_in_an_interval_that_begins_there() -> None:
    loss = SurvivalLoss((2, 4))
    at_once = loss(signed_durations([0.0], [1])[:, None], INTEGRATED[:, :2])
    assert float(at_once) == pytest.approx(2.302585, abs=1e-6)


def test_curves_by_hand() -> None:
    np.testing.assert_allclose(numpy(hazards(INTEGRATED)), HAZARDS, rtol=1e-6)
    curve = numpy(survival_curve(INTEGRATED))
    np.testing.assert_allclose(curve, [[0.9, 0.72, 0.504, 0.3024]], rtol=1e-6)
    masses = -np.diff(np.r_[1.0, curve[0]])
    np.testing.assert_allclose(masses, [0.1, 0.18, 0.216, 0.2016], rtol=1e-5)
    assert numpy(expected_life(INTEGRATED, CUTS, start=1)) == pytest.approx(6.752, abs=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_extreme_logits_keep_their_likelihood(dtype: str) -> None:
    logits = ops.convert_to_tensor([[-30.0, 30.0]], dtype=dtype)
    loss = SurvivalLoss((1.0, 2.0))
    certain = loss(np.array([[1.5]], "float32"), integrated_hazards(logits))  # survived the first, ended in the second
    wrong = loss(np.array([[0.5]], "float32"), integrated_hazards(logits))  # ended in the first
    late = loss(np.array([[9.0]], "float32"), integrated_hazards(logits))  # survived both
    assert [float(certain), float(wrong), float(late)] == pytest.approx([0, 30, 30], abs=1e-5)


def test_gradient_is_survived_times_hazard_less_ended_times_rest() -> None:
    import tensorflow as tf

    logits = tf.Variable([[-30.0, -1.0, 0.5, 30.0], [2.0, -0.3, 0.1, 0.7], [-0.2, 0.4, -2.0, 1.0]])
    labels = signed_durations([9, 4, 6.5], [1, 1, 0])[:, None]
    with tf.GradientTape() as tape:
        loss = SurvivalLoss(CUTS, start=1, reduction="sum")(labels, integrated_hazards(logits))
    survived = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 0]])
    ended = np.array([[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]])
    hazard = 1 / (1 + np.exp(-logits.numpy().astype("float64")))
    np.testing.assert_allclose(tape.gradient(loss, logits), survived * hazard - ended * (1 - hazard), atol=1e-6)


def test_a_batch_whose_rows_are_all_masked_teaches_nothing() -> None:
    import tensorflow as tf

    logits = tf.Variable([[-30.0, -1.0, 0.5, 30.0], [2.0, -0.3, 0.1, 0.7]])
    with tf.GradientTape() as tape:
        labels, nobody = signed_durations([9, 0], [1, 0])[:, None], np.zeros((2, 1))
        loss = SurvivalLoss(CUTS)(labels, integrated_hazards(logits), nobody)
    assert float(loss) == 0
    np.testing.assert_array_equal(tape.gradient(loss, logits), np.zeros((2, 4)))


def test_weights_are_relative_and_equal_ones_change_nothing() -> None:
    labels = signed_durations([2, 6, 9], [1, 1, 0])[:, None]
    integrated = np.repeat(INTEGRATED, 3, axis=0)
    loss = SurvivalLoss(CUTS, start=1)
    assert float(loss(labels, integrated)) == float(loss(labels, integrated, np.ones((3, 1), "float32")))
    clicks = np.array([[0.01], [0.03], [0.0]], "float32")
    expected = (0.01 * loss_of(2, 1) + 0.03 * loss_of(6, 1)) / 0.04
    assert float(loss(labels, integrated, clicks)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(labels, integrated, clicks * 100)) == pytest.approx(expected, rel=1e-5)


def test_a_head_of_biases_learns_the_life_table_and_begins_there_when_told() -> None:
    rng = np.random.default_rng(0)
    days, seen = rng.exponential(5, 400), rng.random(400) < 0.6
    table = life_table(days, seen, CUTS)
    begun = HazardHead(4, tuple(table))
    np.testing.assert_allclose(
        numpy(hazards(integrated_hazards(begun(np.zeros((1, 2), "float32")))))[0], table, rtol=1e-5
    )
    model = keras.Sequential([keras.Input((1,)), HazardHead(4), keras.layers.Lambda(integrated_hazards)])
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=SurvivalLoss(CUTS))
    zeros = np.zeros((400, 1), "float32")
    model.fit(zeros, signed_durations(days, seen)[:, None], batch_size=400, epochs=200, verbose=0)
    answer = numpy(model(zeros[:1]))
    np.testing.assert_allclose(numpy(hazards(answer))[0], table, rtol=1e-3)
    curves = np.repeat(numpy(survival_curve(answer)), 400, axis=0)
    trained = float(SurvivalLoss(CUTS)(signed_durations(days, seen)[:, None], np.repeat(answer, 400, axis=0)))
    assert survival_nll(days, seen, curves, CUTS) == pytest.approx(trained, rel=1e-4)


def test_a_head_begins_with_equal_masses() -> None:
    curve = numpy(survival_curve(integrated_hazards(HazardHead(3)(np.zeros((1, 2), "float32")))))
    np.testing.assert_allclose(curve, [[0.75, 0.5, 0.25]], rtol=1e-6)


def test_the_loss_comes_back_from_its_config() -> None:
    loss = SurvivalLoss(CUTS, start=1, name="short")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("cut_points", [(), (3, 3), (0, 1), (5, 2)])
def test_cut_points_must_ascend(cut_points: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must ascend from 0"):
        SurvivalLoss(cut_points)


@pytest.mark.parametrize("base", [(0.1,), (0.0, 0.2), (0.1, 1.0)])
def test_base_hazards_must_be_hazards(base: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="2 numbers in"):
        HazardHead(2, base)

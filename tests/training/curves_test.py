"""What a run leaves in its folder: history, curves, and TensorBoard's files when they are wanted."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
import tensorflow as tf

from tests.training.planted import bound, train_plan, valid_data
from tfctr.models.dnn import DNN
from tfctr.training import FitConfig, fit
from tfctr.training._fit import history_of


def small_model() -> DNN:
    keras.utils.set_random_seed(3)
    return DNN(bound(), embedding_dim=4, hidden_units=(8,))


def scalars(folder: Path, name: str) -> dict[int, float]:
    """Step -> value of one plot, read from the event files."""
    records = tf.data.TFRecordDataset([str(file) for file in folder.iterdir()])
    events = [tf.compat.v1.Event.FromString(record.numpy()) for record in records]
    values = [(event.step, value) for event in events for value in event.summary.value if value.tag == name]
    assert all(value.metadata.plugin_data.plugin_name == "scalars" for _, value in values)
    return {step: float(tf.make_ndarray(value.tensor)) for step, value in values}


def test_tensorboard_is_given_what_the_history_says(tmp_path: Path) -> None:
    result = fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=2, tensorboard=True), tmp_path)
    for run, name, key in (("train", "epoch_loss", "loss"), ("validation", "epoch_auc", "val_auc")):
        found = scalars(tmp_path / "tensorboard" / run, name)
        assert found == pytest.approx({row["epoch"]: row[key] for row in result.history}, rel=1e-6)
    assert len(list(history_of(tmp_path))) == 2


def test_curves_are_drawn_and_tensorboard_is_off_by_default(tmp_path: Path) -> None:
    fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=1), tmp_path / "one")
    assert not (tmp_path / "one" / "curves.png").exists()  # a point is no curve
    fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=2), tmp_path)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "tensorboard").exists()


def test_tensorboard_can_be_switched_on_for_a_run_in_hand(tmp_path: Path) -> None:
    fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=1), tmp_path)
    result = fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=1, tensorboard=True), tmp_path)
    assert len(result.history) == 1


def test_tensorboard_needs_a_folder() -> None:
    with pytest.raises(ValueError, match="workdir, which is None"):
        fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=1, tensorboard=True))

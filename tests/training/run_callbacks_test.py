"""A caller's callbacks see one run, whatever the driver does between its epochs."""

from __future__ import annotations

import contextlib
from pathlib import Path

import keras

from tests.training.planted import bound, train_plan, valid_data
from tfctr.models.dnn import DNN
from tfctr.training import FitConfig, fit

CONFIG = FitConfig(epochs=6, learning_rate=0.02, patience=6)


class Diary(keras.callbacks.Callback):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, int]] = []
        self.logs: list[dict] = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.told.append(("train begins", 0))

    def on_train_end(self, logs: dict | None = None) -> None:
        self.told.append(("train ends", 0))

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.told.append(("begins", epoch))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.told.append(("ends", epoch))
        self.logs.append(logs or {})


def model() -> DNN:
    keras.utils.set_random_seed(3)
    return DNN(bound(), embedding_dim=4, hidden_units=(16,))


def test_training_begins_and_ends_once_and_epochs_end_with_validation_figures() -> None:
    diary = Diary()
    fit(model(), train_plan(), valid_data(), FitConfig(epochs=2), callbacks=(diary,))
    assert [what for what, _ in diary.told] == ["train begins", "begins", "ends", "begins", "ends", "train ends"]
    assert {"loss", "val_auc", "val_logloss"} <= set(diary.logs[0])


def test_early_stopping_counts_over_epochs_and_ends_the_run() -> None:
    never_better = keras.callbacks.EarlyStopping(monitor="val_auc", mode="max", min_delta=1.0, patience=2)
    history = fit(model(), train_plan(), valid_data(), CONFIG, callbacks=(never_better,)).history
    assert len(history) == 3  # the first one sets the mark, two are not better


def test_a_plateau_cuts_the_rate() -> None:
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="val_auc", mode="max", min_delta=1.0, patience=2, factor=0.5)
    config = CONFIG.model_copy(update={"epochs": 4, "rate_factor": 1.0})
    history = fit(model(), train_plan(), valid_data(), config, callbacks=(plateau,)).history
    rates = [round(row["learning_rate"], 4) for row in history]
    assert rates == [0.02, 0.02, 0.02, 0.01]


def test_counters_of_a_broken_off_run_go_on(tmp_path: Path) -> None:
    """The second process begins with a fresh callback and stops where the first one would have."""

    class Dies(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    def never_better() -> keras.callbacks.EarlyStopping:
        return keras.callbacks.EarlyStopping(monitor="val_auc", mode="max", min_delta=1.0, patience=3)

    with contextlib.suppress(KeyboardInterrupt):
        fit(model(), train_plan(), valid_data(), CONFIG, tmp_path, callbacks=(never_better(), Dies()))
    again = never_better()
    history = fit(model(), train_plan(), valid_data(), CONFIG, tmp_path, callbacks=(again,)).history
    assert (len(history), again.stopped_epoch) == (4, 3)

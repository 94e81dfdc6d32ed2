"""The fit driver: resume, best epoch, early stopping, divergence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.forked import exit_code, killed
from tests.training import killed_run
from tests.training.planted import bound, train_plan, valid_data
from tfctr.data import DataError
from tfctr.data._locks import locked
from tfctr.layers.embedding import DistributedTable, EmbeddingTable, FullTable, HashedTable
from tfctr.models.dnn import DNN
from tfctr.training import FitConfig, evaluate, fit
from tfctr.training._divergence import DivergedError
from tfctr.training._fit import history_of


def small_model(**options: Any) -> DNN:
    keras.utils.set_random_seed(3)
    return DNN(bound(), embedding_dim=4, hidden_units=(16,), **options)


def result_of(folder: Path) -> str:
    """What a run that nobody kills wrote at its end, as text: a NaN is not equal to itself."""
    assert exit_code(killed_run.main, str(folder)) == 0
    return (folder / killed_run.RESULT).read_text()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(DataError, match=r"another process \(\d+\) has been working here; wait for it"),
    ):
        fit(small_model(), train_plan(), valid_data(), workdir=tmp_path)


def test_a_killed_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole = result_of(tmp_path / "whole")
    for steps in (7, 23):  # in the first epoch, then, counted from there, in the second
        assert killed(killed_run.main, str(tmp_path / "killed"), steps)
    assert result_of(tmp_path / "killed") == whole


class StopAfter(keras.callbacks.Callback):
    """Break a run off after so many steps; 0 never does."""

    def __init__(self, steps: int):
        super().__init__()
        self.left = [steps]  # in a list, which a checkpoint does not keep

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.left[0] -= 1
        if self.left[0] == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("batches", [1, 4])
@pytest.mark.parametrize("table", [FullTable, DistributedTable])
def test_a_broken_off_run_ends_like_a_whole_one(table: type[EmbeddingTable], batches: int, tmp_path: Path) -> None:
    """With four batches to a step the break comes between two steps."""
    settings = {"epochs": 2, "learning_rate": 0.01, "checkpoint_seconds": 0, "clip_norm": 0.1}
    config = FitConfig(**settings, gradient_accumulation_steps=batches)

    def weights_after(folder: str, stop: int = 0) -> list[np.ndarray]:
        keras.utils.set_random_seed(3)
        model = DNN(bound(), embedding_dim=4, hidden_units=(16,), table=table(name="rows"))
        fit(model, train_plan(), valid_data(), config, tmp_path / folder, callbacks=(StopAfter(stop),))
        return model.get_weights()

    whole = weights_after("whole")
    with pytest.raises(KeyboardInterrupt):
        weights_after("broken", stop=7)
    for one, other in zip(whole, weights_after("broken"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_learns_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    model = small_model()
    config = FitConfig(epochs=12, learning_rate=0.02, patience=2)
    result = fit(model, train_plan(), valid_data(), config, tmp_path)
    best = max(row["val_auc"] for row in result.history)
    assert best > 0.65
    assert result.best["val_auc"] == best
    assert evaluate(model, valid_data())["auc"] == pytest.approx(best, abs=1e-9)
    assert [row["epoch"] for row in history_of(tmp_path)] == list(range(len(result.history)))


def test_patience_and_rate_cut() -> None:
    model = small_model()
    config = FitConfig(epochs=50, learning_rate=0.05, patience=3, rate_factor=0.1)
    history = fit(model, train_plan(), valid_data(), config).history
    assert len(history) < 50
    stale = [row["val_auc"] for row in history[-3:]]
    assert max(stale) <= max(row["val_auc"] for row in history[:-3]) + config.min_delta
    assert history[-1]["learning_rate"] == pytest.approx(0.05 * 0.01, rel=1e-5)


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    config = FitConfig(epochs=2, learning_rate=0.02)
    first = fit(small_model(), train_plan(), valid_data(), config, tmp_path)
    model = small_model()
    again = fit(model, train_plan(), valid_data(), config, tmp_path)
    assert again.history == first.history
    assert evaluate(model, valid_data())["auc"] == pytest.approx(first.best["val_auc"], abs=1e-9)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=1), tmp_path)
    with pytest.raises(ValueError, match="another spec, model or settings"):
        fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=1, learning_rate=0.5), tmp_path)


def test_a_template_of_the_same_settings_is_the_same_model(tmp_path: Path) -> None:
    # Keras numbers the templates of one process: full_table, full_table_1, …
    config = FitConfig(epochs=1)
    first = fit(small_model(table=FullTable()), train_plan(), valid_data(), config, tmp_path)
    again = fit(small_model(table=FullTable()), train_plan(), valid_data(), config, tmp_path)
    assert again.history == first.history
    with pytest.raises(ValueError, match="another spec, model or settings"):
        fit(small_model(table=HashedTable()), train_plan(), valid_data(), config, tmp_path)


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=1), tmp_path)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="truncated or not one"):
        fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=1), tmp_path)


def test_a_nan_feature_is_named() -> None:
    price = np.zeros(2400, np.float32)
    price[1000] = np.nan
    with pytest.raises(DivergedError, match=r"step \d+: the batch holds NaN or infinite values in price"):
        fit(small_model(), train_plan(price=price), valid_data(), FitConfig(epochs=1))


def test_a_rate_that_is_too_large_is_named() -> None:
    model = small_model()
    model.build()
    model.trainable_weights[0].assign(np.full(model.trainable_weights[0].shape, np.nan))
    with pytest.raises(DivergedError, match="lower learning_rate"):
        fit(model, train_plan(), valid_data(), FitConfig(epochs=1))


def test_one_class_validation_says_so() -> None:
    labels = np.zeros(2400, np.float32)
    with pytest.raises(ValueError, match="hold one class only"):
        fit(small_model(), train_plan(), train_plan(click=labels).epoch(0), FitConfig(epochs=1))


def test_gauc_can_decide() -> None:
    result = fit(small_model(), train_plan(), valid_data(), FitConfig(epochs=2, monitor="gauc"))
    assert result.best["val_gauc"] == max(row["val_gauc"] for row in result.history)

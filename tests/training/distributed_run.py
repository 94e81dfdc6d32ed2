"""Train the planted log on two devices of one process, or as one worker of two.

Usage: ``python -m tests.training.distributed_run mirrored|worker FOLDER FILE.npz OPTIMIZER...``. A worker finds
its cluster in ``TF_CONFIG``. Writes the weights and losses of each optimizer's run. A process of its own, because
TensorFlow fixes its devices and its cluster when it starts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tests.training.planted import arrays, bound, train_plan, valid_data
from tfctr.models import DNN, AdaptDHM, CTRModel
from tfctr.training import FitConfig, fit
from tfctr.training.strategy import choose_strategy

ROWS = 720
RATES = {"lazy_adagrad": 0.1, "lazy_sgd": 1.0, "routed": 1.0}
ROUTED = "routed"
"""In place of an optimizer: a model with centres that follow the rows of all replicas, trained with plain steps.

Adam would make steps of one size of gradients that are nothing but rounding.
"""


def strategy_of(where: str) -> tf.distribute.Strategy:
    """Return two devices of this process, or what the library chooses for a worker."""
    if where == "worker":
        strategy = choose_strategy()
        assert strategy.num_replicas_in_sync == 2
        return strategy
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], halves)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def small_model(optimizer: str) -> CTRModel:
    keras.utils.set_random_seed(3)
    small = {"embedding_dim": 4, "hidden_units": (16,), "embedding_l2": 1e-3}
    model = AdaptDHM(bound(), **small) if optimizer == ROUTED else DNN(bound(), **small)
    model.build()
    return model


def train(strategy: tf.distribute.Strategy, optimizer: str, folder: Path) -> dict[str, np.ndarray]:
    """Train twice in one folder: the second run finds the first one finished and takes its weights."""
    config = FitConfig(
        epochs=2,
        optimizer="lazy_sgd" if optimizer == ROUTED else optimizer,
        learning_rate=RATES.get(optimizer, 0.02),
        clip_norm=0.02,
        patience=2,
    )
    plan = train_plan(batch_size=120, **arrays(ROWS))
    with strategy.scope():
        model = small_model(optimizer)
        result = fit(model, plan, valid_data(200), config, folder)
        again = small_model(optimizer)
        fit(again, plan, valid_data(200), config, folder)
    found = {f"weight_{i}": np.asarray(w) for i, w in enumerate(model.get_weights())}
    for mine, theirs in zip(found.values(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    found["loss"] = np.array([row["loss"] for row in result.history])
    found["val_logloss"] = np.array([row["val_logloss"] for row in result.history])
    return found


def runs(strategy: tf.distribute.Strategy, folder: Path, optimizers: Sequence[str]) -> dict[str, np.ndarray]:
    """Train with each optimizer; names are led by ``<optimizer>/``."""
    return {
        f"{optimizer}/{name}": array
        for optimizer in optimizers
        for name, array in train(strategy, optimizer, folder / optimizer).items()
    }


def main(where: str, folder: str, file: str, *optimizers: str) -> None:
    """Write what came out."""
    np.savez(file, **runs(strategy_of(where), Path(folder), optimizers))


if __name__ == "__main__":
    main(*sys.argv[1:])

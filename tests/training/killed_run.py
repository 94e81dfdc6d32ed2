"""Training that dies by SIGKILL, for a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path

import keras
import numpy as np

from tests.training.planted import bound, train_plan, valid_data
from tfctr.models.dnn import DNN
from tfctr.training import FitConfig, fit

RESULT = "result.json"
"""Digest of the weights, figures of the epochs, and what a callback counted."""


class DieAfter(keras.callbacks.Callback):
    """Kill this very process after so many steps, as an out-of-memory killer would."""

    def __init__(self, steps: int):
        super().__init__()
        self.left = [steps]  # in a list, which a checkpoint does not keep: every process counts from its own start

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.left[0] -= 1
        if self.left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Counting(keras.callbacks.Callback):
    """Counts what it is told; the counters of a resumed run go on."""

    def __init__(self) -> None:
        super().__init__()
        self.batches, self.epochs, self.last_batch = 0, 0, -1

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.batches, self.last_batch = self.batches + 1, batch

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.epochs += 1


def main(folder: str, steps: int = 0) -> None:
    """Train in a folder, write there what came out, and die by SIGKILL after so many steps when some are given."""
    keras.utils.set_random_seed(1)
    model = DNN(bound(), embedding_dim=4, hidden_units=(16,), dropout_rate=0.2)
    config = FitConfig(epochs=3, patience=3, checkpoint_seconds=0, learning_rate=0.01, clip_norm=5.0)
    counting = Counting()
    callbacks = (counting, DieAfter(steps)) if steps else (counting,)
    result = fit(model, train_plan(), valid_data(), config, folder, callbacks=callbacks)
    digest = hashlib.sha256(b"".join(np.asarray(w).tobytes() for w in model.weights)).hexdigest()
    figures = [{k: v for k, v in row.items() if k.startswith(("loss", "val_"))} for row in result.history]
    counted = [counting.batches, counting.epochs, counting.last_batch]
    (Path(folder) / RESULT).write_text(json.dumps([digest, figures, *counted]))

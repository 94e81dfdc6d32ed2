"""Train the planted log on JAX by plain `model.fit`; imported by a process that has no TensorFlow."""

from __future__ import annotations

import json

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from tests.training.planted_rows import SPEC, arrays, bound
from tfctr.models import MODELS


def rows(count: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return inputs and labels ``(rows, 1)``."""
    log = arrays(count, seed)
    return {info.name: log[info.name] for info in SPEC.inputs()}, log["click"].reshape(-1, 1)


def main(*names: str) -> None:
    """Fit each model and print its losses and its AUC as JSON."""
    assert keras.backend.backend() == "jax", "set KERAS_BACKEND=jax"
    found = {}
    valid, truth = rows(1000, 1)
    for name in names:
        keras.utils.set_random_seed(3)
        model = MODELS[name](bound(), embedding_dim=4)
        model.compile(keras.optimizers.Adam(0.01))
        history = model.fit(*rows(4000, 0), batch_size=200, epochs=8, verbose=0).history["loss"]
        found[name] = [history, roc_auc_score(truth, model.predict(valid, verbose=0))]
    print("RESULT", json.dumps(found))

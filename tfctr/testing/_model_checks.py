"""What every model must stand: all that a layer must, and what only a model can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from tfctr.models import ENTRIES, CTRModel
from tfctr.spec import BoundSpec
from tfctr.testing._examples import example, example_spec
from tfctr.testing._layer_checks import LAYER_CHECKS, Check
from tfctr.testing._recipe import Recipe


def model_recipe(
    model: type[CTRModel], hyperparameters: Mapping[str, Any] | None = None, spec: BoundSpec | None = None
) -> Recipe:
    """Return the recipe of a model.

    Args:
        model: Its class; `register_model` says the hyper-parameters of a small one.
        hyperparameters: In place of those.
        spec: In place of the first example spec that the model accepts.
    """
    entry = ENTRIES.get(model.__name__)
    small = dict(entry.small if entry and hyperparameters is None else hyperparameters or {})
    bound = spec or example_spec(model)
    return Recipe(model, lambda: model(bound, **small), example, "model", entry.untrained if entry else {})


def check_keras_fit(recipe: Recipe) -> None:
    """Plain `compile`, `fit`, `evaluate` and `predict` of Keras work, and fitting lowers the loss."""
    keras.utils.set_random_seed(0)
    model, features = recipe.make(), recipe.inputs(8)["features"]
    tasks = [task.name for task in model.spec.spec.tasks]
    labels = (np.arange(8) % 2).astype("float32")[:, None]
    wanted = labels if len(tasks) == 1 else dict.fromkeys(tasks, labels)
    model.compile(optimizer=keras.optimizers.Adam(0.01), run_eagerly=True)  # nothing is traced for 8 rows
    losses = model.fit(features, wanted, epochs=3, batch_size=8, verbose=0).history["loss"]
    assert np.isfinite(losses).all(), f"losses of fit: {losses}"
    assert losses[-1] < losses[0], f"3 epochs did not lower the loss: {losses}"
    outputs = keras.tree.flatten(model.predict(features, verbose=0))
    assert all(np.isfinite(output).all() and len(output) == 8 for output in outputs), "predict"


MODEL_CHECKS: tuple[Check, ...] = (*LAYER_CHECKS, check_keras_fit)
"""All of them, in the order in which a mistake is told best."""

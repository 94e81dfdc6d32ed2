"""Run the table on the JAX backend and write what it answers.

``KERAS_BACKEND=jax python -m tests.conformance.jax_child FILE.npz``: a process of its own, because Keras takes its
backend when it is imported.
"""

from __future__ import annotations

import sys
from typing import Any

import keras
import numpy as np

from tests.conformance.network_table import NETWORKS
from tfctr.testing._recipe import Inputs, answers, arguments


def compiled(layer: Any, inputs: Inputs, training: bool) -> Any:
    """Call a layer under ``jax.jit``, its weights going in as arguments."""
    import jax

    first, others = arguments(layer, inputs, training)
    flags = {name: others.pop(name) for name in ("training",) if name in others}

    def stateless(trainable: Any, fixed: Any, first: Any, others: dict[str, Any]) -> Any:
        return layer.stateless_call(trainable, fixed, first, **others, **flags)[0]

    weights = [[v.value for v in kind] for kind in (layer.trainable_variables, layer.non_trainable_variables)]
    return jax.jit(stateless)(*weights, first, others)


def main(path: str) -> None:
    """Write every array under ``kind-name/what/index``."""
    assert keras.backend.backend() == "jax", "set KERAS_BACKEND=jax"
    # Later on Keras itself imports it, when it serializes a config.
    assert "tensorflow" not in sys.modules, "a layer or a model imports TensorFlow"
    found = {
        f"{recipe.kind}-{recipe.name}/{what}/{index}": array
        for recipe in NETWORKS
        for what, outputs in answers(recipe, compiled).items()
        for index, array in enumerate(outputs)
    }
    np.savez(path, **found)


if __name__ == "__main__":
    main(sys.argv[1])

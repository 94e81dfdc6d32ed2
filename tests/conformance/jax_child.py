"""Run the table on the JAX backend and write what it answers: ``python -m tests.conformance.jax_child FILE.npz``.

A process of its own, because Keras takes its backend when it is imported.
"""

from __future__ import annotations

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np

from tests.conformance.descriptors import NETWORKS
from tests.conformance.recipe import measured, stepped


def main(path: str) -> None:
    """Write every array under ``kind-name/what/index``."""
    found: dict[str, np.ndarray] = {}
    for descriptor in NETWORKS:
        results = measured(descriptor)
        if descriptor.kind == "model":
            results["step"] = stepped(descriptor)
        for what, arrays in results.items():
            for index, array in enumerate(arrays):
                found[f"{descriptor.kind}-{descriptor.name}/{what}/{index}"] = array
    assert "tensorflow" not in sys.modules, "something of ours imports TensorFlow on the JAX backend"
    np.savez(path, **found)


if __name__ == "__main__":
    main(sys.argv[1])

"""Write golden files anew: ``python -m tests.conformance.regenerate_goldens [NAME ...]``, all without a name.

A change of a golden file is a change of what saved models answer: say so in the changelog.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.conformance.network_table import NETWORKS
from tests.conformance.recipe import Descriptor, filled, measured

FOLDER = Path(__file__).parent / "goldens"


def golden_path(descriptor: Descriptor) -> Path:
    """The file of a descriptor."""
    return FOLDER / f"{descriptor.kind}-{descriptor.name}.json"


def golden(descriptor: Descriptor) -> dict[str, Any]:
    """Plain data: weights by name and shape in their order, and outputs in both modes."""
    layer = filled(descriptor)
    weights = [[weight.name, list(weight.shape)] for weight in layer.weights]
    found = measured(descriptor, layer=layer)
    outputs = {mode: [_plain(array) for array in outputs] for mode, outputs in found.items()}
    return {"weights": weights, **outputs}


def _plain(array: np.ndarray) -> dict[str, Any]:
    values = array.astype("float64").ravel()
    return {"shape": list(array.shape), "values": [float(f"{value:.7g}") for value in values]}


def main(names: list[str]) -> None:
    """Write the files of these classes, or of all."""
    FOLDER.mkdir(exist_ok=True)
    for descriptor in NETWORKS:
        if not names or descriptor.name in names:
            golden_path(descriptor).write_text(json.dumps(golden(descriptor)) + "\n")
            print(f"wrote {golden_path(descriptor).name}")


if __name__ == "__main__":
    main(sys.argv[1:])

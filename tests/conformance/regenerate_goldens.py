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
from tfctr.testing._recipe import Recipe, filled, measured

FOLDER = Path(__file__).parent / "goldens"


def golden_path(recipe: Recipe) -> Path:
    """The file of a recipe."""
    return FOLDER / f"{recipe.kind}-{recipe.name}.json"


def golden(recipe: Recipe) -> dict[str, Any]:
    """Plain data: weights by name and shape in their order, and outputs in both modes."""
    layer = filled(recipe)
    weights = [[weight.name, list(weight.shape)] for weight in layer.weights]
    found = measured(recipe, layer=layer)
    outputs = {mode: [_plain(array) for array in outputs] for mode, outputs in found.items()}
    return {"weights": weights, **outputs}


def _plain(array: np.ndarray) -> dict[str, Any]:
    values = array.astype("float64").ravel()
    return {"shape": list(array.shape), "values": [float(f"{value:.7g}") for value in values]}


def main(names: list[str]) -> None:
    """Write the files of these classes, or of all."""
    FOLDER.mkdir(exist_ok=True)
    for recipe in NETWORKS:
        if not names or recipe.name in names:
            golden_path(recipe).write_text(json.dumps(golden(recipe)) + "\n")
            print(f"wrote {golden_path(recipe).name}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The towers of a model, and how thin their maps are."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from tfctr.layers.towers import MLP
from tfctr.spec import suggest


def towers_of(model: keras.Model) -> dict[str, MLP]:
    """Return the MLPs that a model itself is made of, by name; those that its layers make are not among them.

    A second one of the same name is told apart by a number: ``tower``, ``tower_2``.
    """
    towers: dict[str, MLP] = {}
    for layer in model.layers:
        if isinstance(layer, MLP):
            number = 1 + sum(tower.name == layer.name for tower in towers.values())
            towers[layer.name if number == 1 else f"{layer.name}_{number}"] = layer
    return towers


def factor_towers(model: keras.Model, ranks: Mapping[str, Mapping[str, int]], *, inner_activation: bool) -> None:
    """Tell the towers of a model that is not built yet which of their maps are factored.

    Raises:
        ValueError: When `ranks` names a tower that the model does not have.
    """
    towers = towers_of(model)
    for name, maps in ranks.items():
        if name not in towers:
            known = ", ".join(towers) or "none"
            raise ValueError(
                f"ranks names {name!r}, no tower of {type(model).__name__}{suggest(name, towers)}. It has: {known}"
            )
        towers[name].factor(maps, inner_activation=inner_activation)
